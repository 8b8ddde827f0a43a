/**
 * Random numbers of one chain, made on demand without allocation: block k of a transition is Threefry at (seed, stream;
 * transition, chain, k), as in random.ts. So a chain draws the same numbers whatever other chains run.
 */
import { cos, log, sin } from "../numbers/math.ts";
import { threefryInto } from "../numbers/random.ts";

const UNIT = 1.1920928955078125e-7; // 2^-23

/** The centre of one of 2^23 equal cells of (0, 1). */
const toUniform = (word: number): number => ((word >>> 9) + 0.5) * UNIT;

export class Stream {
  private readonly words = new Int32Array(4);
  private readonly seed: number;
  private readonly stream: number;
  private readonly row: number;
  private step = 0;
  private used = 0;

  constructor(seed: number, stream: number, row: number) {
    this.seed = seed;
    this.stream = stream;
    this.row = row;
  }

  /** Goes to the first number of a step. */
  goTo(step: number): void {
    this.step = step;
    this.used = 0;
  }

  private next(): number {
    const place = this.used & 3;
    if (place === 0) threefryInto(this.words, this.seed, this.stream, this.step, this.row, this.used >>> 2);
    this.used++;
    return this.words[place];
  }

  /** Uniform in (0, 1). */
  uniform(): number {
    return toUniform(this.next());
  }

  /** Fills `out` with standard normal numbers, by Box and Muller. */
  normals(out: Float64Array): void {
    for (let i = 0; i < out.length; i += 2) {
      const radius = Math.sqrt(-2 * log(this.uniform()));
      const angle = 2 * Math.PI * this.uniform();
      out[i] = radius * cos(angle);
      if (i + 1 < out.length) out[i + 1] = radius * sin(angle);
    }
  }
}
