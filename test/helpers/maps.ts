/** Shared by tests of training and inference: small problems, and maps compared bit for bit. */

import { gaussianNoise } from "../../src/distributions/noise/gaussian.ts";
import { normal } from "../../src/distributions/normal.ts";
import { concat, mul, slice, square } from "../../src/graph/build.ts";
import type { InverseMap } from "../../src/model/model.ts";
import { defineProblem } from "../../src/problem/define.ts";
import type { Problem } from "../../src/problem/problem.ts";
import type { Simulator, SimulatorSpec } from "../../src/problem/simulator.ts";

/** Two parameters, three data, one of them not linear. */
export const small = defineProblem({
  name: "small",
  prior: normal([0.5, -1], [1, 2]),
  forward: (theta) => concat(theta, mul(square(slice(theta, 0, 1)), 0.5)), // (B, 2) → (B, 3)
  noise: gaussianNoise([0.3, 0.5, 0.4]),
});

/** The error that a promise ends with. @throws when it ends with none. */
export async function rejection(promise: Promise<unknown>): Promise<Error> {
  const outcome = await promise.then(
    () => undefined,
    (error: Error) => error,
  );
  if (outcome === undefined) throw new Error("nothing was thrown");
  return outcome;
}

/** All weights and scalers, entry after entry by name, as hexadecimal bytes: equal where every bit is. */
export function bitsOf({ tensors }: Pick<InverseMap, "tensors">): string {
  return Object.keys(tensors)
    .sort()
    .map((name) => {
      const { data, shape } = tensors[name];
      return `${name} ${shape} ${Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString("hex")}`;
    })
    .join("\n");
}

/** SHA-256, hexadecimal, of all weights and scalers, entry after entry by name. */
export async function hashOf({ tensors }: Pick<InverseMap, "tensors">): Promise<string> {
  const numbers = Object.keys(tensors)
    .sort()
    .flatMap((name) => [...tensors[name].data]);
  const digest = await crypto.subtle.digest("SHA-256", Float32Array.from(numbers));
  return Array.from(new Uint8Array(digest), (b) => b.toString(16).padStart(2, "0")).join("");
}

/** θ ~ N(0, 1) twice, three data of a simulator. */
export const outside = (given: Simulator | SimulatorSpec, more: object = {}): Problem =>
  defineProblem({
    name: "outside",
    data: 3,
    prior: normal([0, 0], 1),
    noise: gaussianNoise(0.5),
    simulate: given,
    ...more,
  });
