/**
 * A bank file: simulations on disk, which grow call by call and survive interruptions. The file is a head and records:
 *
 *   head    "RTDBANK1", n (u32), n bytes of JSON that say whose simulations these are, CRC-32 of the JSON
 *   record  "RTDD", n (u32), n bytes of payload, CRC-32 of the payload; little-endian
 *   payload step (i32), rows r (u32), their numbers (u32, r), whether each failed (u32, r), θ (f64, r·D), data (f64, r·M)
 *
 * Records of version 0.1 have the mark "RTDC" and data in f32; they are still read.
 *
 * A record is appended by one write. Either it is there whole, or its checksum fails and the reader continues at the next mark.
 * Nothing is ever truncated or overwritten, so two processes may append to one file without harm.
 */
import { parseJson } from "../checks/json.ts";
import { appendBytes, fileExists, MAX_BYTES, readBytes, writeBytes } from "../host/files.ts";
import { crc32 } from "../numbers/crc32.ts";

/** The identity of the simulations in a file: everything that their parameters depend on. */
export interface BankIdentity {
  readonly problem: string;
  readonly D: number;
  readonly M: number;
  readonly prior: unknown;
  readonly proposal: unknown;
  readonly seed: number;
}

/** Simulations of one call. Failed ones have data of zeros. */
export interface BankRecord {
  /** Step of the counter that the parameters were drawn at, which tells the use of the simulations. */
  readonly step: number;
  readonly rows: Uint32Array;
  readonly failed: Uint32Array;
  /** (r, D) and (r, M) */
  readonly theta: Float64Array;
  readonly data: Float64Array;
}
/** A record to be written; those of version 0.1 have data of single precision. */
export type AnyRecord = Omit<BankRecord, "data"> & { readonly data: Float32Array | Float64Array };

const ascii = (text: string): Uint8Array => Uint8Array.from(text, (c) => c.charCodeAt(0));
const HEAD = ascii("RTDBANK1");
const MARK = ascii("RTDD");
const SINGLE_MARK = ascii("RTDC");

/**
 * Checksums of damaged records may take so many times the length of the file in all. Without a limit, marks within marks would take its
 * square; an interrupted write takes no more than the length of one record.
 */
const FAILED_CHECKS = 8;

/** A frame: mark, length, content, checksum. */
function frame(mark: Uint8Array, content: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(mark.length + content.length + 8);
  const view = new DataView(bytes.buffer);
  bytes.set(mark);
  view.setUint32(mark.length, content.length, true);
  bytes.set(content, mark.length + 4);
  view.setUint32(bytes.length - 4, crc32(content), true);
  return bytes;
}

/** The content that the frame at a place announces, its checksum not compared; null where there is no frame. */
function contentAt(bytes: Uint8Array, at: number, mark: Uint8Array): Uint8Array | null {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const start = at + mark.length + 4;
  if (start + 4 > bytes.length || mark.some((byte, i) => bytes[at + i] !== byte)) return null;
  const end = start + view.getUint32(at + mark.length, true);
  return end + 4 > bytes.length ? null : bytes.subarray(start, end);
}

/** Whether the checksum behind a content is its own. */
function isWhole(content: Uint8Array): boolean {
  const { buffer, byteOffset, length } = content;
  return new DataView(buffer, byteOffset + length, 4).getUint32(0, true) === crc32(content);
}

/** The bytes of the head. */
export const encodeHead = (identity: BankIdentity): Uint8Array<ArrayBuffer> =>
  frame(HEAD, new TextEncoder().encode(JSON.stringify(identity)));

/** Bytes of the record of `rows` rows. */
const recordBytes = (rows: number, { D, M }: Pick<BankIdentity, "D" | "M">, each = 8): number =>
  20 + rows * (8 + 8 * D + each * M);

/** The bytes of a record. */
export function encodeRecord({ step, rows, failed, theta, data }: AnyRecord): Uint8Array<ArrayBuffer> {
  const parts = [Int32Array.of(step), Uint32Array.of(rows.length), rows, failed, theta, data];
  const payload = new Uint8Array(parts.reduce((sum, part) => sum + part.byteLength, 0));
  let at = 0;
  for (const part of parts) {
    payload.set(new Uint8Array(part.buffer, part.byteOffset, part.byteLength), at); // every host of ours is little-endian
    at += part.byteLength;
  }
  return frame(data instanceof Float32Array ? SINGLE_MARK : MARK, payload);
}

