/** A list of 32-bit integers whose length is not known in advance. */
export class Growing {
  private room: Int32Array;
  length: number;

  /** Starts with zeros. */
  constructor(length = 0, room = 1024) {
    this.room = new Int32Array(Math.max(length, room));
    this.length = length;
  }

  private reserve(count: number): void {
    if (this.length + count <= this.room.length) return;
    const more = new Int32Array(2 * (this.length + count));
    more.set(this.room);
    this.room = more;
  }

  push(x: number): void {
    if (this.length === this.room.length) this.reserve(1);
    this.room[this.length++] = x;
  }

  /** Returns the index at which the numbers start. */
  append(list: ArrayLike<number>): number {
    this.reserve(list.length);
    this.room.set(list, this.length);
    this.length += list.length;
    return this.length - list.length;
  }

  at(index: number): number {
    return this.room[index];
  }

  set(index: number, list: ArrayLike<number>): void {
    this.room.set(list, index);
  }

  /** A copy of the numbers, all of them by default. */
  slice(from = 0, to = this.length): Int32Array {
    return this.room.slice(from, Math.min(to, this.length));
  }
}
