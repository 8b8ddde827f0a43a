/**
 * NumPy's array file: "\x93NUMPY", two bytes of version, the header's length (2 bytes little-endian, 4 from version 2
 * on), a Python dict literal with `descr`, `fortran_order` and `shape`, then the numbers. Format: numpy.lib.format.
 * Read here: little-endian float32 and float64, 1 to 8 axes, in C or Fortran order. Written: both, of any shape.
 */
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
const READABLE: Readonly<Record<string, typeof Float32Array | typeof Float64Array>> = {
  "<f4": Float32Array,
  "<f8": Float64Array,
};
const MAX_HEADER = 65_536; // bytes; NumPy itself reads at most 10,000 by default

/** Advice on other types by their kind: the letter of `descr`, or "[" for structured arrays. */
const ADVICE: Readonly<Record<string, string>> = {
  "[": "save numpy.lib.recfunctions.structured_to_unstructured(a).astype('<f8')",
  V: "save each field as an array of its own, or its numbers as one of '<f8'",
  c: "save real and imaginary parts as columns: numpy.hstack([a.real, a.imag])",
  O: "they are never read; save numpy.array(a.tolist(), '<f8'), with rows of one length",
};

/** A row-major array; `data.length` is the product of `shape`. */
export interface NpyArray {
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array;
}

function expected(what: string, got: string): never {
  throw new Error(`npy: expected ${what}, got ${got}`);
}

/** Whether a file is a NumPy array, by its first bytes. */
export const isNpy = (bytes: Uint8Array): boolean => MAGIC.every((byte, i) => bytes[i] === byte);

/**
 * Reads an array.
 *
 * @throws unless the array is little-endian float32 or float64 with 1 to 8 axes, and the file is complete.
 */
export function decodeNpy(bytes: Uint8Array): NpyArray {
  if (!isNpy(bytes)) expected("a NumPy file", "other first bytes");
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const version = bytes[6];
  const start = version === 1 ? 10 : 12;
  if (bytes.length < start) expected(`a header of ${start} bytes or more`, `${bytes.length} (truncated file)`);
  if (version < 1 || version > 3) expected("format version 1, 2 or 3", `${version}`);
  const length = version === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > MAX_HEADER) expected(`a header of at most ${MAX_HEADER} bytes`, `${length}`);
  if (start + length > bytes.length) {
    expected(`a header of ${length} bytes`, `${bytes.length - start} (truncated file)`);
  }
  const header = new TextDecoder().decode(bytes.subarray(start, start + length));
  const descr = checkDescr(/'descr'\s*:\s*(\[|'[^']*')/.exec(header)?.[1]);
  const order = /'fortran_order'\s*:\s*(True|False)/.exec(header)?.[1];
  if (order === undefined) expected("fortran_order", "none");
  const shape = parseShape(/'shape'\s*:\s*\(([\d,\sL]*)\)/.exec(header)?.[1]);
  const Numbers = READABLE[descr];
  const need = shape.reduce((size, n) => size * n, Numbers.BYTES_PER_ELEMENT);
  const have = bytes.length - start - length;
  if (need !== have) {
    expected(`${need} bytes for shape (${shape.join(", ")})`, `${have}${have < need ? " (truncated file)" : ""}`);
  }
  // A copy, because the numbers may be unaligned in the file. (bytes.slice of a Node Buffer does not copy.)
  const copy = bytes.buffer.slice(bytes.byteOffset + start + length, bytes.byteOffset + bytes.length) as ArrayBuffer;
  const data = new Numbers(copy);
  return { shape, data: order === "True" ? fromFortran(data, shape) : data };
}

/** Reorders numbers from Fortran order (first axis fastest) to row-major order. */
function fromFortran(data: NpyArray["data"], shape: readonly number[]): NpyArray["data"] {
  if (shape.filter((n) => n !== 1).length < 2) return data; // both orders are the same
  const out = data.slice();
  const strides = shape.map((_, k) => shape.slice(0, k).reduce((size, n) => size * n, 1));
  const at = shape.map(() => 0);
  for (let i = 0, from = 0; i < out.length; i++) {
    out[i] = data[from];
    for (let k = shape.length - 1; k >= 0; k--) {
      from += strides[k];
      if (++at[k] < shape[k]) break;
      from -= strides[k] * at[k];
      at[k] = 0;
    }
  }
  return out;
}

function checkDescr(literal: string | undefined): string {
  const descr = literal?.replaceAll("'", "") ?? "none";
  if (Object.hasOwn(READABLE, descr)) return descr;
  const kind = /^[<>|=]?([a-zA-Z[])/.exec(descr)?.[1] ?? "";
  const what = { "[": "a structured array", O: "Python objects" }[kind] ?? descr.slice(0, 20);
  const order = descr.startsWith(">") ? " (big-endian)" : "";
  const advice = literal === undefined ? "" : `; ${ADVICE[kind] ?? "save a.astype('<f8')"}`;
  return expected("float32 '<f4' or float64 '<f8'", `${what}${order}${advice}`);
}

function parseShape(literal: string | undefined): number[] {
  const cells = (literal ?? "").split(",").map((cell) => cell.trim().replace(/L$/, ""));
  const shape = cells.filter((cell) => cell !== "").map(Number);
  if (literal === undefined || !shape.every(Number.isSafeInteger)) expected("a shape", `${literal ?? "none"}`);
  if (shape.length < 1 || shape.length > 8) expected("1 to 8 axes", `shape (${shape.join(", ")})`);
  return shape;
}

/**
 * Writes float32 or float64 numbers of any shape, row-major, as format version 1.
 *
 * @throws if the shape does not fit the data.
 */
export function encodeNpy(data: Float32Array | Float64Array, shape: readonly number[]): Uint8Array<ArrayBuffer> {
  if (shape.reduce((size, n) => size * n, 1) !== data.length) {
    expected(`shape (${shape.join(", ")}) to fit the data`, `${data.length} numbers`);
  }
  const tuple = shape.length === 1 ? `${shape[0]},` : shape.join(", ");
  const dict = `{'descr': '<f${data.BYTES_PER_ELEMENT}', 'fortran_order': False, 'shape': (${tuple}), }`;
  const start = Math.ceil((10 + dict.length + 1) / 64) * 64; // aligns the data for memory mapping
  const bytes = new Uint8Array(start + data.byteLength);
  bytes.set([...MAGIC, 1, 0, (start - 10) & 255, (start - 10) >> 8]);
  bytes.set(new TextEncoder().encode(`${dict.padEnd(start - 11)}\n`), 10);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), start); // our hosts are little-endian
  return bytes;
}
