/**
 * Models behind the UM-Bridge protocol, version 1.0: any program that answers JSON over HTTP at
 *
 *   /Info → { protocolVersion, models }   /ModelInfo, /InputSizes, /OutputSizes   /Evaluate F(θ)   /Gradient (∂F/∂θ)ᵀ s
 *
 * Seelinger et al., UM-Bridge: Uncertainty quantification and modeling bridge, JOSS 8(83), 2023. A model takes several vectors and
 * returns several; here they are one vector of D parameters and one of M data, joined in the order of the server.
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
  /** Seconds that an evaluation may take; 0: any time. If it is given, each step of the handshake may take as long, else 30 s. */
  timeout: option(callTable.timeout.check, 300),
  /** What happens to parameters whose evaluation fails: "stop" with an error, or "drop" them with a warning. */
  failures: callTable.failures,
};
/** Options of `umbridge`. */
export type UmbridgeOptions = OptionsOf<typeof umbridgeTable>;

/** A model behind the protocol. */
export interface UmbridgeModel {
  /** Name of the model. */
  readonly name: string;
  /** Lengths of its input vectors. */
  readonly inputSizes: readonly number[];
  /** Lengths of its output vectors. */
  readonly outputSizes: readonly number[];
  /** Number of parameters in all. */
  readonly D: number;
  /** Number of data in all. */
  readonly M: number;
  /** Capabilities of the server. */
  readonly supports: {
    readonly evaluate: boolean;
    readonly gradient: boolean;
    readonly applyJacobian: boolean;
    readonly applyHessian: boolean;
  };
  /** The simulator for `defineProblem({ simulate })`: one evaluation a call. */
  readonly simulate: SimulatorSpec;
  /** Data (M) of parameters (D). @throws where the evaluation fails or is not finite. */
  evaluate(theta: ArrayLike<number>): Promise<Float64Array>;
  /** (∂F/∂θ)ᵀ s, (D), for parameters (D) and sensitivities (M) of the data. @throws where the server has no gradients. */
  gradient(theta: ArrayLike<number>, sens: ArrayLike<number>): Promise<Float64Array>;
}

const VERSION = 1;
/** Seconds that a server may take to describe itself, unless `timeout` says. */
const HANDSHAKE = 30;

/** The most numbers of a vector: 1 GiB of f32. */
const MOST_NUMBERS = 0x10000000;

const sum = (sizes: readonly number[]): number => sizes.reduce((a, b) => a + b, 0);

/** The numbers in a list of an answer. null, which servers write for numbers that are not finite, becomes NaN. @throws for anything else. */
function numbersOf(where: string, list: unknown, length: number): number[] {
  if (!Array.isArray(list) || list.length !== length) {
    const got = Array.isArray(list) ? `${list.length}` : describe(list);
    throw permanent(`${where}: expected ${length} numbers, got ${got}`);
  }
  return list.map((x: unknown, i) => {
    if (x === null) return Number.NaN;
    if (typeof x !== "number") throw permanent(`${where}: expected numbers, got ${describe(x)} at index ${i}`);
    return x;
  });
}

/** The lengths of a model's vectors. */
function sizesOf(where: string, list: unknown): readonly number[] {
  const areSizes = Array.isArray(list) && list.every((n) => Number.isInteger(n) && n >= 0) && sum(list) > 0;
  if (areSizes && sum(list) <= MOST_NUMBERS) return list;
  if (areSizes) throw permanent(`${where}: expected at most ${MOST_NUMBERS} numbers in all, got ${sum(list)}`);
  throw permanent(`${where}: expected a list of sizes, got ${describe(list)}`);
}

/** Cuts one vector into the vectors of the server. */
function cut(flat: ArrayLike<number>, sizes: readonly number[]): number[][] {
  let at = 0;
  return sizes.map((size) => Array.from({ length: size }, () => flat[at++]));
}

/** @throws unless `vector` holds as many finite numbers as the sizes add up to. */
function checkVector(where: string, what: string, vector: ArrayLike<number>, sizes: readonly number[]): void {
  const length = sum(sizes);
  if (vector?.length !== length) {
    const parts = sizes.length > 1 ? ` (${sizes.join(" + ")})` : "";
    throw permanent(`${where}: expected ${length} ${what}${parts}, got ${vector?.length ?? describe(vector)}`);
  }
  const bad = Array.from(vector).findIndex((x) => !Number.isFinite(x));
  if (bad >= 0) throw permanent(`${where}: expected finite ${what}, got ${describe(vector[bad])} at index ${bad}`);
}

/** The name of the model: the wanted one, or the only one. */
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
 *
 * The function is long because it is a handshake and then the methods of the model, which share the connection.
 */
export async function umbridge(options: UmbridgeOptions): Promise<UmbridgeModel> {
  const { url: address, model, config, headers, ...calls } = readOptions("umbridge", umbridgeTable, options);
  const url = address.replace(/\/+$/, "");
  const post = postTo(url, headers);
  const short = { ...calls, timeout: options.timeout ?? HANDSHAKE };
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

  const [D, M] = [sum(inputSizes), sum(outputSizes)];

  const evaluateOnce = async (theta: ArrayLike<number>, signal: AbortSignal): Promise<Float64Array> => {
    const { output } = await post("Evaluate", { name, input: cut(theta, inputSizes), config }, signal, M);
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
    D,
    M,
    supports,
    simulate: {
      ...calls,
      batch: 1,
      D,
      M,
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
          const { output } = await withRetries((signal) => post("Gradient", body, signal, size), calls);
          numbersOf(`${here}, /Gradient of output ${outWrt} by input ${inWrt}`, output, size).forEach((g, i) => {
            total[inWrt][i] += g;
          });
        }
      }
      return finite(Float64Array.from(total.flatMap((g) => [...g])), "gradients");
    },
  };
}
