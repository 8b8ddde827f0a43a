/** Memory of a plan while it is laid out: slots of batches, and regions of params. */
import { bytesOf, type Plan, paramBytes, type Value } from "./plan-data.ts";
import { shapeOf, type Tensor } from "./tensor.ts";

/** Slots by lifetime: a free slot goes to the next value that needs about as much. */
export class SlotPool {
  readonly sizes: number[] = [];
  private readonly free: number[] = [];
  take(bytesPerRow: number): number {
    let best = -1;
    for (const slot of this.free) {
      const fits = this.sizes[slot] >= bytesPerRow && this.sizes[slot] <= 2 * bytesPerRow;
      if (fits && (best < 0 || this.sizes[slot] < this.sizes[best])) best = slot;
    }
    if (best < 0) return this.sizes.push(bytesPerRow) - 1;
    this.free.splice(this.free.indexOf(best), 1);
    return best;
  }
  release(slot: number): void {
    this.free.push(slot);
  }
}

/** Values and regions of a plan in the making. */
export class Ground {
  readonly pool = new SlotPool();
  readonly values: Value[] = [];
  readonly constants: { at: number; dtype: Value["dtype"]; values: readonly number[] }[] = [];
  readonly bytes: { -readonly [key in keyof Plan["bytes"]]: number };

  /** `gradientBytes`, those of the weights, come first among the sums. */
  constructor(gradientBytes: number) {
    this.bytes = { temporary: 0, constant: 0, sums32: gradientBytes, sums64: 0 };
  }
  /** The place of a param in a region. */
  reserve(key: keyof Plan["bytes"], t: Tensor): number {
    const at = this.bytes[key];
    this.bytes[key] += paramBytes(t);
    return at;
  }
  /** The place of fixed numbers, which the plan then holds. */
  constant(t: Tensor): Pick<Value, "region" | "at"> {
    const at = this.reserve("constant", t);
    this.constants.push({ at, dtype: t.dtype, values: t.attrs.values as number[] });
    return { region: "constant", at };
  }
  /** Adds a value; returns its index. */
  add(t: Tensor, place: Pick<Value, "region" | "at">): number {
    return this.values.push({ ...shapeOf(t), ...place }) - 1;
  }
  /** A slot for a batch, or for a param of a thread's own. */
  take(t: Tensor): Pick<Value, "region" | "at"> {
    const bytes = t.kind === "batch" ? t.rows * t.cols * bytesOf(t.dtype) : Math.ceil(paramBytes(t) / LEAST_ROWS);
    return { region: "slot", at: this.pool.take(bytes) };
  }
}
/** The rows of the smallest shard. */
const LEAST_ROWS = 8;
