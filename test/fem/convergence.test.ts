// Manufactured solutions: data are made for a known u, and the error of linear elements must fall as theory says: like h² in
// the mean square of u, like h in that of its gradient (Ern & Guermond, Theory and Practice of Finite Elements, §3.2).
import { test } from "uvu";
import * as assert from "uvu/assert";
import { disc, rectangle } from "../../src/fem/generators.ts";
import type { Mesh } from "../../src/fem/mesh.ts";
import { poisson } from "../../src/fem/poisson.ts";
import type { EdgeSelector } from "../../src/fem/select.ts";
import { integrate, onTriangles, type Plane, solutions } from "../helpers/fem.ts";

/** A function with its first derivatives and its Laplacian. */
interface Smooth {
  readonly u: Plane;
  readonly x: Plane;
  readonly y: Plane;
  readonly laplacian: Plane;
}
const { sin, cos, exp } = Math;
const solutionsSought: readonly Smooth[] = [
  {
    u: (x, y) => sin(2 * x + y) + x * y * y,
    x: (x, y) => 2 * cos(2 * x + y) + y * y,
    y: (x, y) => cos(2 * x + y) + 2 * x * y,
    laplacian: (x, y) => -5 * sin(2 * x + y) + 2 * x,
  },
  { u: (x, y) => exp(x) * cos(y), x: (x, y) => exp(x) * cos(y), y: (x, y) => -exp(x) * sin(y), laplacian: () => 0 },
  { u: (x, y) => x * x - 3 * y, x: (x) => 2 * x, y: () => -3, laplacian: () => 2 },
];
const a: Plane = (x, y) => 1.5 + 0.5 * sin(x + 2 * y);
const gradientOfA: [Plane, Plane] = [(x, y) => 0.5 * cos(x + 2 * y), (x, y) => cos(x + 2 * y)];
const c: Plane = (x, y) => 1 + x * x + 0.5 * y;
const transfer: Plane = (x, y) => 2 + x - 0.5 * y;

interface Domain {
  readonly mesh: (cells: number) => Mesh;
  readonly normal: (x: number, y: number) => readonly [number, number];
  readonly dirichlet: EdgeSelector;
  readonly neumann: EdgeSelector;
  readonly robin: EdgeSelector;
}
const small = 1e-9;
const domains: Readonly<Record<string, Domain>> = {
  "unit square": {
    mesh: (cells) => rectangle({ cells }),
    // Conditions with normals meet the top and the right edge only.
    normal: (_, y) => (y > 1 - small ? [0, 1] : [1, 0]),
    dirichlet: (x, y) => x < small || y < small,
    neumann: "right",
    robin: "top",
  },
  // The normal of the circle instead of the polygon's costs h² in all: its error is odd along an edge.
  disc: {
    mesh: (rings) => disc({ rings }),
    normal: (x, y) => [x / Math.sqrt(x * x + y * y), y / Math.sqrt(x * x + y * y)],
    dirichlet: (_, y) => y > -small,
    neumann: (x, y) => y < small && x < small,
    robin: (x, y) => y < small && x > -small,
  },
};

/** Errors of u and of its gradient in the mean square, for each solution. */
async function errors({ mesh: make, normal, ...on }: Domain, cells: number): Promise<[number, number][]> {
  const mesh = make(cells);
  // With a flux at a corner of two sides the Gauss points decide, which lie within edges; values at nodes are only of u and outside.
  const flux = ({ x: ux, y: uy }: Smooth): Plane => {
    return (x, y) => a(x, y) * (ux(x, y) * normal(x, y)[0] + uy(x, y) * normal(x, y)[1]);
  };
  const model = poisson({
    mesh,
    dirichlet: [{ on: on.dirichlet, value: solutionsSought.map(({ u }) => u) }],
    neumann: [{ on: on.neumann, flux: solutionsSought.map(flux) }],
    robin: [
      {
        on: on.robin,
        transfer,
        outside: solutionsSought.map(
          (s): Plane =>
            (x, y) =>
              s.u(x, y) + flux(s)(x, y) / transfer(x, y),
        ),
      },
    ],
    reaction: c,
    source: solutionsSought.map(({ u, x: ux, y: uy, laplacian }): Plane => {
      const [ax, ay] = gradientOfA;
      return (x, y) => c(x, y) * u(x, y) - a(x, y) * laplacian(x, y) - ax(x, y) * ux(x, y) - ay(x, y) * uy(x, y);
    }),
  });
  const { nodes } = await solutions(model, { a: onTriangles(mesh, a) });
  return solutionsSought.map(({ u, x: ux, y: uy }, k) => [
    Math.sqrt(integrate(mesh, nodes[k], (at, value) => (value - u(...at)) ** 2)),
    Math.sqrt(integrate(mesh, nodes[k], (at, _, [gx, gy]) => (gx - ux(...at)) ** 2 + (gy - uy(...at)) ** 2)),
  ]);
}

for (const [name, domain] of Object.entries(domains)) {
  test(`linear elements converge on the ${name} with all conditions, a reaction and several right-hand sides at once`, async () => {
    const [coarse, middle, fine] = [await errors(domain, 8), await errors(domain, 16), await errors(domain, 32)];
    solutionsSought.forEach((_, k) => {
      for (const [from, to] of [
        [coarse, middle],
        [middle, fine],
      ]) {
        const [l2, h1] = [0, 1].map((norm) => Math.log2(from[k][norm] / to[k][norm]));
        console.log(`${name}, solution ${k + 1}: L2 rate ${l2.toFixed(3)}, H1 rate ${h1.toFixed(3)}`);
        assert.ok(l2 >= 1.9, `L2 rate ${l2}`);
        assert.ok(h1 >= 0.95, `H1 rate ${h1}`);
      }
    });
  });
}

test.run();
