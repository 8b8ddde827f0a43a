/**
 * The sparse system of a body with electrodes: nodes and electrode potentials as unknowns, those that currents enter and that are
 * read last, so that data need no substitution through the others.
 *
 * complete (Somersalo, Cheney & Isaacson, SIAM J. Appl. Math. 52, 1992, (2.4)):
 *   ∫ σ ∇u·∇v + Σ_l 1/z_l ∫_{e_l} (u − U_l)(v − V_l) = Σ_l I_l V_l
 * shunt:  the same for z → 0: u = U_l on e_l, so that the nodes there are one unknown
 * gap:    the current spread evenly over e_l, σ ∂u/∂n = I_l / |e_l|, and U_l the mean of u there: the same functional twice
 * point:  the current in a point, and U_l = u there
 *
 * Potentials are defined up to a constant: one unknown is held at 0, and readings say what they are relative to.
 */
import { type SparseMatrix, sparseMatrix, type Triplet } from "../sparse/matrix.ts";
import { entryFinder, type SparsePattern, sparsePattern } from "../sparse/pattern.ts";
import { showPoint } from "./arrays.ts";
import { arcLength, type Piece, pieceIntegrals, type Weights } from "./electrode-places.ts";
import { cornersOf, stiffness } from "./forms.ts";
import { partsOf } from "./held.ts";
import type { Mesh } from "./mesh.ts";

/** How an electrode touches the body. */
export type Contact = "complete" | "shunt" | "gap" | "point";

/** A body with electrodes as linear maps. */
export interface Terminals {
  /** The unknown that stands for each node (N), and for each electrode (L) if it has one of its own; −1 is held at 0. */
  readonly nodes: Int32Array;
  /** Number of unknowns, and of those that are last: currents enter there alone. */
  readonly n: number;
  readonly last: number;
  readonly pattern: SparsePattern;
  /** (E) → entries, of conductivities. */
  readonly stiffness: SparseMatrix;
  /** (L) → entries, of contact admittances 1/z; null but for "complete". */
  readonly contact: SparseMatrix | null;
  /** The potential of each electrode as weights of the last unknowns, and its current as a load there. */
  readonly electrodes: readonly Weights[];
}

/** The unknowns of nodes and electrodes before they are assembled. */
interface Numbering extends Pick<Terminals, "nodes" | "n" | "last" | "electrodes"> {
  /** (L) unknown of an electrode's potential, −1 for the one that is held; empty where electrodes have none of their own. */
  readonly own: Int32Array;
}

/** Electrodes whose potentials are unknowns: after the nodes, the first of them held at 0. */
function withPotentials(N: number, arcs: readonly (readonly Piece[])[], shunt: boolean): Numbering {
  const L = arcs.length;
  const nodes = new Int32Array(N).fill(-2);
  const owner = new Map<number, number>(); // of the nodes of a shunt
  if (shunt) for (const [l, arc] of arcs.entries()) for (const { a, b } of arc) owner.set(a, l).set(b, l);
  let count = 0;
  for (let i = 0; i < N; i++) if (!owner.has(i)) nodes[i] = count++;
  const own = Int32Array.from({ length: L }, (_, l) => (l === 0 ? -1 : count + l - 1));
  for (const [i, l] of owner) nodes[i] = own[l];
  const electrodes = arcs.map((_, l): Weights => new Map(l === 0 ? [] : [[l - 1, 1]]));
  return { nodes, own, n: count + L - 1, last: L - 1, electrodes };
}

/** Electrodes that are functionals of the nodes: these nodes are last, the first of them held at 0. */
function withFunctionals(N: number, functionals: readonly Weights[]): Numbering {
  const touched = [...new Set(functionals.flatMap((w) => [...w.keys()]))].sort((a, b) => a - b);
  const place = new Map(touched.map((node, i) => [node, i - 1]));
  const [last, nodes] = [touched.length - 1, new Int32Array(N)];
  let count = 0;
  for (let i = 0; i < N; i++) if (!place.has(i)) nodes[i] = count++;
  for (const [node, i] of place) nodes[node] = i < 0 ? -1 : count + i;
  const electrodes = functionals.map(
    (w): Weights =>
      new Map([...w].flatMap(([node, x]) => (node === touched[0] ? [] : [[place.get(node) as number, x]]))),
  );
  return { nodes, own: new Int32Array(0), n: count + last, last, electrodes };
}

/** The mean over an arc. */
function meanOver(arc: readonly Piece[]): Weights {
  const length = arcLength(arc);
  const weights = new Map<number, number>();
  for (const piece of arc) {
    const [a, b] = pieceIntegrals(piece);
    for (const [node, x] of [
      [piece.a, a],
      [piece.b, b],
    ])
      weights.set(node, (weights.get(node) ?? 0) + x / length);
  }
  return weights;
}

