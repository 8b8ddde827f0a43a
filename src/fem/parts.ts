/** The parts that a mesh is built from, and how errors call them. */

/** Points, triangles and tags of a mesh. */
export interface Parts {
  readonly points: Float64Array; // (N, 2)
  readonly triangles: Int32Array; // (E, 3), oriented in place
  /** (E) number of the surface of each triangle: triangles of one surface must have the same orientation. */
  readonly surfaces?: ArrayLike<number>;
  /** Tags of edges, each with pairs of points, flat. */
  readonly lines: Iterable<readonly [tag: string, pairs: ArrayLike<number>]>;
  /** Tags of regions, each with its triangles. */
  readonly regions: Iterable<readonly [tag: string, triangles: readonly number[]]>;
}

/** Names for errors. */
export interface Names {
  readonly owner: string;
  readonly point: (index: number) => string;
  readonly triangle: (index: number) => string;
}
