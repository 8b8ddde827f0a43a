/** W2's training step for any batch, and the interface of its candidates on GPUs. */
import type { Outputs } from "../driver.ts";
import { normals, W2 } from "../workloads.ts";

export type FlowWork = Omit<typeof W2, "batch"> & { readonly batch: number };

/** W2 on a number of rows. */
export function flowWork(batch: number): FlowWork {
  if (batch === W2.batch) return W2;
  const [theta, y] = [normals(batch * W2.dim, 24, 0.5), normals(batch * W2.data, 23)];
  return { ...W2, batch, theta: () => theta, y: () => y };
}

/** A prepared training. */
export interface Trainer {
  /** Runs steps, and reads only the last loss. */
  steps(count: number): Promise<void>;
  /** Losses of the first steps, and the weights after them; called once, before any other step. */
  outputs(): Promise<Outputs>;
  dispose(): void;
}

export interface Candidate {
  readonly name: string;
  /** The reason why it cannot run here, or its preparation. */
  readonly flow: string | ((work: FlowWork) => Promise<Trainer>);
  /** Products (n, n) · (n, n) of resident matrices, `times` one after another, done when it resolves; `read` returns a corner. */
  readonly product?: (n: number, a: Float32Array, b: Float32Array) => Promise<Product>;
}

export interface Product {
  run(times: number): Promise<void>;
  /** The first entries of the first row. */
  corner(count: number): Promise<ArrayLike<number>>;
  dispose(): void;
}
