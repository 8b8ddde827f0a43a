/** Adam and AMSGrad in linear memory: what assembly/adam.ts reads and writes, and what the host knows of it. */

import { type OptimiserOptions, type OptimiserState, powersAfter } from "../backend.ts";
import type { Arena } from "./arena.ts";

/** Bytes of the settings; assembly/adam.ts shows their layout. */
const SETTINGS_BYTES = 96;

export class WasmOptimiser {
  private readonly arena: Arena;
  private readonly options: OptimiserOptions;
  private readonly floats: number;
  private readonly weights: number;
  private readonly m: number;
  private readonly v: number;
  /** 0 without AMSGrad. */
  private readonly largest: number;
  private readonly settings: number;
  private trace = { rates: 0, losses: 0, steps: 0 };
  private updates = 0;
  /** β1ᵗ and β2ᵗ after `updates` updates. */
  private powers: readonly number[] = [1, 1];

  /** For a slab of weights of so many bytes. */
  constructor(arena: Arena, options: OptimiserOptions, weights: number, bytes: number) {
    this.arena = arena;
    this.options = options;
    this.floats = bytes / 4;
    this.weights = weights;
    this.m = arena.take(bytes);
    this.v = arena.take(bytes);
    this.largest = options.amsgrad ? arena.take(bytes) : 0;
    this.settings = arena.take(SETTINGS_BYTES);
  }

  /** Grows in powers of two, so that many short calls and one long one cost the same memory. */
  private reserveTrace(steps: number): void {
    if (steps <= this.trace.steps) return;
    let size = 256;
    while (size < steps) size *= 2;
    this.trace = { rates: this.arena.take(size * 4), losses: this.arena.take(size * 8), steps: size };
  }

  /** Before a call of a step a rate: where its settings are and its losses go. */
  begin(gradient: number, rates: Float32Array, firstStep: number): { settings: number; losses: number } {
    this.reserveTrace(rates.length);
    const { arena, weights, m, v, largest, floats, settings, trace } = this;
    const { clip, beta1, beta2, epsilon } = this.options;
    arena.floats(trace.rates, rates.length).set(rates);
    arena.words(settings, 8).set([weights, gradient, m, v, largest, floats, trace.rates, firstStep]);
    arena.doubles(settings + 32, 6).set([clip, beta1, beta2, epsilon, ...this.powers]);
    return { settings, losses: trace.losses };
  }

  /** After a call that made `done` updates of so many steps: their losses, and that of the step that stopped it. */
  end(done: number, steps: number): Float64Array {
    this.updates += done;
    this.powers = [...this.arena.doubles(this.settings + 64, 2)];
    return this.arena.doubles(this.trace.losses, Math.min(done + 1, steps)).slice();
  }

  read(): OptimiserState {
    const { arena, updates, m, v, largest, floats } = this;
    return {
      updates,
      m: arena.floats(m, floats).slice(),
      v: arena.floats(v, floats).slice(),
      largest: largest ? arena.floats(largest, floats).slice() : new Float32Array(0),
    };
  }

  write({ updates, m, v, largest }: OptimiserState): void {
    this.updates = updates;
    this.powers = powersAfter(updates, this.options);
    this.arena.floats(this.m, this.floats).set(m);
    this.arena.floats(this.v, this.floats).set(v);
    if (this.largest) this.arena.floats(this.largest, this.floats).set(largest);
  }
}
