/**
 * Reference posteriors. The best that the problem allows is used: its own exact sampler, quadrature for one or two parameters
 * (table.ts), or chains of the no-U-turn sampler (sampling/nuts.ts).
 */
import type { Rows } from "../backends/backend.ts";
import type { BackendOptions } from "../backends/select.ts";
import { pause } from "../host/yielding.ts";
import type { AmortisedPosterior } from "../infer/infer.ts";
import type { TruthName } from "../model/calibration-record.ts";
import { lacksDensity, whyNoLikelihood } from "../problem/likelihood.ts";
import type { Problem } from "../problem/problem.ts";
import { seenBy } from "../problem/seen.ts";
import { nuts } from "../sampling/nuts.ts";
import { samplerOf } from "../sampling/potential.ts";
import { dataAt } from "../simulate/data-at.ts";
import { LARGEST_ERROR, makeTable } from "./table.ts";

export interface ReferenceRequest {
  readonly problem: Problem;
  /** Posteriors of the cases: their data, and the start of the chains. */
  readonly posteriors: readonly AmortisedPosterior[];
  /** Draws of each case. */
  readonly draws: number;
  readonly seed: number;
  readonly backend: BackendOptions;
  readonly signal?: AbortSignal;
  readonly onStage: (stage: string, done: number, count: number) => void;
}

export interface Reference {
  readonly name: TruthName;
  /** A description for reports: "exact draws, …". */
  readonly text: string;
  /** Draws (draws, D) of each case; null without a reference. */
  readonly draws: readonly Rows[] | null;
  /** log p(y, θ) (S) up to a constant for each y; null without a likelihood. */
  readonly joint:
    | ((theta: Rows, observation: Pick<AmortisedPosterior, "y" | "scale">) => Promise<ArrayLike<number>>)
    | null;
  /** Noise-free data (S, M); null without a forward model. */
  readonly clean: ((theta: Rows) => Promise<ArrayLike<number>>) | null;
  /** A reason to doubt the reference itself, or null. */
  readonly caveat: string | null;
  readonly dispose: () => void;
}

/** A reference whose likelihood and data come from the forward model, if the problem has one. */
async function withForward(
  { problem, backend }: ReferenceRequest,
  own: Pick<Reference, "name" | "text" | "draws"> & Partial<Reference>,
): Promise<Reference> {
  const base = { joint: null, clean: null, caveat: null, dispose: () => {}, ...own };
  if (problem.forward === null) return base;
  const clean: Reference["clean"] = async (theta) =>
    (await dataAt("evaluate", problem, Float64Array.from(theta), { ...backend, failures: "drop", seed: 0 })).data;
  if (lacksDensity(problem)) return { ...base, clean };
  return {
    ...base,
    clean,
    joint: async (theta, observation) => {
      const seen = seenBy(problem, [observation]);
      const { executor } = await samplerOf("evaluate", seen.problem, backend);
      const rows = theta.length / problem.D;
      const inputs = { theta: Float64Array.from(theta), y: seen.rows[0] };
      return (await executor.run("joint", { rows, repeat: rows, inputs })).value;
    },
  };
}

/** Draws of each case, one case after another. */
async function drawEach(
  { posteriors, draws, seed, onStage, signal }: ReferenceRequest,
  stage: string,
  draw: (y: ArrayLike<number>, count: number, seed: number) => Rows | Promise<Rows>,
): Promise<Rows[]> {
  const all: Rows[] = [];
  for (const [i, { y }] of posteriors.entries()) {
    signal?.throwIfAborted();
    all.push(await draw(y, draws, seed + i));
    onStage(stage, i + 1, posteriors.length);
    await pause();
  }
  return all;
}

async function exactReference(request: ReferenceRequest): Promise<Reference> {
  const draws = await drawEach(request, "exact draws", request.problem.exact as NonNullable<Problem["exact"]>);
  return withForward(request, { name: "exact", text: "exact draws from the problem's own sampler", draws });
}

