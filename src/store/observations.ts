/** Measurements from a file's bytes: CSV (one observation a row), NumPy (N, M) or (M), JSON (one array, or several). */
import { parseCsv } from "./csv.ts";
import { decodeNpy, isNpy } from "./npy.ts";

const textOf = (bytes: Uint8Array): string => {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new Error("expected text in UTF-8, NumPy or JSON data, got other bytes");
  }
};

const show = (value: unknown): string => {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > 40 ? `${text.slice(0, 37)}...` : text;
};

/** A flat list is one observation, but of one-number data it is one a number. */
const split = <T>(list: T[], columns?: number): T[][] =>
  columns === 1 ? list.map((x) => [x]) : list.length > 0 ? [list] : [];

function parseJson(text: string, columns?: number): Float64Array[] {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new Error(`expected JSON, got an error: ${(error as Error).message}`);
  }
  if (!Array.isArray(value)) throw new Error(`expected an array, or an array of arrays, got ${show(value)}`);
  const rows = value.some(Array.isArray) ? value : split(value, columns);
  return rows.map((row: unknown, i: number) => {
    if (!Array.isArray(row)) throw new Error(`row ${i + 1}: expected an array of numbers, got ${show(row)}`);
    return Float64Array.from(row, (x: unknown, j) => {
      if (typeof x !== "number") throw new Error(`row ${i + 1}, column ${j + 1}: expected a number, got ${show(x)}`);
      return x;
    });
  });
}

function parseNpy(bytes: Uint8Array, columns?: number): Float64Array[] {
  const { shape, data } = decodeNpy(bytes);
  if (shape.length > 2) throw new Error(`expected 1 or 2 axes, got shape (${shape.join(", ")})`);
  if (data.length === 0) return [];
  if (shape.length === 1) return split([...data], columns).map((row) => Float64Array.from(row));
  const [count, width] = shape;
  return Array.from({ length: count }, (_, i) => Float64Array.from(data.subarray(i * width, (i + 1) * width)));
}

/** A file's kind, by its first bytes and then by its name. */
function parseRows(bytes: Uint8Array, name: string, columns?: number): Float64Array[] {
  if (isNpy(bytes) || /\.npy$/i.test(name)) return parseNpy(bytes, columns);
  const text = textOf(bytes);
  return /\.json$/i.test(name) || /^[\uFEFF\s]*\[/.test(text)
    ? parseJson(text.replace(/^\uFEFF/, ""), columns)
    : parseCsv(text, columns).rows;
}

/**
 * Parses observations, a row each (N rows of M numbers).
 *
 * @param name of the file: for errors, and its extension tells JSON and NumPy from text.
 * @param columns M, where it is known: a row of another length is named.
 * @throws an Error that starts with `name` and names the row and column of what is not a finite number.
 */
export function parseObservations(bytes: Uint8Array, name: string, columns?: number): Float64Array[] {
  try {
    const rows = parseRows(bytes, name, columns);
    if (rows.length === 0) throw new Error("expected an observation, got no numbers");
    const width = columns ?? rows[0].length;
    for (const [i, row] of rows.entries()) {
      if (row.length !== width) throw new Error(`row ${i + 1}: expected ${width} numbers, got ${row.length}`);
      const bad = row.findIndex((x) => !Number.isFinite(x));
      if (bad >= 0) throw new Error(`row ${i + 1}, column ${bad + 1}: expected a finite number, got ${row[bad]}`);
    }
    return rows;
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message}`);
  }
}
