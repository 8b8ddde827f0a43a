/** Sizes that a model file states, against the numbers that it holds. */
import { layoutOfMap, type ModelSpec } from "../model/model.ts";
import { observedSize } from "../nn/embedding.ts";
import { MOST_PARAMETERS } from "../problem/problem.ts";

function expected(what: string, got: string): never {
  throw new Error(`model file: expected ${what}, got ${got}`);
}

/** The length of the longest list within plain data. */
const longestIn = (value: unknown): number =>
  typeof value === "object" && value !== null
    ? Object.values(value).reduce((most, x) => Math.max(most, longestIn(x)), Array.isArray(value) ? value.length : 0)
    : 0;

/** All numbers within plain data. */
const numbersIn = (value: unknown): number[] =>
  typeof value === "number"
    ? [value]
    : typeof value === "object" && value !== null
      ? Object.values(value).flatMap(numbersIn)
      : [];

/**
 * Refuses sizes that the tensors cannot have: each width or count of a guide needs at least as many weights, so a small file cannot
 * request a large graph.
 */
export function checkSizes(
  { D, M, parameters, data, prior, embedding, guide, fingerprint, centres, rows: known, distance, refined }: ModelSpec,
  total: number,
): void {
  if (parameters.length !== D) expected(`${D} parameters`, `${parameters.length}`);
  if (refined !== undefined && refined.y.length !== M) expected(`refined.y of ${M} numbers`, `${refined.y.length}`);
  if (data !== undefined && data.length !== M) expected(`names of ${M} data`, `${data.length}`);
  if (D > MOST_PARAMETERS) expected(`at most ${MOST_PARAMETERS} parameters`, `${D}`);
  const longest = longestIn(prior);
  if (longest > MOST_PARAMETERS) expected(`lists of at most ${MOST_PARAMETERS} entries in the prior`, `${longest}`);
  for (const [name, n] of [
    ["D", D],
    ["M", M],
    ["embedding.size", embedding.size],
    ["embedding.network.size", embedding.network?.size ?? 1],
  ] as const) {
    if (n > total) expected(`${name} of at most ${total}, the numbers that are stored`, `${n}`);
  }
  const { kind, directions = 0 } = embedding;
  const set = known?.set;
  if (set) {
    const { each, least, most, names } = set;
    if (each * most !== M || least > most || (names?.length ?? each) !== each)
      expected(`sets of ${M} numbers at most`, `${least} to ${most} members of ${each}`);
    if (!known.missing || known.scale !== null || embedding.size !== M) expected("rows of sets alone", "others");
  }
  if ((known !== undefined && !set) !== directions > 0 || (known !== undefined) !== (distance === "observed"))
    expected("rows, directions and the distance of observed data together", "some of them");
  if (M * directions > total) expected(`at most ${total} numbers of directions`, `${M * directions}`);
  if (known !== undefined && !set) {
    const own = observedSize(kind, layoutOfMap({ M, rows: known }), directions);
    if (embedding.size !== own) expected(`embedding.size ${own}, the features of its rows`, `${embedding.size}`);
  }
  const [features, times] = kind === "log" ? [2 * M, "twice "] : [M, ""];
  if (known === undefined && embedding.kind !== "principal" && embedding.size !== features) {
    expected(`embedding.size ${features}, ${times}the number of data`, `${embedding.size}`);
  }
  const own = numbersIn(embedding.network?.options).reduce((most, x) => (x > most ? x : most), 0);
  if (own > total) expected(`options of the embedding of at most ${total}, the numbers that are stored`, `${own}`);
  const probe = embedding.network?.probe;
  if (probe && probe.y.length !== M) expected(`embedding.network.probe.y of ${M} numbers`, `${probe.y.length}`);
  const largest = numbersIn(guide.options).reduce((most, x) => (x > most ? x : most), 0);
  if (largest > total) expected(`guide options of at most ${total}, the numbers that are stored`, `${largest}`);
  const rows = (list: readonly (readonly number[])[], length: number): boolean =>
    list.every((r) => r.length === length);
  const { theta, forward, logPrior } = fingerprint;
  const points = theta.length;
  if (points === 0 || logPrior.length !== points || (forward ?? theta).length !== points) {
    expected("a fingerprint of as many log-priors and data as parameters", "another number of them");
  }
  for (const [name, length] of [
    ["parameters", D],
    ["data", M],
  ] as const)
    if ((centres?.[name]?.length ?? length) !== length)
      expected(`centres.${name} of ${length} numbers`, `${centres?.[name]?.length}`);
  if (!rows(fingerprint.theta, D)) expected(`fingerprint.theta of rows of ${D}`, "another length");
  if (!rows(fingerprint.forward ?? [], M)) expected(`fingerprint.forward of rows of ${M}`, "another length");
  const { noise } = fingerprint;
  if (noise && !(rows(noise.y, M) && noise.y.length === noise.logDensity.length && noise.y.length <= points))
    expected(`fingerprint.noise of at most ${points} rows of ${M}, a log-density each`, "another number of them");
}
