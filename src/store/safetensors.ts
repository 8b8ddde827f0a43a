/**
 * The safetensors format: an 8-byte little-endian length n, n bytes of JSON that map a tensor's name to its dtype, shape
 * and [begin, end) in the data, then the data, without gaps. Format: https://github.com/huggingface/safetensors
 * (README, "Format"). Reading executes nothing, and the whole file is checked before any tensor is allocated.
 */
import { parseJson } from "../checks/json.ts";
import { crc32 } from "../numbers/crc32.ts";

/** F16 as bits, which half.ts reads, because not every host has arrays of half precision. */
const DTYPES = { F16: Uint16Array, F32: Float32Array, F64: Float64Array, I32: Int32Array } as const;

export type StoredDType = keyof typeof DTYPES;

/** A tensor as it is stored: row-major, `data.length` is the product of `shape`. */
export interface StoredTensor {
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
  readonly data: Uint16Array | Float32Array | Float64Array | Int32Array;
}

export interface TensorFile {
  readonly tensors: Readonly<Record<string, StoredTensor>>;
  /** The entries of `__metadata__`. */
  readonly metadata: Readonly<Record<string, string>>;
}

/** Place of a tensor by the header, in bytes from the start of the data. */
interface Entry {
  readonly name: string;
  readonly dtype: StoredDType;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

const METADATA = "__metadata__";
/** Name of the checksum among the metadata. Files of other programs, and of earlier versions, have none. */
const CHECKSUM = "retrodict-crc32";
const MAX_HEADER = 16 * 1024 * 1024; // bytes

/** The CRC-32 of all tensors and metadata, in the order of their names, as hexadecimal digits. */
function checksumOf({ tensors, metadata }: TensorFile): string {
  const lines = [
    ...Object.entries(metadata).map((entry) => JSON.stringify(entry)),
    ...Object.entries(tensors).map(([name, { dtype, shape, data }]) => {
      const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
      return JSON.stringify([name, dtype, shape, crc32(bytes)]);
    }),
  ];
  return crc32(new TextEncoder().encode(lines.sort().join())).toString(16).padStart(8, "0");
}

const quote = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 60 ? `${text.slice(0, 57)}...` : text;
};

