/** Triangles that a curve cuts: how much of each is inside, and which one conductivity stands for both parts. */
import { describe } from "../checks/arguments.ts";
import { expectTensors } from "../graph/apply.ts";
import { add, pickColumns } from "../graph/build.ts";
import { abs, div, maximum, minimum, mul, neg, relu, sqrt, square, sub, where } from "../graph/elementwise.ts";
import { isTensor, type Operand, show, type Tensor } from "../graph/tensor.ts";
import { expectMesh, type Mesh } from "./mesh.ts";

/** Below it a denominator is 0, and so is its numerator. */
const TINY = 1e-30;

/**
 * The share of the area of each triangle in which a function is above 0: `areaFractions(mesh)(level)`, level (B, N) at the nodes and
 * linear between them, gives (B, E). A signed distance is a good level: for a disc, its radius less the distance from its centre.
 *
 * In a triangle with corners of which one is above 0, h, and two are below, −m and −l, the share is h² / (h + m)(h + l), and 1 less the
 * like where one is below. It is continuous, and differentiable where no corner is at 0.
 *
 * @throws unless the level has a number for each node.
 */
export function areaFractions(mesh: Mesh): (level: Tensor) => Tensor {
  expectMesh("areaFractions", mesh);
  const N = mesh.points.length / 2;
  const corner = (k: number): number[] =>
    Array.from({ length: mesh.triangles.length / 3 }, (_, e) => mesh.triangles[3 * e + k]);
  const corners = [0, 1, 2].map(corner);
  return (level) => {
    if (!isTensor(level) || level.kind !== "batch" || level.cols !== N)
      throw new Error(
        `areaFractions: expected a level (B, ${N}), one number a node, got ${isTensor(level) ? show(level) : describe(level)}`,
      );
    const [a, b, c] = corners.map((indices) => pickColumns(level, indices));
    const [high, low] = [maximum(maximum(a, b), c), minimum(minimum(a, b), c)];
    const middle = maximum(minimum(a, b), minimum(maximum(a, b), c));
    /** x / (x + y), 0 for x = 0. */
    const share = (x: Tensor, y: Tensor): Tensor => div(x, maximum(add(x, y), TINY));
    const [up, down] = [relu(high), relu(neg(low))];
    const one = mul(share(up, relu(neg(middle))), share(up, down));
    const two = sub(1, mul(share(down, relu(middle)), share(down, up)));
    return where(middle, two, one);
  };
}

/**
 * The conductivity (B, E) that stands for a triangle of which a share f (B, E) has the conductivity `inside` and the rest `outside`,
 * both above 0:
 *
 *   σ = inside · exp(−arsinh((1 − f) sinh log(inside / outside)))
 *
 * Along a rim conductivities average, across it resistivities do. This is the mean of the two for which the energy is right to first
 * order where the field inside is uniform, as it is in an ellipse in a uniform field: (σ − σ_along) E² = (1/σ − 1/σ_across) D², with
 * D = inside · E. It is near the mean of resistivities for a conductor, and near that of conductivities for an insulator.
 */
export function mixedConductivity(fraction: Tensor, inside: Operand, outside: Operand): Tensor {
  expectTensors("mixedConductivity", fraction);
  const ratio = mul(add(mul(fraction, 0), inside), div(1, add(mul(fraction, 0), outside))); // (B, E)
  const beta = mul(sub(1, fraction), sub(ratio, div(1, ratio)));
  const grown = mul(add(abs(beta), sqrt(add(square(beta), 4))), 0.5); // exp |arsinh(β/2)|
  return mul(where(beta, div(1, grown), grown), inside);
}
