/**
 * A bank of simulations on disk, that grows call by call and outlives what interrupts it. The file is a head and records:
 *
 *   head    "RTDBANK1", n (u32), n bytes of JSON that say whose simulations these are, CRC-32 of the JSON
 *   record  "RTDC", n (u32), n bytes of payload, CRC-32 of the payload; little-endian
 *   payload step (i32), rows r (u32), their numbers (u32, r), whether each failed (u32, r), θ (f64, r·D), data (f32, r·M)
 *
 * A record is appended by one write: it is there whole, or its checksum does not hold and the reader goes on at the next
 * mark. Nothing is ever cut off or written over, so two processes that append to one file do each other no harm.
 */
import { appendBytes, fileExists, MAX_BYTES, readBytes, writeBytes } from "../host/files.ts";

/** Whose simulations a file holds: what their parameters depend on. */
export interface BankIdentity {
  readonly problem: string;
  readonly D: number;
  readonly M: number;
  readonly prior: unknown;
  readonly proposal: unknown;
  readonly seed: number;
}

/** Simulations of one call: failed ones have data of zeros. */
export interface BankRecord {
  /** Of the counter that parameters are drawn at: what the simulations are for. */
  readonly step: number;
  readonly rows: Uint32Array;
  readonly failed: Uint32Array;
  /** (r, D) and (r, M) */
  readonly theta: Float64Array;
  readonly data: Float32Array;
}

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));
const HEAD = ascii("RTDBANK1");
const MARK = ascii("RTDC");

const CRC_TABLE = Uint32Array.from({ length: 256 }, (_, n) => {
  for (let k = 0; k < 8; k++) n = n & 1 ? 0xedb88320 ^ (n >>> 1) : n >>> 1;
  return n;
});
function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = CRC_TABLE[(crc ^ byte) & 0xff] ^ (crc >>> 8);
  return ~crc >>> 0;
}

/** Mark, length, content, checksum. */
function frame(mark: Uint8Array, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(mark.length + content.length + 8);
  const view = new DataView(bytes.buffer);
  bytes.set(mark);
  view.setUint32(mark.length, content.length, true);
  bytes.set(content, mark.length + 4);
  view.setUint32(bytes.length - 4, crc32(content), true);
  return bytes;
}

/** The content of a sound frame at a place, or null. */
function contentAt(bytes: Uint8Array, at: number, mark: Uint8Array): Uint8Array | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = at + mark.length + 4;
  if (start + 4 > bytes.length || mark.some((byte, i) => bytes[at + i] !== byte)) return null;
  const end = start + view.getUint32(at + mark.length, true);
  if (end + 4 > bytes.length) return null;
  const content = bytes.subarray(start, end);
  return view.getUint32(end, true) === crc32(content) ? content : null;
}

export const encodeHead = (identity: BankIdentity): Uint8Array<ArrayBuffer> =>
  frame(HEAD, new TextEncoder().encode(JSON.stringify(identity)));

/** Bytes of the record of `rows` rows. */
const recordBytes = (rows: number, { D, M }: Pick<BankIdentity, "D" | "M">): number => 20 + rows * (8 + 8 * D + 4 * M);

export function encodeRecord({ step, rows, failed, theta, data }: BankRecord): Uint8Array<ArrayBuffer> {
  const parts = [Int32Array.of(step), Uint32Array.of(rows.length), rows, failed, theta, data];
  const payload = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    payload.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at); // our hosts are little-endian
    at += part.byteLength;
  }
  return frame(MARK, payload);
}

function decodeRecord(payload: Uint8Array, { D, M }: BankIdentity): BankRecord | null {
  if (payload.length < 8) return null;
  const copy = new Uint8Array(payload).buffer; // the payload may be unaligned (and slice of a Node Buffer copies nothing)
  const rows = new Uint32Array(copy, 4, 1)[0];
  if (payload.length + 12 !== recordBytes(rows, { D, M })) return null;
  const theta = 8 + 8 * rows;
  return {
    step: new Int32Array(copy, 0, 1)[0],
    rows: new Uint32Array(copy, 8, rows),
    failed: new Uint32Array(copy, 8 + 4 * rows, rows),
    theta: new Float64Array(copy, theta, rows * D),
    data: new Float32Array(copy, theta + 8 * rows * D, rows * M),
  };
}

/** Refuses a bank of other simulations, and says what is other. */
function refuseOther(path: string, was: Readonly<Record<string, unknown>>, is: BankIdentity): void {
  for (const [key, value] of Object.entries(is)) {
    const [got, want] = [was[key], value].map((x) => JSON.stringify(x));
    if (got === want) continue;
    throw new Error(
      `"${path}": expected simulations with ${key} ${want}, got a bank with ${key} ${got}; name another file, or delete it`,
    );
  }
}

/**
 * The records of a bank.
 * @throws when the bytes are no bank, or one of other simulations, with what is other.
 */
export function decodeBank(
  bytes: Uint8Array,
  path: string,
  identity: BankIdentity,
): { records: BankRecord[] /** Bytes that no sound record holds. */; damaged: number } {
  const head = contentAt(bytes, 0, HEAD);
  if (head === null) {
    const what = HEAD.some((byte, i) => bytes[i] !== byte) ? "a file of another kind" : "one with a damaged head";
    throw new Error(`"${path}": expected a bank of simulations, got ${what}; name another file`);
  }
  refuseOther(path, JSON.parse(new TextDecoder().decode(head)), identity);
  const records: BankRecord[] = [];
  let damaged = 0;
  for (let at = HEAD.length + head.length + 8; at < bytes.length; ) {
    const content = contentAt(bytes, at, MARK);
    const record = content && decodeRecord(content, identity);
    if (content && record) {
      records.push(record);
      at += MARK.length + content.length + 8;
      continue;
    }
    // The rest of what an interrupted write left: the next mark is looked for.
    damaged++;
    at++;
  }
  return { records, damaged };
}

export interface BankFile {
  readonly records: readonly BankRecord[];
  readonly damaged: number;
  append(record: BankRecord): Promise<void>;
}

/**
 * Opens a bank for `count` simulations, or begins one.
 * @throws as `decodeBank`; where there is no file system; when so many simulations make too large a file.
 */
export async function openBank(path: string, identity: BankIdentity, count: number): Promise<BankFile> {
  const size = recordBytes(count, identity);
  if (size > MAX_BYTES)
    throw new Error(`"${path}": expected a bank of at most ${MAX_BYTES} bytes, got ${count} simulations of ${size}`);
  if (!(await fileExists(path))) await writeBytes(path, encodeHead(identity));
  const { records, damaged } = decodeBank(await readBytes(path), path, identity);
  return { records, damaged, append: (record) => appendBytes(path, encodeRecord(record)) };
}
