/** Adam, AMSGrad and SOAP in linear memory: the settings that assembly/adam.ts reads, and the state that it writes. */

import type { Slab } from "../../graph/plan.ts";
import { type OptimiserOptions, type OptimiserState, powersAfter } from "../backend.ts";
import { FACTOR_DECAY } from "../soap.ts";
import type { Arena } from "./arena.ts";
import type { Kernels } from "./kernels.ts";
import { WasmSoap } from "./soap.ts";

/** Bytes of the settings; assembly/adam.ts and assembly/soap.ts show their layout. */
const SETTINGS_BYTES = 128;

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
  private readonly soap: WasmSoap | undefined;
  private trace = { rates: 0, losses: 0, steps: 0 };
  private updates = 0;
  /** β1ᵗ and β2ᵗ after `updates` updates. */
  private powers: readonly number[] = [1, 1];

  /** The optimiser of a slab of weights, which is at `weights`. */
  constructor(arena: Arena, options: OptimiserOptions, weights: number, slab: Slab, kernels: Kernels, threads: number) {
    const { bytes } = slab;
    this.arena = arena;
    this.options = options;
    this.floats = bytes / 4;
    this.weights = weights;
    this.m = arena.take(bytes);
    this.v = arena.take(bytes);
    this.largest = options.amsgrad ? arena.take(bytes) : 0;
    this.settings = arena.take(SETTINGS_BYTES);
    this.soap = options.soap ? new WasmSoap(arena, kernels, slab, threads) : undefined;
  }

  /** It grows in powers of two, so that many short calls take no more memory than one long call. */
  private reserveTrace(steps: number): void {
    if (steps <= this.trace.steps) return;
    let size = 256;
    while (size < steps) size *= 2;
    this.trace = { rates: this.arena.take(size * 4), losses: this.arena.take(size * 8), steps: size };
  }

  /** Called before a run of one step a rate: sets the addresses of the settings and of the losses. */
  begin(gradient: number, rates: Float32Array, firstStep: number): { settings: number; losses: number } {
    this.reserveTrace(rates.length);
    const { arena, weights, m, v, largest, floats, settings, trace } = this;
    const { clip, beta1, beta2, epsilon } = this.options;
    arena.floats(trace.rates, rates.length).set(rates);
    arena.words(settings, 8).set([weights, gradient, m, v, largest, floats, trace.rates, firstStep]);
    arena.doubles(settings + 32, 6).set([clip, beta1, beta2, epsilon, ...this.powers]);
    arena.words(settings + 92, 8).set([this.updates, ...(this.soap?.words ?? [0, 0, 0, 0, 0, 0, 0])]);
    arena.floats(settings + 124, 1)[0] = FACTOR_DECAY;
    return { settings, losses: trace.losses };
  }

  /** Called after a run that made `done` updates: their losses, and that of the step that stopped it. */
  end(done: number, steps: number): Float64Array {
    this.updates += done;
    this.powers = [...this.arena.doubles(this.settings + 64, 2)];
    return this.arena.doubles(this.trace.losses, Math.min(done + 1, steps)).slice();
  }

  read(): OptimiserState {
    const { arena, updates, largest, floats } = this;
    const [m, v] = [this.m, this.v].map((at) => arena.floats(at, floats).slice());
    return {
      updates,
      m,
      v,
      factors: this.soap?.read(m, v) ?? new Float32Array(0),
      largest: largest ? arena.floats(largest, floats).slice() : new Float32Array(0),
    };
  }

  write(state: OptimiserState): void {
    const { updates, m, v, largest } = state;
    this.soap?.write(state);
    this.updates = updates;
    this.powers = powersAfter(updates, this.options);
    this.arena.floats(this.m, this.floats).set(m);
    this.arena.floats(this.v, this.floats).set(v);
    if (this.largest) this.arena.floats(this.largest, this.floats).set(largest);
  }
}
