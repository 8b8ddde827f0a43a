/** Writes WebAssembly: the instructions that generated code uses, and modules of functions of one i32 over a memory of others. */

/** A number in LEB128, as it stands in code; all that are written here are not negative. */
function leb(n: number): number[] {
  const bytes: number[] = [];
  for (; n >= 128; n = Math.floor(n / 128)) bytes.push((n % 128) + 128);
  return [...bytes, n];
}
/** The same with a sign: the last bit of the last group is 0. */
const signed = (n: number): number[] => {
  const bytes = leb(n);
  if ((bytes[bytes.length - 1] & 64) === 0) return bytes;
  return [...bytes.slice(0, -1), bytes[bytes.length - 1] + 128, 0];
};
const simd = (opcode: number): number[] => [0xfd, ...leb(opcode)];
/** Alignment (1 byte) and offset of an access to memory. */
const access = (offset: number): number[] => [0, ...leb(offset)];

/** Types of values. */
export const I32 = 0x7f;
export const V128 = 0x7b;

/** Instructions on the stack of operands. */
export const wasm = {
  get: (local: number): number[] => [0x20, ...leb(local)],
  set: (local: number): number[] => [0x21, ...leb(local)],
  tee: (local: number): number[] => [0x22, ...leb(local)],
  global: (index: number): number[] => [0x23, ...leb(index)],
  constant: (n: number): number[] => [0x41, ...signed(n)],
  add: [0x6a],
  sub: [0x6b],
  mul: [0x6c],
  isZero: [0x45],
  load: (offset: number): number[] => [0x28, ...access(offset)],
  loop: [0x03, 0x40],
  /** To the start of the loop that this stands in, if the operand is not 0. */
  repeatIf: [0x0d, 0],
  returnIf: [0x04, 0x40, 0x0f, 0x0b],
  end: [0x0b],
  loadVector: (offset: number): number[] => [...simd(0), ...access(offset)],
  storeVector: (offset: number): number[] => [...simd(11), ...access(offset)],
  zeros: [...simd(12), ...new Array<number>(16).fill(0)],
  select: simd(0x52),
} as const;

/** Instructions on the lanes of a vector. */
export interface LaneCode {
  readonly bytes: number;
  readonly splat: (offset: number) => number[];
  readonly abs: number[];
  readonly neg: number[];
  readonly sqrt: number[];
  readonly floor: number[];
  readonly add: number[];
  readonly sub: number[];
  readonly mul: number[];
  readonly div: number[];
  readonly min: number[];
  readonly max: number[];
  readonly lt: number[];
  readonly gt: number[];
  /** a · b + c, rounded once. */
  readonly fused: number[];
}
/** Arithmetic has the same order for both types, from `first` on. */
const lanes = (bytes: number, splat: number, first: number, lt: number, floor: number, fused: number): LaneCode => ({
  bytes,
  splat: (offset) => [...simd(splat), ...access(offset)],
  abs: simd(first),
  neg: simd(first + 1),
  sqrt: simd(first + 3),
  add: simd(first + 4),
  sub: simd(first + 5),
  mul: simd(first + 6),
  div: simd(first + 7),
  min: simd(first + 8),
  max: simd(first + 9),
  lt: simd(lt),
  gt: simd(lt + 1),
  floor: simd(floor),
  fused: simd(fused),
});
export const laneCode = {
  f32: lanes(4, 9, 0xe0, 0x43, 0x68, 0x105),
  f64: lanes(8, 10, 0xec, 0x49, 0x75, 0x107),
} as const;

/** A function of one i32 without a result: its locals beside that, by type, and its code. */
export interface Code {
  readonly locals: readonly (readonly [count: number, type: number])[];
  readonly code: readonly number[];
}

const concat = (parts: readonly (readonly number[])[]): number[] => {
  const all: number[] = [];
  for (const part of parts) for (const byte of part) all.push(byte); // a spread would overflow the stack
  return all;
};
const list = (parts: readonly (readonly number[])[]): number[] => concat([leb(parts.length), ...parts]);
const text = (s: string): number[] => list([...new TextEncoder().encode(s)].map((byte) => [byte]));
const section = (id: number, content: readonly number[]): number[] => concat([[id], leb(content.length), content]);

/** Limits of a memory: from 0 pages to any number; one that is shared names its largest. */
const ANY_MEMORY = [0, 0];
const ANY_SHARED = [3, 0, ...leb(65_536)];

/** A module that exports functions by name, over `kernels.memory` and the global `kernels.shardBlocks`, which has index 0. */
export function moduleOf(functions: ReadonlyMap<string, Code>, shared: boolean): Uint8Array<ArrayBuffer> {
  const codes = [...functions.values()].map(({ locals, code }) => {
    const body = concat([list(locals.map(([count, type]) => [...leb(count), type])), code, wasm.end]);
    return concat([leb(body.length), body]);
  });
  const imports = [
    [...text("kernels"), ...text("memory"), 2, ...(shared ? ANY_SHARED : ANY_MEMORY)],
    [...text("kernels"), ...text("shardBlocks"), 3, I32, 1],
  ];
  const header = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
  return Uint8Array.from(
    concat([
      header,
      section(1, list([[0x60, 1, I32, 0]])),
      section(2, list(imports)),
      section(3, list(codes.map(() => [0]))),
      section(7, list([...functions.keys()].map((name, i) => [...text(name), 0, ...leb(i)]))),
      section(10, list(codes)),
    ]),
  );
}
