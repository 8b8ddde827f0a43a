// Pieces that touch and are not joined: doubled nodes, T-junctions, single nodes; and how nodes are joined.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { gaussianNoise } from "../../src/distributions/noise/gaussian.ts";
import { normal } from "../../src/distributions/normal.ts";
import { gmsh, type Mesh, makeMesh, poisson, rectangle } from "../../src/fem.ts";
import { constant, exp, matmul } from "../../src/graph/build.ts";
import { defineProblem } from "../../src/problem/define.ts";
import { predict } from "../../src/simulate/predict.ts";

interface Raw {
  readonly points: number[];
  readonly triangles: number[];
}

/** A rectangle of cells, its points and triangles as they are. */
function block(x: number, y: number, width: number, height: number, cells: readonly [number, number], dx = 0): Raw {
  const { points, triangles } = rectangle({ x: [x, x + width], y: [y, y + height], cells });
  return { points: Array.from(points, (v, i) => (i % 2 === 0 ? v + dx : v)), triangles: [...triangles] };
}

/** Pieces beside one another, with nodes of their own each. */
const beside = (...pieces: readonly Raw[]): Raw => ({
  points: pieces.flatMap((p) => p.points),
  triangles: pieces.flatMap((p, k) => {
    const before = pieces.slice(0, k).reduce((n, q) => n + q.points.length / 2, 0);
    return p.triangles.map((i) => i + before);
  }),
});

/** As Gmsh writes it, format 2.2: a surface for each piece. */
function msh({ points, triangles }: Raw, pieces: readonly Raw[]): string {
  const nodes = Array.from({ length: points.length / 2 }, (_, i) => `${i + 1} ${points[2 * i]} ${points[2 * i + 1]} 0`);
  const surfaces = pieces.flatMap((p, k) => Array<number>(p.triangles.length / 3).fill(k + 1));
  const cells = surfaces.map(
    (s, t) =>
      `${t + 1} 2 2 1 ${s} ${triangles
        .slice(3 * t, 3 * t + 3)
        .map((i) => i + 1)
        .join(" ")}`,
  );
  const list = (name: string, lines: readonly string[]) => [`$${name}`, lines.length, ...lines, `$End${name}`];
  return ["$MeshFormat", "2.2 0 8", "$EndMeshFormat", ...list("Nodes", nodes), ...list("Elements", cells)].join("\n");
}

/** u at (¼, ½) and (¾, ½) of the unit square, 0 on the left and 1 on the right. */
async function readings(mesh: Mesh): Promise<number[]> {
  const model = poisson({
    mesh,
    dirichlet: [
      { on: (x) => x < 1e-9, value: 0 },
      { on: (x) => x > 1 - 1e-9, value: 1 },
    ],
    sensors: [
      [0.25, 0.5],
      [0.75, 0.5],
    ],
  });
  const ones = new Float64Array(model.E);
  const problem = defineProblem({
    name: "square",
    prior: normal(0, 1),
    forward: (theta) => model.observe(exp(matmul(theta, constant(ones, theta.dtype)))),
    noise: gaussianNoise(1),
  });
  return [...(await predict(problem, [0], { kernels: "plain" }))];
}

const told = (make: (onWarning: (message: string) => void) => Mesh): [Mesh, string] => {
  const warnings: string[] = [];
  const mesh = make((message) => warnings.push(message));
  return [mesh, warnings.join("\n")];
};
const near = (got: readonly number[], want: readonly number[]): boolean =>
  got.every((v, i) => Math.abs(v - want[i]) < 1e-9);

const [left, right] = [block(0, 0, 0.5, 1, [4, 6]), block(0.5, 0, 0.5, 1, [4, 6])];
const doubled = beside(left, right);