/** Null if the interpolation is too coarse for this problem. */
async function quadratureReference(request: ReferenceRequest): Promise<Reference | null> {
  const { problem, backend, onStage, signal } = request;
  const table = await makeTable(problem, backend, async (done, count) => {
    onStage("table of solutions", done, count);
    await pause();
    signal?.throwIfAborted();
  });
  const { error, solves, draw, joint, clean, dispose } = table;
  if (!(error <= LARGEST_ERROR)) {
    dispose();
    return null;
  }
  const draws = await drawEach(request, "quadrature", draw);
  const text = `quadrature over a table of ${solves} solves, interpolated with an error of ${error.toPrecision(2)} noise sd`;
  return { name: "quadrature", text, draws, joint: (theta, { y }) => joint(theta, y), clean, caveat: null, dispose };
}

const CHAINS = 8;
const LEAST_CHAIN = 100;
const LARGEST_R_HAT = 1.01;

async function chainReference(request: ReferenceRequest): Promise<Reference> {
  const { problem, posteriors, draws, seed, backend, onStage, signal } = request;
  const data = posteriors.map(({ y }) => y);
  const noise = posteriors.map(({ scale = [1] }) => ({ scale }));
  const chains = await nuts(problem, data, {
    ...backend,
    noise,
    start: posteriors,
    chains: CHAINS,
    draws: Math.max(LEAST_CHAIN, Math.ceil((2 * draws) / CHAINS)), // twice as many, because they are correlated
    seed,
    signal,
    onProgress: ({ done, total }) => onStage("chains", done, total),
  });
  const unmixed = chains.filter(({ diagnostics }) => !(diagnostics.rHat <= LARGEST_R_HAT)).length;
  return withForward(request, {
    name: "nuts",
    text: "chains of the no-U-turn sampler, started at draws of the guide, or at the modes where it is far off",
    draws: await Promise.all(chains.map((c) => c.sample(draws, { seed }))),
    caveat:
      unmixed === 0
        ? null
        : `in ${unmixed} of ${chains.length} cases the chains have not mixed (R̂ above ${LARGEST_R_HAT})`,
  });
}

/** The requested reference; "auto" takes the best that the problem allows. @throws if the problem does not allow it. */
export async function referenceOf(request: ReferenceRequest, asked: TruthName | "auto"): Promise<Reference> {
  const { problem } = request;
  const { D, name } = problem;
  const why = whyNoLikelihood(problem);
  const refuse = (expected: string, got: string): never => {
    throw new Error(`evaluate: expected ${expected} for against "${asked}"; "${name}" has ${got}`);
  };
  if (asked === "exact" && problem.exact === null) refuse("a problem with an exact sampler", 'none; use "nuts"');
  if ((asked === "quadrature" || asked === "nuts") && why !== null)
    refuse(problem.forward === null ? "a forward model in ops" : "noise with a log-density", why);
  if (asked === "quadrature" && D > 2) refuse("one or two parameters", `${D}; use "nuts"`);
  // Exact samplers and tables of solves take complete data alone.
  const complete = request.posteriors.every(({ y, scale }) => !y.some(Number.isNaN) && scale === undefined);
  if (!complete && (asked === "exact" || asked === "quadrature"))
    refuse("complete data with the noise of the problem", 'a map for missing data or noise scales; use "nuts"');
  if (!complete) {
    if (asked !== "none" && why === null) return chainReference(request);
    return withForward(request, { name: "none", text: "none", draws: null });
  }
  if (asked === "exact" || (asked === "auto" && problem.exact !== null)) return exactReference(request);
  if (asked === "quadrature" || (asked === "auto" && why === null && D <= 2)) {
    const found = await quadratureReference(request);
    if (found !== null) return found;
    if (asked === "quadrature")
      throw new Error(
        `evaluate: the data of "${name}" vary too fast between the nodes of the table; use against "nuts" instead`,
      );
  }
  if (asked !== "none" && why === null) return chainReference(request);
  const text = why === null ? "none" : `none: "${name}" has ${why}`;
  return withForward(request, { name: "none", text, draws: null });
}
