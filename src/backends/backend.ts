/** The interface of backends: a backend makes an executor of a program, which is plain data. Backends know plans and nothing else. */
import type { Program } from "../graph/program.ts";

/** Names of backends. */
export type BackendName = "wasm" | "webgpu" | "reference";
/** Numbers of a tensor, row by row. */
export type Rows = Float32Array | Float64Array;

/** Settings of Adam, and of SOAP, which is Adam in a basis of each matrix of weights. */
export interface OptimiserOptions {
  readonly beta1: number;
  readonly beta2: number;
  readonly epsilon: number;
  /** Keeps the largest second moment (AMSGrad). */
  readonly amsgrad: boolean;
  /** Works in the eigenbases of Shampoo's factors (soap.ts). */
  readonly soap?: boolean;
  /** Largest global norm of the gradient; 0 leaves it as it is. */
  readonly clip: number;
}

/** Everything that a resumed training needs in order to continue as if uninterrupted. */
export interface OptimiserState {
  readonly updates: number;
  readonly m: Float32Array;
  readonly v: Float32Array;
  /** Empty without AMSGrad. */
  readonly largest: Float32Array;
  /** Factors and bases of SOAP, matrix by matrix (soap.ts), in which m and v then are; empty without. */
  readonly factors: Float32Array;
}

/** β1ᵗ and β2ᵗ after t updates, by repeated multiplication: the same bits as when training update by update, and no pow. */
export function powersAfter(updates: number, { beta1, beta2 }: OptimiserOptions): [number, number] {
  const powers: [number, number] = [1, 1];
  for (let t = 0; t < updates; t++) {
    powers[0] *= beta1;
    powers[1] *= beta2;
  }
  return powers;
}

/** One run of a plan. */
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
  /** Called between the parts of a long run with the number of rows that are done; it is awaited, and an error in it ends the run. */
  readonly onRows?: (done: number) => Promise<void>;
}

/** Training steps of a plan. */
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

/** The device of an executor is lost, and with it everything that was not read back. */
export class DeviceLost extends Error {
  constructor(message: string) {
    super(message);
    this.name = "DeviceLost";
  }
}

/** A program on a backend, ready to run. */
export interface Executor {
  readonly backend: BackendName;
  /** The build or the adapter that runs, for records and reports. */
  readonly device: string;
  /** The whole slab, entries at their offsets. */
  readWeights(slab?: "weights" | "frozen"): Promise<Float32Array>;
  writeWeights(values: Float32Array, slab?: "weights" | "frozen"): Promise<void>;
  /** The gradient that the last run of a plan has left. @throws where the plan has none, or has not run. */
  readGradient(plan: string): Promise<Float32Array>;
  /** Writes a bank (rows, columns) that plans draw rows from. */
  writeBank(name: string, values: Float32Array): Promise<void>;
  /** Runs a plan: batch outputs are (tiles · rows, F), row by row; param outputs (R, C). */
  run(plan: string, options: RunOptions): Promise<Record<string, Rows>>;
  /** The same as `run`, at once, on executors that compute in the caller's thread; the others do not have it. */
  readonly runNow?: (plan: string, options: Omit<RunOptions, "onRows">) => Record<string, Rows>;
  /** Makes one update for each rate. It stops before an update whose loss or gradient is not finite; `done` is then smaller. */
  train(plan: string, options: StepOptions): Promise<{ done: number; losses: Float64Array }>;
  readOptimiser(): Promise<OptimiserState>;
  writeOptimiser(state: OptimiserState): Promise<void>;
  /** The first fault of the last run, in words. A matrix that is not positive definite, say, makes only its own row NaN. */
  fault(): string | undefined;
  /** Settles when the device is lost, on backends that can lose it; from then on each call throws `DeviceLost`. */
  readonly lost?: Promise<unknown>;
  /** Frees resources that garbage collection does not. */
  dispose(): void;
}

/** Options of every backend. */
export interface ExecutorOptions {
  /** Settings of the optimiser; an executor without them cannot train. */
  readonly optimiser?: OptimiserOptions;
}

/** A backend. */
export type CreateExecutor = (program: Program, options?: ExecutorOptions) => Promise<Executor>;