function expected(what: string, got: string): never {
  throw new Error(`safetensors: expected ${what}, got ${got}`);
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** Refuses a name that is not an ordinary key of an object in every reader. */
function checkName(name: string, of: string): void {
  if (name === "" || name in Object.prototype || name === "prototype") expected(`a plain ${of} name`, quote(name));
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

/** The product of a shape, or null if an entry is not a count, or the product exceeds 2^53. */
function sizeOf(shape: readonly unknown[]): number | null {
  let size = 1;
  for (const n of shape) if (!isCount(n) || !isCount((size *= n))) return null;
  return size;
}

/**
 * Encodes tensors and metadata. The same content gives the same bytes: tensors are sorted by element size, then by name. The data
 * start at a multiple of 8 bytes, so that every tensor is aligned.
 *
 * @throws for a shape that does not fit its data, a dtype that is not the array's, a non-finite number or a reserved name.
 */
export function encodeSafetensors(
  tensors: Readonly<Record<string, StoredTensor>>,
  metadata: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const names = Object.keys(tensors).sort(
    (a, b) => sizeOfElement(tensors[b].dtype) - sizeOfElement(tensors[a].dtype) || (a < b ? -1 : 1),
  );
  const header: [string, unknown][] = [];
  for (const key of Object.keys(metadata)) {
    checkName(key, "metadata");
    if (typeof metadata[key] !== "string") expected(`metadata "${key}" to be a string`, quote(metadata[key]));
  }
  const all: Record<string, string> = { ...metadata, [CHECKSUM]: checksumOf({ tensors, metadata }) };
  const keys = Object.keys(all).sort();
  header.push([METADATA, Object.fromEntries(keys.map((key) => [key, all[key]]))]);
  let end = 0;
  for (const name of names) {
    const { dtype, shape, data } = tensors[name];
    checkName(name, "tensor");
    if (name === METADATA) expected("a tensor name that is not reserved", quote(name));
    if (!(data instanceof DTYPES[dtype])) expected(`tensor "${name}" to be a ${dtype} array`, data.constructor.name);
    const size = sizeOf(shape);
    if (size !== data.length) {
      expected(`tensor "${name}" to have ${size ?? "a countable number of"} numbers (${shape})`, `${data.length}`);
    }
    const bad = data.findIndex((x) => (dtype === "F16" ? isHalfOdd(x) : !Number.isFinite(x)));
    if (bad >= 0)
      expected(`tensor "${name}" to be finite`, `${dtype === "F16" ? "NaN or infinity" : data[bad]} at ${bad}`);
    header.push([name, { dtype, shape, data_offsets: [end, end + data.byteLength] }]);
    end += data.byteLength;
  }
  let json = new TextEncoder().encode(JSON.stringify(Object.fromEntries(header)));
  if (json.length % 8 > 0) {
    const padded = new Uint8Array(json.length + 8 - (json.length % 8)).fill(0x20);
    padded.set(json);
    json = padded;
  }
  if (json.length > MAX_HEADER) expected(`a header of at most ${MAX_HEADER} bytes`, `${json.length}`);
  const bytes = new Uint8Array(8 + json.length + end);
  new DataView(bytes.buffer).setUint32(0, json.length, true);
  bytes.set(json, 8);
  let at = 8 + json.length;
  for (const name of names) {
    const { data } = tensors[name];
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at); // our hosts are little-endian
    at += data.byteLength;
  }
  return bytes;
}

/** A float is not finite if all bits of its exponent are set. */
const isHalfOdd = (bits: number): boolean => (bits & 0x7c00) === 0x7c00;

const sizeOfElement = (dtype: StoredDType): number => DTYPES[dtype]?.BYTES_PER_ELEMENT ?? 0;

/**
 * Decodes a file to its metadata and copies of its tensors (the bytes may be unaligned, or be reused).
 *
 * @throws an Error that says what was expected and what came, for every invalid file: truncated, longer than its header says, with
 * overlaps or gaps, an unknown dtype, a name twice, or a number that is not finite.
 */
export function decodeSafetensors(bytes: Uint8Array): TensorFile {
  if (bytes[8] !== 0x7b) expected("a safetensors file, as save() writes it", kindOf(bytes)); // "{" begins the header
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = view.getUint32(4, true) * 4_294_967_296 + view.getUint32(0, true);
  if (length > MAX_HEADER) expected(`a header of at most ${MAX_HEADER} bytes`, `${length}`);
  if (8 + length > bytes.length) expected(`a header of ${length} bytes`, `${bytes.length - 8} (truncated file)`);
  const { entries, metadata } = parseHeader(bytes.subarray(8, 8 + length));
  const start = 8 + length;
  let end = 0;
  for (const entry of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (entry.begin !== end) expected(`tensor "${entry.name}" to begin at byte ${end} of the data`, `${entry.begin}`);
    end = entry.end;
  }
  if (start + end !== bytes.length) {
    const hint = start + end > bytes.length ? " (truncated file)" : "";
    expected(`${end} bytes of data`, `${bytes.length - start}${hint}`);
  }
  for (const entry of entries) checkFinite(entry, view, start);
  const tensors = entries.map(({ name, dtype, shape, begin, end }): [string, StoredTensor] => {
    const at = bytes.byteOffset + start;
    const copy = bytes.buffer.slice(at + begin, at + end) as ArrayBuffer; // bytes.slice of a Node Buffer does not copy
    return [name, { dtype, shape, data: new DTYPES[dtype](copy) }];
  });
  const { [CHECKSUM]: checksum, ...rest } = metadata;
  const file = { tensors: Object.fromEntries(tensors), metadata: rest };
  const got = checksum === undefined ? undefined : checksumOf(file);
  if (checksum !== got) expected(`the checksum ${quote(checksum)} that the file states`, `${got}: the file is damaged`);
  return file;
}

/** Other files by their first bytes, as Latin-1. */
const OTHERS: readonly (readonly [begin: RegExp, what: string])[] = [
  [/^$/, "an empty file"],
  [/^\x93NUMPY/, "a NumPy array"],
  [/^PK\W\W/, "a ZIP archive, as PyTorch and numpy.savez write it"],
  [/^\x89HDF/, "an HDF5 file"],
  [/^\W\x8b/, "a gzip archive"],
  [/^RTDBANK1/, "a bank of simulations"],
  [/^version https:\/\/git-lfs/, "a pointer of Git LFS, in place of its file"],
  [/^\s*</, "a page of HTML or XML"],
  [/^[\t\n\r -~]+$/, "text"],
];

/** The kind of a file that is not safetensors. */
function kindOf(bytes: Uint8Array): string {
  const begin = String.fromCharCode(...bytes.subarray(0, 64));
  const short = bytes.length < 9 ? `a file of ${bytes.length} bytes` : "a file of another kind";
  return OTHERS.find(([pattern]) => pattern.test(begin))?.[1] ?? short;
}

function parseHeader(bytes: Uint8Array): { entries: Entry[]; metadata: Record<string, string> } {
  let text: string;
  let header: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    header = parseJson(text);
  } catch {
    expected("a header of JSON", "something else (is the file damaged?)");
  }
  if (!isObject(header)) expected("the header to be a JSON object", quote(header));
  let keys = 0; // of a header with this content and without repeated names
  const entries: Entry[] = [];
  const metadata: Record<string, string> = {};
  for (const [name, value] of Object.entries(header)) {
    if (!isObject(value)) expected(`the header's "${name.slice(0, 60)}" to be an object`, quote(value));
    keys += 1 + Object.keys(value).length;
    if (name === METADATA) {
      for (const [key, entry] of Object.entries(value)) {
        checkName(key, "metadata");
        if (typeof entry !== "string") expected(`metadata "${key.slice(0, 60)}" to be a string`, quote(entry));
        metadata[key] = entry;
      }
    } else {
      entries.push(parseEntry(name, value));
    }
  }
  const written = countKeys(text);
  if (written !== keys) expected(`${keys} different names in the header`, `${written} (a name occurs twice)`);
  return { entries, metadata };
}

