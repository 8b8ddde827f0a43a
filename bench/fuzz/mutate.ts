/** Mutations of valid inputs: of bytes, of text by its words and lines, of plain data by its entries. All are functions of a seed. */

/** A random whole number below n (mulberry32). */
export type Random = (n: number) => number;

export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return (n) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * n);
  };
}

export const pick = <T>(random: Random, list: readonly T[]): T => list[random(list.length)];

const BYTES = [0, 1, 0x0a, 0x20, 0x22, 0x2c, 0x30, 0x5b, 0x7b, 0x7f, 0x80, 0xc0, 0xf0, 0xff];
const WORDS32 = [0, 1, 2, 7, 255, 65536, 0x7fffffff, 0x80000000, 0xfffffff0, 0xffffffff];

type ByteRule = (random: Random, bytes: Uint8Array, other: Uint8Array) => Uint8Array;
const joined = (...parts: Uint8Array[]): Uint8Array => Uint8Array.from(Buffer.concat(parts));
const byteRules: readonly ByteRule[] = [
  (r, b) => b.with(r(b.length), BYTES[r(BYTES.length)]),
  (r, b) => b.map((x, i) => (i === r(b.length) ? x ^ (1 << r(8)) : x)),
  (r, b) => {
    const at = r(b.length);
    return b.with(at, b[at] ^ (1 << r(8)));
  },
  (r, b) => b.slice(0, r(b.length)),
  (r, b) => b.slice(r(Math.min(b.length, 64))),
  (r, b) => {
    const at = r(b.length);
    return joined(b.subarray(0, at), b.subarray(at + 1 + r(16)));
  },
  (r, b) => {
    const [at, from] = [r(b.length), r(b.length)];
    return joined(b.subarray(0, at), b.subarray(from, from + 1 + r(64)), b.subarray(at));
  },
  (r, b) => {
    const at = r(b.length);
    return joined(b.subarray(0, at), new Uint8Array(1 + r(16)).fill(pick(r, BYTES)), b.subarray(at));
  },
  (r, b) => {
    const copy = b.slice();
    if (copy.length >= 4) new DataView(copy.buffer).setUint32(r(copy.length - 3), pick(r, WORDS32), true);
    return copy;
  },
  (r, b, other) => joined(b.subarray(0, r(b.length)), other.subarray(r(other.length))),
];

/** Bytes after a few changes. `other` is another valid input. */
export function mutateBytes(random: Random, bytes: Uint8Array, other: Uint8Array): Uint8Array<ArrayBuffer> {
  let out = bytes;
  for (let left = 1 + random(3); left > 0 && out.length > 0; left--) out = pick(random, byteRules)(random, out, other);
  return new Uint8Array(out);
}

/** Words that formats of numbers and markup stumble over. */
const TEXT = [
  ...[
    "",
    "0",
    "-1",
    "1",
    "2",
    "1e9",
    "1e308",
    "1e309",
    "-1e400",
    "4294967296",
    "9007199254740993",
    "99999999999999999999",
  ],
  ...[
    "nan",
    "NaN",
    "inf",
    "-Infinity",
    "null",
    "true",
    "0x10",
    "1_000",
    "1,5",
    "−1",
    "1e",
    ".",
    "-",
    "+",
    "--1",
    "1.#INF",
  ],
  ...[
    '"',
    "'",
    "\\",
    "\u0000",
    "\ufeff",
    "\u2028",
    "é",
    "[",
    "]",
    "{",
    "}",
    "[[",
    "]]",
    ",",
    ";",
    ":",
    "#",
    "$",
    "\r",
    "\n",
    "\t",
  ],
  ...["[]", "{}", '""', '"__proto__"', "constructor", "sep=;", "#N/A", "x"],
];

type TextRule = (random: Random, text: string) => string;
const splice = (text: string, at: number, cut: number, put: string): string =>
  text.slice(0, at) + put + text.slice(at + cut);
/** The place and the length of a word. */
function wordIn(random: Random, text: string): [number, number] {
  const start = random(text.length + 1);
  const { index = text.length, 0: found = "" } = /[\w.+-]+|[^\s\w]/.exec(text.slice(start)) ?? {};
  return [Math.min(start + index, text.length), found.length];
}
const textRules: readonly TextRule[] = [
  (r, t) => splice(t, ...wordIn(r, t), pick(r, TEXT)),
  (r, t) => splice(t, ...wordIn(r, t), pick(r, TEXT)),
  (r, t) => splice(t, ...wordIn(r, t), ""),
  (r, t) => splice(t, r(t.length + 1), 0, pick(r, TEXT)),
  (r, t) => splice(t, r(t.length + 1), 1 + r(20), ""),
  (r, t) => t.slice(0, r(t.length + 1)),
  (r, t) => {
    const lines = t.split("\n");
    const from = r(lines.length);
    return lines.toSpliced(r(lines.length), r(3), ...lines.slice(from, from + 1 + r(3))).join("\n");
  },
  (r, t) => splice(t, ...wordIn(r, t), pick(r, ["[", '{"a":', "(", "9", " ", '"', "\n", ",", "-"]).repeat(1 << r(16))),
  (r, t) => {
    const depth = 1 << r(17); // deeper than the stack of a recursive reader
    return splice(t, ...wordIn(r, t), "[".repeat(depth) + "]".repeat(depth));
  },
  (r, t) => t.repeat(1 + r(4)),
  (r, t) => t.replaceAll(pick(r, [",", "\n", " ", ".", '"', "1"]), pick(r, TEXT)),
];

/** Text after a few changes. */
export function mutateText(random: Random, text: string): string {
  let out = text;
  for (let left = 1 + random(3); left > 0; left--) out = pick(random, textRules)(random, out);
  return out;
}

const deep = (): unknown => {
  let nest: unknown = [];
  for (let i = 0; i < 1000; i++) nest = [nest];
  return nest;
};
const VALUES: readonly (() => unknown)[] = [
  ...[null, true, 0, -1, 0.5, 1, 2, 3, 17, 1000, 1e5, 1e6, 1e9, 2 ** 31, 2 ** 53, 1e300, -1e300, 5e-324].map(
    (x) => () => x,
  ),
  ...["", "x", "__proto__", "1", "spline", "coupling", "mixture", "laplace", "linear", "product", "uniform"].map(
    (x) => () => x,
  ),
  ...[[], {}, [[]], [1], [0, 0], { kind: "x" }].map((x) => () => structuredClone(x)),
  () => new Array(100_000).fill(1),
  () => new Array(1000).fill([]),
  deep,
];

/** Plain data with some entries replaced, left out, doubled or swapped. */
export function mutateData(random: Random, data: unknown): unknown {
  const copy = structuredClone(data);
  for (let left = 1 + random(2); left > 0; left--) {
    let at = copy as Record<string, unknown>;
    for (;;) {
      const keys = Object.keys(at);
      if (keys.length === 0) break;
      const key = pick(random, keys);
      const next = at[key];
      if (typeof next === "object" && next !== null && random(5) > 0) {
        at = next as Record<string, unknown>;
        continue;
      }
      const list = Array.isArray(at);
      const rule = random(5);
      if (rule === 0 && !list) delete at[key];
      else if (rule === 1 && list) (at as unknown as unknown[]).splice(Number(key), 1);
      else if (rule === 2 && list) (at as unknown as unknown[]).push(structuredClone(next));
      else if (rule === 3) at[key] = structuredClone(at[pick(random, keys)]);
      else at[key] = pick(random, VALUES)();
      break;
    }
  }
  return copy;
}
