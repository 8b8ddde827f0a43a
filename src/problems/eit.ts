/**
 * Damage location by electrical impedance (arXiv 2305.20004 §4.4): where in a plate is a disc of low conductivity? On the unit
 * square −∇·(a ∇u) = 0, with a = 1.5 inside a disc of radius 0.1 about θ and 10 outside. Three experiments prescribe ∂u/∂x = 0.1
 * on the left and right edges and/or ∂u/∂y = 0.1 on the bottom and top ones (1: both; 2: left and right; 3: bottom and top), zero
 * flux elsewhere. The first is the sum of the others, which share one factorisation. Potentials are read at 50 points of each edge;
 * a mean of 0 over the 200 sensors of an experiment fixes the constant.
 *
 * The posterior extends beyond the box [0.2, 0.8]², on which the prior is uniform with soft edges. The forward model clamps θ to the
 * box, so that outside it the prior alone decides.
 */
import { gaussianNoise } from "../distributions/noise/gaussian.ts";
import { normal } from "../distributions/normal.ts";
import { softUniform } from "../distributions/soft-uniform.ts";
import { rectangle } from "../fem/generators.ts";
import { type Poisson, poisson } from "../fem/poisson.ts";
import {
  abs,
  add,
  clamp,
  columns,
  concat,
  div,
  linearMap,
  maximum,
  mul,
  relu,
  slice,
  sqrt,
  square,
  sub,
} from "../graph/build.ts";
import type { Tensor } from "../graph/tensor.ts";
import { spline } from "../guides/spline.ts";
import { defineProblem } from "../problem/define.ts";
import type { Problem } from "../problem/problem.ts";
import { type SparseMatrix, sparseMatrix } from "../sparse/matrix.ts";
import type { Preset } from "../train/options.ts";
import { paperGaussian } from "./paper.ts";

/** Radius of the disc. @internal except for pictures, like the box and the sensors */
export const RADIUS = 0.1;
const INSIDE = 1.5;
const OUTSIDE = 10;
const NOISE_SD = 0.005;
export const LOW = 0.2;
export const HIGH = 0.8;
/** Cells along each edge of the plate. */
const CELLS = 64;
/**
 * The conductivity of a cell on the rim lies between the arithmetic mean of its parts (along the rim) and the harmonic mean (across
 * it). With this share of the arithmetic mean, the data of 48² to 80² cells are closest to those of 512² (rms at most 1.2e-5 for 64²;
 * 6e-5 with arithmetic means alone).
 */
const ALONG = 0.8;

/** Sensors of an edge, at centres of cells of a 395² grid: p_k = ⌊1 + 392 k/49⌋, k = 0…49. */
const STEPS = Array.from({ length: 50 }, (_, k) => (Math.floor(1 + (392 * k) / 49) + 0.5) / 395);
const EDGE = 0.5 / 395;
/** Bottom, then left and right in pairs upwards, then top. */
export const SENSORS: readonly (readonly [number, number])[] = [
  ...STEPS.map((x) => [x, EDGE] as const),
  ...STEPS.flatMap((y) => [[EDGE, y] as const, [1 - EDGE, y] as const]),
  ...STEPS.map((x) => [x, 1 - EDGE] as const),
];

interface Plate {
  /** Cells along each edge. */
  readonly cells: number;
  readonly model: Poisson;
  /** Centres of the cells. */
  readonly x: Float64Array;
  readonly y: Float64Array;
  /** (cells) → (E): both triangles of a cell. */
  readonly halves: SparseMatrix;
}

function makePlate(cells: number): Plate {
  const mesh = rectangle({ cells });
  const flux = OUTSIDE * 0.1; // the edges are always outside the disc
  const model = poisson({
    mesh,
    neumann: [
      { on: "left", flux: [-flux, 0] },
      { on: "right", flux: [flux, 0] },
      { on: "bottom", flux: [0, -flux] },
      { on: "top", flux: [0, flux] },
    ],
    gauge: "sensors",
    sensors: SENSORS,
  });
  const count = cells * cells;
  return {
    cells,
    model,
    x: Float64Array.from({ length: count }, (_, i) => ((i % cells) + 0.5) / cells),
    y: Float64Array.from({ length: count }, (_, i) => (Math.floor(i / cells) + 0.5) / cells),
    halves: sparseMatrix(
      count,
      2 * count,
      Array.from({ length: 2 * count }, (_, e) => [e, Math.floor(e / 2), 1] as const),
    ),
  };
}

