/** The optimisers in f64, on whole slabs: the oracle of assembly/adam.ts and assembly/soap.ts. */
import type { Slab } from "../../graph/plan.ts";
import type { OptimiserOptions, OptimiserState } from "../backend.ts";
import { freshFactors, soapMatrices } from "../soap.ts";
import { soapStep } from "./soap.ts";

/** Moments, and where there are any the largest second ones and SOAP's factors. */
const SLABS = ["m", "v", "largest", "factors"] as const;

export class ReferenceOptimiser {
  private readonly options: OptimiserOptions;
  private readonly matrices: ReturnType<typeof soapMatrices>["matrices"];
  private readonly state: Record<(typeof SLABS)[number], Float64Array>;
  /** Whether an entry of the slab is of a matrix that SOAP updates. */
  private readonly taken: Uint8Array;
  private updates = 0;

  constructor(options: OptimiserOptions, slab: Slab) {
    const floats = slab.bytes / 4;
    this.options = options;
    this.matrices = options.soap ? soapMatrices(slab).matrices : [];
    this.state = {
      m: new Float64Array(floats),
      v: new Float64Array(floats),
      largest: new Float64Array(options.amsgrad ? floats : 0),
      factors: options.soap ? Float64Array.from(freshFactors(slab)) : new Float64Array(0),
    };
    this.taken = new Uint8Array(floats);
    for (const { entry } of this.matrices)
      this.taken.fill(1, entry.offset / 4, entry.offset / 4 + entry.rows * entry.cols);
  }

  /**
   * Clipping by the global norm, then Adam (Kingma & Ba 2015, Algorithm 1), AMSGrad (Reddi et al. 2018, Algorithm 2, with
   * Adam's corrections of bias) or SOAP. False, with nothing changed, when the gradient is not finite.
   */
  update(w: Float64Array, slab: Float64Array, rate: number): boolean {
    const { beta1, beta2, epsilon, amsgrad, clip } = this.options;
    const { m, v, largest, factors } = this.state;
    const norm = Math.sqrt(slab.reduce((s, g) => s + g * g, 0));
    if (!Number.isFinite(norm)) return false;
    const t = ++this.updates;
    const scale = clip > 0 && norm > clip ? clip / norm : 1;
    const gradient = slab.map((g) => g * scale);
    const [size, root] = [rate / (1 - beta1 ** t), 1 / Math.sqrt(1 - beta2 ** t)];
    for (let i = 0; i < w.length; i++) {
      if (this.taken[i]) continue;
      const g = gradient[i];
      m[i] = beta1 * m[i] + (1 - beta1) * g;
      v[i] = beta2 * v[i] + (1 - beta2) * g * g;
      if (amsgrad) largest[i] = Math.max(largest[i], v[i]);
      w[i] -= (size * m[i]) / (Math.sqrt((amsgrad ? largest : v)[i]) * root + epsilon);
    }
    const shared = { update: t, w, gradient, m, v, factors, beta1, beta2, epsilon, rate, size, root };
    this.matrices.forEach((matrix, index) => void soapStep(matrix, { ...shared, index }));
    return true;
  }

  read(): OptimiserState {
    const { m, v, largest, factors } = this.state;
    const [first, second, most, own] = [m, v, largest, factors].map((x) => Float32Array.from(x));
    return { updates: this.updates, m: first, v: second, largest: most, factors: own };
  }

  write(state: OptimiserState): void {
    this.updates = state.updates;
    for (const name of SLABS) {
      const [from, to] = [state[name], this.state[name]];
      if (from.length !== to.length)
        throw new Error(`internal: ${name} of an optimiser: expected ${to.length} numbers, got ${from.length}`);
      to.set(from);
    }
  }
}
