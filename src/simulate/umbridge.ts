/**
 * Models behind the UM-Bridge protocol, version 1.0: any program that answers JSON over HTTP at
 *
 *   /Info → { protocolVersion, models }   /ModelInfo, /InputSizes, /OutputSizes   /Evaluate F(θ)   /Gradient (∂F/∂θ)ᵀ s
 *
 * Seelinger et al., UM-Bridge: Uncertainty quantification and modeling bridge, JOSS 8(83), 2023. A model takes several vectors
 * and gives several: here they are one of D parameters and one of M data, put together in the order of the server's.
 */

import { describe } from "../checks/arguments.ts";
import { type Check, check, type OptionsOf, option, readOptions, record, required, text } from "../checks/options.ts";
import { callTable, type SimulatorSpec } from "../problem/simulator.ts";
import { type Post, postTo } from "./http-json.ts";
import { permanent, withRetries } from "./retry.ts";

/** The options of `umbridge`. */
export const umbridgeTable = {
  /** Address of the server: "http://localhost:4242". */
  url: required(check<string>("http://… or https://…", (x) => typeof x === "string" && /^https?:\/\/[^/]/i.test(x))),
  /** Name of the model; it may be left out where the server has one. */
  model: option(text),
  /** Sent along with every call; the model defines what it may hold. */
  config: option(record, {}),
  /** Headers of every request, for servers that ask who is calling. */
  headers: option(record as Check<Readonly<Record<string, string>>>, {}),
  /** Evaluations that run at the same time; the server should queue those that it cannot run at once. */
  concurrency: option(callTable.concurrency.check, 4),
  /** How often an evaluation is repeated when the connection, the server or its answer is at fault. */
  retries: option(callTable.retries.check, 3),
  /** Seconds before the first repetition; each further one waits twice as long, at most 30 s. */
  backoff: callTable.backoff,
  /** Seconds that an evaluation may take; 0: any time. */
  timeout: option(callTable.timeout.check, 300),
  /** What happens to parameters whose evaluation fails: "stop" with an error, or "drop" them with a warning. */
  failures: callTable.failures,
};
/** Options of `umbridge`. */
export type UmbridgeOptions = OptionsOf<typeof umbridgeTable>;

export interface UmbridgeModel {
  readonly name: string;
  readonly inputSizes: readonly number[];
  readonly outputSizes: readonly number[];
  /** Parameters and data in all. */
  readonly D: number;
  readonly M: number;
  readonly supports: {
    readonly evaluate: boolean;
    readonly gradient: boolean;
    readonly applyJacobian: boolean;
    readonly applyHessian: boolean;
  };
  /** For `defineProblem({ simulate })`: one evaluation a call. */
  readonly simulate: SimulatorSpec;
  /** Data (M) of parameters (D). */
  evaluate(theta: ArrayLike<number>): Promise<Float64Array>;
  /** (∂F/∂θ)ᵀ s, (D), for parameters (D) and sensitivities (M) of the data. @throws where the server has no gradients. */
  gradient(theta: ArrayLike<number>, sens: ArrayLike<number>): Promise<Float64Array>;
}

const VERSION = 1;
/** Seconds that a server may take for what it should know at once. */
const HANDSHAKE = 30;

const sum = (sizes: readonly number[]): number => sizes.reduce((a, b) => a + b, 0);

/** Numbers in a list of an answer; null, which servers write for what is not finite, is NaN. @throws for anything else. */
function numbersOf(where: string, given: unknown, length: number): number[] {
  if (!Array.isArray(given) || given.length !== length) {
    const got = Array.isArray(given) ? `${given.length}` : describe(given);
    throw permanent(`${where}: expected ${length} numbers, got ${got}`);
  }
  return given.map((x: unknown, i) => {
    if (x === null) return Number.NaN;
    if (typeof x !== "number") throw permanent(`${where}: expected numbers, got ${describe(x)} at index ${i}`);
    return x;
  });
}

/** Positive whole numbers, the lengths of a model's vectors. */
function sizesOf(where: string, given: unknown): readonly number[] {
  if (Array.isArray(given) && given.length > 0 && given.every((n) => Number.isInteger(n) && n >= 0) && sum(given) > 0)
    return given;
  throw permanent(`${where}: expected a list of sizes, got ${describe(given)}`);
}

/** One vector as the server's several. */
function cut(flat: ArrayLike<number>, sizes: readonly number[]): number[][] {
  let at = 0;
  return sizes.map((size) => Array.from({ length: size }, () => flat[at++]));
}

/** @throws unless `given` holds `length` finite numbers. */
function checkVector(where: string, what: string, given: ArrayLike<number>, sizes: readonly number[]): void {
  const length = sum(sizes);
  if (given?.length !== length) {
    const parts = sizes.length > 1 ? ` (${sizes.join(" + ")})` : "";
    throw permanent(`${where}: expected ${length} ${what}${parts}, got ${given?.length ?? describe(given)}`);
  }
  const bad = Array.from(given).findIndex((x) => !Number.isFinite(x));
  if (bad >= 0) throw permanent(`${where}: expected finite ${what}, got ${describe(given[bad])} at index ${bad}`);
}

