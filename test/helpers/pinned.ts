/**
 * A training whose weights are the same bits everywhere: 500 steps in all, through every guide, both objectives, both
 * optimisers and all kinds of draws. Runs on any host that runs the library: nothing here is Node's own.
 */
import type * as retrodict from "../../src/index.ts";
import type * as ops from "../../src/ops.ts";

/**
 * Of `pinnedHash()`. This is the one test that compares with an earlier output: no analytic value can say that the bits
 * are those of other hosts, and of the library that a model was trained with. It changes, rightly, with any change of the
 * order of sums, of a polynomial, or of the use of random numbers; such a change is then one of the training's results.
 */
export const PINNED = "0b5deff93a4c2391ce721806e8259d7b96fdbd3d435392c94da2fa13f8c87642";

/** The library under test: its sources, or the built package; a page imports the latter and nothing else. */
export type Library = typeof retrodict & typeof ops;

/** A planar arm with three joints on a slide; one joint's range is bounded, and the last link has an unknown length. */
function jointsOf(library: Library): retrodict.Problem {
  const { add, columns, concat, cos, cumsum, mul, sin, slice, sumFeatures } = library;
  const { logNormal, normal, product, studentNoise, truncatedNormal, uniform } = library;
  return library.defineProblem({
    name: "joints",
    prior: product(truncatedNormal(0, 0.25, -0.6, 0.7), normal(0, 0.5), uniform(-1, 1), logNormal(-0.5, 0.2)),
    forward: (theta) => {
      const angles = cumsum(columns(theta, [1, 2])); // (B, 2)
      const links = concat(mul(columns(theta, [3]), 0.8), columns(theta, [3])); // (B, 2)
      const height = add(slice(theta, 0, 1), sumFeatures(mul(links, sin(angles))));
      return concat(sumFeatures(mul(links, cos(angles))), height);
    },
    noise: studentNoise({ scale: 0.05, degrees: 5 }),
  });
}

function trainingsOf({ coupling, gaussian, spline }: Library): readonly retrodict.TrainOptions[] {
  return [
    {
      guide: gaussian({ hidden: [16], activation: "relu", separate: true }),
      objective: "elbo",
      particles: 3,
      steps: 150,
      rate: 1e-2,
    },
    {
      guide: coupling({ blocks: 3, hidden: [16] }),
      steps: 150,
      optimiser: "amsgrad",
      clip: 1,
      bank: 1000,
      schedule: { kind: "robbinsMonro", delay: 40, power: 0.75 },
    },
    { guide: spline({ bins: 6, embedding: [16], hidden: [16] }), steps: 100 },
    {
      guide: spline({ bins: 4, embedding: [], hidden: [12], activation: "softplus" }),
      objective: "elbo",
      steps: 100,
      embedding: { principal: 2 },
    },
  ];
}

/** SHA-256, hexadecimal, of the weights, scalers, held-out losses and some draws of all trainings; `more`: options that must change nothing. */
export async function pinnedHash(library: Library, more: retrodict.TrainOptions = {}): Promise<string> {
  const { infer, train } = library;
  const joints = jointsOf(library);
  const parts: Uint8Array[] = [];
  const put = (values: Float32Array | Float64Array): void => {
    parts.push(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
  };
  for (const options of trainingsOf(library)) {
    const map = await train(joints, { batch: 64, heldOut: 256, seed: 17, kernels: "plain", ...options, ...more });
    for (const name of Object.keys(map.tensors).sort()) put(map.tensors[name].data);
    const { distances, training, fingerprint } = map.spec;
    put(Float64Array.of(...distances, training.heldOut.best, training.heldOut.final));
    put(Float64Array.of(...fingerprint.logPrior, ...(fingerprint.forward ?? []).flat()));
    const posterior = await infer(map, [1.1, 0.2]);
    put(posterior.mean);
    put(posterior.covariance);
    put(await posterior.sample(100, { seed: 2 }));
  }
  const bytes = new Uint8Array(parts.reduce((sum, p) => sum + p.length, 0));
  let at = 0;
  for (const part of parts) {
    bytes.set(part, at);
    at += part.length;
  }
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
  return Array.from(digest, (b) => b.toString(16).padStart(2, "0")).join("");
}