/**
 * Share of each cell's area in the disc (B, cells), with the rim replaced by its tangent. With d the distance of the cell's centre
 * from the rim, inwards, and p, q half the cell's extent along and across the normal,
 *
 *   f = [(d + p + q)₊² − (d + p − q)₊² − (d − p + q)₊² + (d − p − q)₊²] / 8pq.
 *
 * The rim deviates from its tangent by h²/24R on average, and d is reduced by this. The error of a share is at most 0.01, that of
 * the disc's area 4e-4.
 */
function areaFraction(centre: Tensor, { cells, x, y }: Plate): Tensor {
  const h = 1 / cells;
  const [dx, dy] = [sub(x, columns(centre, [0])), sub(y, columns(centre, [1]))];
  const distance = sqrt(add(add(square(dx), square(dy)), 1e-12));
  const d = sub(RADIUS - (h * h) / (24 * RADIUS), distance);
  const p = mul(maximum(div(abs(dx), distance), 1e-3), h / 2);
  const q = mul(maximum(div(abs(dy), distance), 1e-3), h / 2);
  const part = (t: Tensor): Tensor => square(relu(t));
  const [sum, difference] = [add(p, q), sub(p, q)];
  const outer = add(part(add(d, sum)), part(sub(d, sum)));
  const inner = add(part(add(d, difference)), part(sub(d, difference)));
  return clamp(div(sub(outer, inner), mul(mul(p, q), 8)), 0, 1);
}

/** Conductivity of the triangles (B, E). */
function conductivity(fraction: Tensor, { halves }: Plate): Tensor {
  const along = add(mul(fraction, INSIDE - OUTSIDE), OUTSIDE);
  const across = div(1, add(mul(fraction, 1 / INSIDE - 1 / OUTSIDE), 1 / OUTSIDE));
  return linearMap(add(mul(along, ALONG), mul(across, 1 - ALONG)), halves);
}

/** The forward model on a grid of `cells` cells along each edge, made at the first use. @internal except for tests */
export function plateForward(cells: number): (theta: Tensor) => Tensor {
  let plate: Plate | null = null;
  return (theta) => {
    plate ??= makePlate(cells);
    const fraction = areaFraction(clamp(theta, LOW, HIGH), plate);
    const u = plate.model.observe(conductivity(fraction, plate)); // (B, 2 · 200)
    const [second, third] = [slice(u, 0, 200), slice(u, 200, 400)];
    return concat(add(second, third), second, third);
  };
}

const guide = /* @__PURE__ */ spline({ bins: 16, embedding: [96, 96], hidden: [32, 32] });
const presets: Readonly<Record<string, Preset>> = {
  fast: { spline: { guide, batch: 128, steps: 20_000, rate: 4e-3, bank: 20_000 } },
  default: { spline: { guide, batch: 128, steps: 130_000, rate: 3e-3, bank: 60_000 } },
  paper: {
    gaussian: paperGaussian([20, 10]),
  },
};

/** Position of a disc of low conductivity in a plate, from 600 potentials on its edges (finite elements; arXiv 2305.20004). */
export const eit: Problem = /* @__PURE__ */ defineProblem({
  name: "eit",
  description: "damage location by impedance: where in a plate is a disc of low conductivity",
  parameters: ["x", "y"],
  data: 600,
  prior: normal([0.5, 0.5], 0.1),
  proposal: softUniform([LOW, LOW], [HIGH, HIGH], 0.03),
  forward: plateForward(CELLS),
  deferred: true,
  noise: gaussianNoise(NOISE_SD),
  presets,
});