/** Whether a payload has the length that its number of rows says. */
const fits = (payload: Uint8Array, identity: BankIdentity, each: number): boolean =>
  payload.length >= 8 &&
  payload.length + 12 ===
    recordBytes(new DataView(payload.buffer, payload.byteOffset + 4, 4).getUint32(0, true), identity, each);

function decodeRecord(
  payload: Uint8Array,
  { D, M }: BankIdentity,
  Numbers: typeof Float32Array | typeof Float64Array,
): BankRecord {
  const copy = new Uint8Array(payload).buffer; // the payload may be unaligned (and slice of a Node Buffer copies nothing)
  const rows = new Uint32Array(copy, 4, 1)[0];
  const theta = 8 + 8 * rows;
  return {
    step: new Int32Array(copy, 0, 1)[0],
    rows: new Uint32Array(copy, 8, rows),
    failed: new Uint32Array(copy, 8 + 4 * rows, rows),
    theta: new Float64Array(copy, theta, rows * D),
    data: Float64Array.from(new Numbers(copy, theta + 8 * rows * D, rows * M)),
  };
}

/** The content of a head, or null if it is damaged. */
function identityIn(head: Uint8Array | null): Readonly<Record<string, unknown>> | null {
  if (head === null || !isWhole(head)) return null;
  try {
    return Object(parseJson(new TextDecoder().decode(head)));
  } catch {
    return null;
  }
}

/** Refuses a bank file of other simulations, and says in what they differ. */
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
 * The records of a bank file.
 * @throws when the bytes are no bank file, and when they are one of other simulations, with what differs.
 */
export function decodeBankFile(
  bytes: Uint8Array,
  path: string,
  identity: BankIdentity,
): { records: BankRecord[] /** Bytes that belong to no intact record. */; damaged: number } {
  const head = contentAt(bytes, 0, HEAD);
  const was = identityIn(head);
  if (head === null || was === null) {
    const what = HEAD.some((byte, i) => bytes[i] !== byte) ? "a file of another kind" : "one with a damaged head";
    throw new Error(`"${path}": expected a bank of simulations, got ${what}; name another file`);
  }
  refuseOther(path, was, identity);
  const records: BankRecord[] = [];
  let damaged = 0;
  let left = FAILED_CHECKS * bytes.length; // bytes of records whose checksum fails
  for (let at = HEAD.length + head.length + 8; at < bytes.length; ) {
    const [mark, Numbers] = bytes[at + 3] === SINGLE_MARK[3] ? [SINGLE_MARK, Float32Array] : [MARK, Float64Array];
    const content = contentAt(bytes, at, mark);
    const announced =
      content !== null && left > 0 && fits(content, identity, Numbers.BYTES_PER_ELEMENT) ? content : null;
    if (announced !== null && isWhole(announced)) {
      records.push(decodeRecord(announced, identity, Numbers));
      at += MARK.length + announced.length + 8;
      continue;
    }
    left -= announced?.length ?? 0;
    // The rest of an interrupted write: look for the next mark.
    const found = bytes.indexOf(MARK[0], at + 1);
    const next = found < 0 ? bytes.length : found;
    damaged += next - at;
    at = next;
  }
  return { records, damaged };
}

/** A bank file that is open. */
export interface BankFile {
  readonly records: readonly BankRecord[];
  readonly damaged: number;
  append(record: BankRecord): Promise<void>;
}

/**
 * Opens a bank file for `count` simulations, or begins one.
 * @throws as `decodeBankFile` does; where there is no file system; when so many simulations would make too large a file.
 */
export async function openBankFile(path: string, identity: BankIdentity, count: number): Promise<BankFile> {
  const size = recordBytes(count, identity);
  if (size > MAX_BYTES)
    throw new Error(`"${path}": expected a bank of at most ${MAX_BYTES} bytes, got ${count} simulations of ${size}`);
  if (!(await fileExists(path))) await writeBytes(path, encodeHead(identity));
  const { records, damaged } = decodeBankFile(await readBytes(path), path, identity);
  return { records, damaged, append: (record) => appendBytes(path, encodeRecord(record)) };
}
