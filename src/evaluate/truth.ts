/** What posteriors are held against, by what a problem has: its own sampler, quadrature for one or two parameters, or chains. */
import type { BackendOptions } from "../backends/select.ts";
import { expectSeed } from "../checks/options.ts";
import { pause } from "../host/yielding.ts";
import type { AmortisedPosterior } from "../infer/infer.ts";
import type { TruthName } from "../model/calibration-record.ts";
import { type Problem, sourceOf } from "../problem/problem.ts";
import { nuts } from "../sampling/nuts.ts";
import { samplerOf } from "../sampling/potential.ts";
import { predict } from "../simulate/simulate.ts";
import { LARGEST_ERROR, makeTable } from "./table.ts";

export interface TruthRequest {
  readonly problem: Problem;
  /** Of the cases, to start chains at. */
  readonly posteriors: readonly AmortisedPosterior[];
  readonly draws: number;
  readonly seed: number;
  readonly backend: BackendOptions;
  readonly signal?: AbortSignal;
  readonly onStage: (stage: string, done: number, count: number) => void;
}

export interface Truth {
  readonly name: TruthName;
  /** What it is, in words. */
  readonly text: string;
  /** Draws (draws, D) of each case; null where there is no truth. */
  readonly draws: readonly Float32Array[] | null;
  /** log p(y, θ) (S) up to a constant for each y; null without a likelihood. */
  readonly joint: ((theta: Float32Array, y: ArrayLike<number>) => Promise<ArrayLike<number>>) | null;
  /** Noise-free data (S, M); null without a forward model. */
  readonly clean: ((theta: Float32Array) => Promise<ArrayLike<number>>) | null;
  /** That none of the cases' draws can be trusted to be, in words. */
  readonly caveat: string | null;
  readonly dispose: () => void;
}

/** Likelihood and data by the forward model itself. */
async function byForward(problem: Problem, backend: BackendOptions): Promise<Pick<Truth, "joint" | "clean">> {
  if (problem.forward === null) return { joint: null, clean: null };
  const { executor } = await samplerOf("evaluate", problem, backend);
  return {
    joint: async (theta, y) => {
      const rows = theta.length / problem.D;
      const inputs = { theta: Float64Array.from(theta), y: Float64Array.from(y) };
      return (await executor.run("joint", { rows, repeat: rows, inputs })).value;
    },
    clean: (theta) => predict(problem, theta, backend),
  };
}

async function exact(request: TruthRequest): Promise<Truth> {
  const { problem, posteriors, draws, seed, backend, onStage, signal } = request;
  const out: Float32Array[] = [];
  for (const [i, { y }] of posteriors.entries()) {
    signal?.throwIfAborted();
    out.push((problem.exact as NonNullable<Problem["exact"]>)(y, draws, seed + i));
    onStage("exact draws", i + 1, posteriors.length);
    await pause();
  }
  const text = "exact draws, by the sampler that the problem has";
  return { name: "exact", text, draws: out, ...(await byForward(problem, backend)), caveat: null, dispose: () => {} };
}

/** Null where the interpolation is too coarse for this problem. */
async function quadrature(request: TruthRequest): Promise<Truth | null> {
  const { problem, posteriors, draws, seed, backend, onStage, signal } = request;
  const table = await makeTable(problem, backend, async (done, of) => {
    onStage("table of solves", done, of);
    await pause();
    signal?.throwIfAborted();
  });
  if (!(table.error <= LARGEST_ERROR)) {
    table.dispose();
    return null;
  }
  const out: Float32Array[] = [];
  for (const [i, { y }] of posteriors.entries()) {
    signal?.throwIfAborted();
    out.push(await table.draw(y, draws, seed + i));
    onStage("quadrature", i + 1, posteriors.length);
  }
  const text = `quadrature over one table of ${table.solves} solves, whose interpolation is off by ${table.error.toPrecision(2)} noise sd`;
  return {
    name: "quadrature",
    text,
    draws: out,
    joint: table.joint,
    clean: table.clean,
    caveat: null,
    dispose: table.dispose,
  };
}

const CHAINS = 8;
const LEAST_CHAIN = 100;
const LARGEST_R_HAT = 1.01;

async function byChains(request: TruthRequest): Promise<Truth> {
  const { problem, posteriors, draws, seed, backend, onStage, signal } = request;
  const chains = await nuts(
    problem,
    posteriors.map(({ y }) => y),
    {
      ...backend,
      start: posteriors,
      chains: CHAINS,
      draws: Math.max(LEAST_CHAIN, Math.ceil((2 * draws) / CHAINS)), // twice as many as are compared: they depend on one another
      seed,
      signal,
      onProgress: ({ done, total }) => onStage("chains", done, total),
    },
  );
  const out = await Promise.all(chains.map((c) => c.sample(draws, { seed })));
  const off = chains.filter(({ diagnostics }) => !(diagnostics.rHat <= LARGEST_R_HAT)).length;
  return {
    name: "nuts",
    text: "chains of the no-U-turn sampler, started at draws of the guide",
    draws: out,
    ...(await byForward(problem, backend)),
    caveat: off === 0 ? null : `chains of ${off} of ${chains.length} cases have not mixed (R̂ above ${LARGEST_R_HAT})`,
    dispose: () => {},
  };
}

/** What is there to hold posteriors against: asked for, or the best that the problem has. @throws where it has not what is asked for. */
export async function truthOf(request: TruthRequest, asked: TruthName | "auto"): Promise<Truth> {
  const { problem, backend, seed } = request;
  expectSeed("evaluate", seed);
  const { D, name, forward } = problem;
  if (asked === "exact" && problem.exact === null)
    throw new Error(
      `evaluate: expected a problem with a sampler of its own for against "exact", and "${name}" has none; use "nuts"`,
    );
  if ((asked === "quadrature" || asked === "nuts") && forward === null)
    throw new Error(
      `evaluate: expected a forward model in ops for against "${asked}", and "${name}" has ${sourceOf(problem)}`,
    );
  if (asked === "quadrature" && D > 2)
    throw new Error(
      `evaluate: expected one or two parameters for against "quadrature", and "${name}" has ${D}; use "nuts"`,
    );
  if (asked === "exact" || (asked === "auto" && problem.exact !== null)) return exact(request);
  if (asked === "quadrature" || (asked === "auto" && forward !== null && D <= 2)) {
    const found = await quadrature(request);
    if (found !== null) return found;
    if (asked === "quadrature")
      throw new Error(`evaluate: the data of "${name}" bend too much between the nodes of a table; use against "nuts"`);
  }
  if (asked !== "none" && forward !== null) return byChains(request);
  const text = forward === null ? `nothing: "${name}" has ${sourceOf(problem)}` : "nothing";
  return { name: "none", text, draws: null, ...(await byForward(problem, backend)), caveat: null, dispose: () => {} };
}