function parseEntry(name: string, value: Record<string, unknown>): Entry {
  checkName(name, "tensor");
  const at = `tensor ${quote(name)}`;
  const { dtype, shape, data_offsets: offsets, ...rest } = value;
  if (Object.keys(rest).length > 0) expected(`${at} to have dtype, shape and data_offsets`, quote(Object.keys(rest)));
  if (typeof dtype !== "string" || !Object.hasOwn(DTYPES, dtype)) {
    expected(`${at} to be one of ${Object.keys(DTYPES).join(", ")}`, quote(dtype));
  }
  const size = Array.isArray(shape) ? sizeOf(shape) : null;
  if (size === null) expected(`${at} to have a shape`, quote(shape));
  if (!Array.isArray(offsets) || offsets.length !== 2 || !offsets.every(isCount)) {
    expected(`${at} to have data_offsets [begin, end]`, quote(offsets));
  }
  const [begin, end] = offsets as [number, number];
  const known = dtype as StoredDType;
  const need = size * sizeOfElement(known);
  if (end - begin !== need) {
    expected(`${at} of shape (${(shape as number[]).join(", ").slice(0, 60)}) to take ${need} bytes`, `${end - begin}`);
  }
  return { name, dtype: known, shape: [...(shape as number[])], begin, end };
}

/** Number of keys in a valid JSON text, with repetitions. */
function countKeys(text: string): number {
  let keys = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x3a) keys++;
    if (c !== 0x22) continue;
    for (i++; text.charCodeAt(i) !== 0x22; i++) if (text.charCodeAt(i) === 0x5c) i++; // skip a string with its escapes
  }
  return keys;
}

/** Checks bits, for f64 those of the upper half, because reading may change a NaN. */
function checkFinite({ name, dtype, begin, end }: Entry, view: DataView, start: number): void {
  if (dtype === "I32") return;
  const size = sizeOfElement(dtype);
  const mask = dtype === "F64" ? 0x7ff00000 : 0x7f800000;
  for (let at = begin; at < end; at += size) {
    const here = start + at;
    const odd =
      dtype === "F16"
        ? isHalfOdd(view.getUint16(here, true))
        : (view.getUint32(here + (size - 4), true) & mask) === mask;
    if (odd) expected(`tensor "${name}" to be finite`, `NaN or infinity at number ${(at - begin) / size}`);
  }
}