test("two rectangles with nodes of their own on the common side are warned of, and joined by merge", async () => {
  const text = msh(doubled, [left, right]);
  const [crack, warning] = told((onWarning) => gmsh(text, { onWarning }));
  assert.ok(near(await readings(crack), [0, 1]), "as they are, nothing flows");
  assert.match(
    warning,
    /^gmsh: .* got 7 nodes at the place of another, such as node \d+ at \(0\.5, 0\) and node \d+: nothing flows/,
  );
  assert.match(warning, /join nodes by gmsh\(text, \{ merge: tolerance \}\), or fragment the geometry/);
  const [joined, silent] = told((onWarning) => gmsh(text, { merge: 1e-6, onWarning }));
  assert.is(silent, "");
  assert.ok(near(await readings(joined), [0.25, 0.75]), `${await readings(joined)}`);
  assert.is(joined.points.length, crack.points.length - 14);
  assert.is(joined.edges.length, crack.edges.length - 24);
});

test("arrays are treated alike, also where the nodes of the sides differ by rounding", async () => {
  for (const dx of [0, 3e-10, -3e-10]) {
    const raw = beside(left, block(0.5, 0, 0.5, 1, [4, 6], dx));
    const [, warning] = told((onWarning) => makeMesh(raw, { onWarning }));
    assert.match(
      warning,
      /^makeMesh: .* 7 nodes at the place of another, such as point .*makeMesh\(spec, \{ merge: tolerance \}\)/,
    );
    const [joined, silent] = told((onWarning) => makeMesh(raw, { merge: 1e-8, onWarning }));
    assert.is(silent, "");
    assert.ok(near(await readings(joined), [0.25, 0.75]));
  }
  const tags = { edgeTags: { side: [[4, 9]], seam: [[4, 9]] } };
  const pair = beside(block(0, 0, 1, 1, [4, 1]), block(1, 0, 1, 1, [4, 1]));
  const { interiorLines } = makeMesh({ ...pair, ...tags }, { merge: 1e-9 });
  assert.equal(interiorLines, { side: 1, seam: 1 }, "a tagged line of a side that was joined lies inside");
  assert.throws(
    () => makeMesh(doubled, { merge: 0 }),
    /^makeMesh: expected merge to be a finite number above 0, got 0/,
  );
  assert.throws(() => makeMesh(doubled, { merge: 0.2 }), /^makeMesh: expected triangles of some area/);
});

test("nodes in the middle of edges of another piece are warned of, and merge does not hide them", () => {
  const raw = beside(left, block(0.5, 0, 0.5, 1, [4, 12]));
  const [, warning] = told((onWarning) => makeMesh(raw, { onWarning }));
  assert.match(
    warning,
    /7 nodes at the place of another.*; 6 nodes within an edge of other triangles, such as point \d+ at \(0\.5, /,
  );
  const [, joined] = told((onWarning) => makeMesh(raw, { merge: 1e-9, onWarning }));
  assert.match(joined, /got 6 nodes within an edge of other triangles.*; mesh the geometry as one, fragmented$/);
});

test("pieces that meet in one point are warned of, whether or not they share the node", () => {
  const raw = beside(block(0, 0, 1, 1, [3, 3]), block(1, 1, 1, 1, [3, 3]));
  const [, warning] = told((onWarning) => makeMesh(raw, { onWarning }));
  assert.match(warning, /got 1 node at the place of another, such as point \d+ at \(1, 1\) and point \d+: /);
  const [, shared] = told((onWarning) => makeMesh(raw, { merge: 1e-9, onWarning }));
  assert.match(shared, /got pieces that share 1 node but no edge, such as point \d+ at \(1, 1\): /);
});

test("meshes that are whole, pieces apart and holes are not warned of", () => {
  const hole = block(0, 0, 1, 1, [5, 5]);
  const inner = (t: number): boolean =>
    [0, 1, 2].every((k) => [0, 1].every((c) => Math.abs(hole.points[2 * hole.triangles[3 * t + k] + c] - 0.5) < 0.15));
  const open = { ...hole, triangles: hole.triangles.filter((_, h) => !inner((h / 3) | 0)) };
  assert.ok(open.triangles.length < hole.triangles.length);
  for (const raw of [left, open, beside(left, block(0.6, 0, 0.4, 1, [4, 6]))])
    assert.is(told((onWarning) => makeMesh(raw, { onWarning }))[1], "");
});

test.run();