/** The name of the model that is meant. */
async function findModel(ask: Post, wanted: string | undefined, url: string): Promise<string> {
  const { protocolVersion, models } = await ask("Info");
  if (protocolVersion !== VERSION)
    throw new Error(`umbridge: expected protocol version ${VERSION}.0 at ${url}, got ${describe(protocolVersion)}`);
  if (!Array.isArray(models) || models.length === 0 || !models.every((name) => typeof name === "string"))
    throw new Error(`umbridge: expected names of models at ${url}, got ${describe(models)}`);
  const names = models.map((name) => `"${name}"`).join(", ");
  if (wanted === undefined && models.length === 1) return models[0];
  if (wanted === undefined) throw new Error(`umbridge: expected model to be one of ${names}, got none`);
  if (models.includes(wanted)) return wanted;
  throw new Error(`umbridge: expected model to be one of ${names}, got "${wanted}"`);
}

/**
 * Connects to a model: `const model = await umbridge({ url })`, then `defineProblem({ simulate: model.simulate, … })`.
 * @throws when there is no such server or model, when the server speaks another version of the protocol, and when its answers
 * make no sense.
 */
export async function umbridge(options: UmbridgeOptions): Promise<UmbridgeModel> {
  const { url: address, model, config, headers, ...calls } = readOptions("umbridge", umbridgeTable, options);
  const url = address.replace(/\/+$/, "");
  const post = postTo(url, headers);
  const short = { ...calls, timeout: Math.min(calls.timeout || HANDSHAKE, HANDSHAKE) };
  const ask: Post = (path, body) => withRetries((signal) => post(path, body, signal), short);
  const name = await findModel(ask, model, url);
  const here = `umbridge: model "${name}" at ${url}`;

  const { support } = await ask("ModelInfo", { name });
  const has = (feature: string): boolean => (support as Record<string, unknown> | undefined)?.[feature] === true;
  const supports = {
    evaluate: has("Evaluate"),
    gradient: has("Gradient"),
    applyJacobian: has("ApplyJacobian"),
    applyHessian: has("ApplyHessian"),
  };
  if (!supports.evaluate) throw new Error(`${here}: expected a model that can be evaluated, got one that cannot`);
  const inputSizes = sizesOf(`${here}, /InputSizes`, (await ask("InputSizes", { name, config })).inputSizes);
  const outputSizes = sizesOf(`${here}, /OutputSizes`, (await ask("OutputSizes", { name, config })).outputSizes);

  const evaluateOnce = async (theta: ArrayLike<number>, signal: AbortSignal): Promise<Float64Array> => {
    const { output } = await post("Evaluate", { name, input: cut(theta, inputSizes), config }, signal);
    const where = `${here}, /Evaluate`;
    if (!Array.isArray(output) || output.length !== outputSizes.length) {
      const got = Array.isArray(output) ? `${output.length}` : describe(output);
      throw permanent(`${where}: expected ${outputSizes.length} lists of numbers, got ${got}`);
    }
    return Float64Array.from(output.flatMap((part, i) => numbersOf(`${where}, output ${i}`, part, outputSizes[i])));
  };
  const finite = (values: Float64Array, what: string): Float64Array => {
    const bad = values.findIndex((x) => !Number.isFinite(x));
    if (bad >= 0) throw new Error(`${here}: expected finite ${what}, got ${values[bad]} at index ${bad}`);
    return values;
  };

  return {
    name,
    inputSizes,
    outputSizes,
    D: sum(inputSizes),
    M: sum(outputSizes),
    supports,
    simulate: {
      ...calls,
      batch: 1,
      D: sum(inputSizes),
      M: sum(outputSizes),
      run: async ([theta], { signal }) => [await evaluateOnce(theta, signal)],
    },
    evaluate: async (theta) => {
      checkVector(here, "parameters", theta, inputSizes);
      return finite(await withRetries((signal) => evaluateOnce(theta, signal), calls), "data");
    },
    gradient: async (theta, sens) => {
      if (!supports.gradient) throw new Error(`${here}: expected a model with gradients, got one without`);
      checkVector(here, "parameters", theta, inputSizes);
      checkVector(here, "sensitivities", sens, outputSizes);
      const input = cut(theta, inputSizes);
      const parts = cut(sens, outputSizes);
      const total = inputSizes.map((size) => new Float64Array(size));
      for (const [inWrt, size] of inputSizes.entries()) {
        for (const [outWrt, part] of parts.entries()) {
          if (size === 0 || part.every((s) => s === 0)) continue; // adds nothing
          const body = { name, outWrt, inWrt, input, sens: part, config };
          const { output } = await withRetries((signal) => post("Gradient", body, signal), calls);
          numbersOf(`${here}, /Gradient of output ${outWrt} by input ${inWrt}`, output, size).forEach((g, i) => {
            total[inWrt][i] += g;
          });
        }
      }
      return finite(Float64Array.from(total.flatMap((g) => [...g])), "gradients");
    },
  };
}