/** @throws where shunts share a node, or end within an edge. */
function checkShunts({ points }: Mesh, arcs: readonly (readonly Piece[])[]): void {
  const owner = new Map<number, number>();
  for (const [l, arc] of arcs.entries()) {
    for (const { a, b, from, to } of arc) {
      for (const node of [a, b]) {
        const at = showPoint(points[2 * node], points[2 * node + 1]);
        if (from !== 0 || to !== 1)
          throw new Error(
            `electrodes: expected arcs that end in nodes of the mesh for model "shunt", got one of electrode ${l} within an edge at ${at}; ` +
              "mesh the electrodes, as tank() does",
          );
        const other = owner.get(node) ?? l;
        if (other !== l)
          throw new Error(
            `electrodes: expected a gap between electrodes, got a node of electrodes ${other} and ${l} at ${at}`,
          );
        owner.set(node, l);
      }
    }
  }
}

/** The pairs of unknowns that are coupled: by triangles, and by contacts. */
function* coupled(
  { triangles }: Mesh,
  { nodes, own }: Numbering,
  arcs: readonly (readonly Piece[])[],
): Iterable<[number, number]> {
  for (let h = 0; h < triangles.length; h++) {
    const [a, b] = [nodes[triangles[h]], nodes[triangles[h % 3 === 2 ? h - 2 : h + 1]]];
    if (a >= 0 && b >= 0 && a !== b) yield [a, b];
  }
  for (let l = 0; l < own.length; l++)
    for (const { a, b } of arcs[l])
      for (const i of [a, b]) if (own[l] >= 0 && nodes[i] >= 0 && nodes[i] !== own[l]) yield [nodes[i], own[l]];
}

/** Entries of symmetric matrices of unknowns, collected from those of nodes and electrodes. */
function collector(pattern: SparsePattern, inputs: number) {
  const entryOf = entryFinder(pattern);
  const entries: Triplet[] = [];
  return {
    /** Adds to the entry of rows and columns p and q; each pair of different ones is given once. */
    add: (p: number, q: number, input: number, value: number): void => {
      if (p >= 0 && q >= 0) entries.push([entryOf(p, q), input, value]);
    },
    done: (): SparseMatrix => sparseMatrix(inputs, pattern.rows.length, entries),
  };
}

/** The system of a mesh with arcs, or with points where `contact` is "point". @throws on meshes in pieces, and on arcs that do not fit. */
export function assembleTerminals(
  mesh: Mesh,
  contact: Contact,
  arcs: readonly (readonly Piece[])[],
  points: readonly Weights[],
): Terminals {
  const [N, E] = [mesh.points.length / 2, mesh.triangles.length / 3];
  if (partsOf(mesh).some((part) => part > 0))
    throw new Error("electrodes: expected a mesh in one piece, got pieces that do not touch");
  if (contact === "shunt") checkShunts(mesh, arcs);
  const numbering =
    contact === "gap" || contact === "point"
      ? withFunctionals(N, contact === "gap" ? arcs.map(meanOver) : points)
      : withPotentials(N, arcs, contact === "shunt");
  const { nodes, own, n, last, electrodes } = numbering;
  const places = new Float64Array(2 * n); // those of electrodes' potentials do not matter: they are last
  nodes.forEach((k, i) => {
    if (k >= 0) places.set([mesh.points[2 * i], mesh.points[2 * i + 1]], 2 * k);
  });
  const complete = contact === "complete";
  const pattern = sparsePattern(n, coupled(mesh, numbering, complete ? arcs : arcs.map(() => [])), places, last);

  const body = collector(pattern, E);
  for (let e = 0; e < E; e++) {
    const corners = cornersOf(mesh, e);
    for (let i = 0; i < 3; i++) {
      for (let j = 0; j <= i; j++) {
        const [p, q] = [nodes[corners.nodes[i]], nodes[corners.nodes[j]]];
        // Two nodes of one unknown, on a shunt: both entries off the diagonal are on it.
        body.add(p, q, e, stiffness(corners, i, j) * (i !== j && p === q ? 2 : 1));
      }
    }
  }
  const touch = collector(pattern, arcs.length);
  if (complete) {
    for (const [l, arc] of arcs.entries()) {
      for (const piece of arc) {
        const [p, q] = [nodes[piece.a], nodes[piece.b]];
        const [a, b, aa, ab, bb] = pieceIntegrals(piece);
        for (const [row, column, value] of [
          [p, p, aa],
          [p, q, ab],
          [q, q, bb],
          [p, own[l], -a],
          [q, own[l], -b],
          [own[l], own[l], a + b],
        ])
          touch.add(row, column, l, value);
      }
    }
  }
  return { nodes, n, last, pattern, stiffness: body.done(), contact: complete ? touch.done() : null, electrodes };
}
