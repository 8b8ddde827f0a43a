/** What a backend is: it takes a program (plain data) and answers an executor. Backends know plans and nothing else. */
import type { Program } from "../graph/program.ts";

export type BackendName = "wasm" | "webgpu" | "reference";
export type Rows = Float32Array | Float64Array;

export interface OptimiserOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Keeps the largest second moment (AMSGrad). */
  readonly amsgrad: boolean;
  /** Largest global norm of the gradient; 0 leaves it as it is. */
  readonly clip: number;
}

/** Everything that an uninterrupted run would carry on with. */
export interface OptimiserState {
  readonly updates: number;
  readonly m: Float32Array;
  readonly v: Float32Array;
  /** Empty without AMSGrad. */
  readonly largest: Float32Array;
}

/** β1ᵗ and β2ᵗ after t updates, multiplied up as it is done update by update, to the same bits: no pow. */
export function powersAfter(updates: number, { beta1, beta2 }: OptimiserOptions): [number, number] {
  const powers: [number, number] = [1, 1];
  for (let t = 0; t < updates; t++) {
    powers[0] *= beta1;
    powers[1] *= beta2;
  }
  return powers;
}

export interface RunOptions {
  /** Rows of the untiled batch. */
  readonly rows: number;
  /** Inputs by name, row by row (rows / repeat, F). */
  readonly inputs?: Readonly<Record<string, Rows | readonly number[]>>;
  /** Consecutive rows of the run that one row of a `repeat` input serves. */
  readonly repeat?: number;
  /** Key and step of random draws. */
  readonly seed?: number;
  readonly step?: number;
  /** Told between the parts of a long run how many rows are done: it is awaited, and what it throws ends the run. */
  readonly onRows?: (done: number) => Promise<void>;
}

export interface StepOptions {
  readonly rows: number;
  readonly seed: number;
  /** Step of the first update: the counter of random draws. */
  readonly firstStep: number;
  /** Learning rate of each step to take. */
  readonly rates: Float32Array;
  /** Name of the output that is the loss, a scalar f64 param. */
  readonly loss: string;
  /** Inputs by name, the same rows at every step. */
  readonly inputs?: RunOptions["inputs"];
}

/** The device that an executor runs on is gone, and with it all that was not read back. */
export class DeviceLost extends Error {
  constructor(message: string) {
    super(message);
    this.name = "DeviceLost";
  }
}

export interface Executor {
  readonly backend: BackendName;
  /** Which build or adapter runs: for records and reports. */
  readonly device: string;
  /** The whole slab, entries at their offsets. */
  readWeights(slab?: "weights" | "frozen"): Promise<Float32Array>;
  writeWeights(values: Float32Array, slab?: "weights" | "frozen"): Promise<void>;
  /** The gradient that the last run of a plan with one has left. */
  readGradient(plan: string): Promise<Float32Array>;
  /** A bank (rows, columns) that plans draw rows from. */
  writeBank(name: string, values: Float32Array): Promise<void>;
  /** Batch outputs (tiles · rows, F) row by row, param outputs (R, C). */
  run(plan: string, options: RunOptions): Promise<Record<string, Rows>>;
  /** As many updates as there are rates. Stops before an update whose loss or gradient is not finite: then `done` is smaller. */
  train(plan: string, options: StepOptions): Promise<{ done: number; losses: Float64Array }>;
  readOptimiser(): Promise<OptimiserState>;
  writeOptimiser(state: OptimiserState): Promise<void>;
  /** What went wrong first in the last run, in words: a matrix that is not positive definite makes NaN of its own row alone. */
  fault(): string | undefined;
  /** Settles when the device is gone, on backends that can lose it: each call throws `DeviceLost` from then on. */
  readonly lost?: Promise<unknown>;
  /** Frees what garbage collection would not. */
  dispose(): void;
}

export interface ExecutorOptions {
  /** Needed to train. */
  readonly optimiser?: OptimiserOptions;
}

export type CreateExecutor = (program: Program, options?: ExecutorOptions) => Promise<Executor>;
