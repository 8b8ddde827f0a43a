/** Tables from the bytes of files: CSV (one row per line), NumPy (N, M) or (M), JSON (one array, or several). */
import { parseJson } from "../checks/json.ts";
import { columnOrder } from "../problem/columns.ts";
import type { Parameter } from "../problem/problem.ts";
import { parseCsv, type Table } from "./csv.ts";
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

type Rows = Table["rows"];

/** How a table is read: `columns` that a row must have, if known, and whether a list of numbers is one column or one row. */
interface Reading {
  readonly columns?: number;
  readonly flat: "row" | "column";
  /** Whether numbers may be missing: NaN, null in JSON, and what `parseCsv` takes for none. */
  readonly missing?: boolean;
}

function jsonRows(text: string, { flat, missing = false }: Reading): Rows {
  let value: unknown;
  try {
    value = parseJson(text);
  } catch (error) {
    throw new Error(`expected JSON, got an error: ${(error as Error).message}`);
  }
  if (!Array.isArray(value)) throw new Error(`expected an array, or an array of arrays, got ${show(value)}`);
  const one = flat === "row" && value.length > 0 ? [value] : value.map((x) => [x]);
  const rows = value.some(Array.isArray) ? value : one;
  return rows.map((row: unknown, i: number) => {
    if (!Array.isArray(row)) throw new Error(`row ${i + 1}: expected an array of numbers, got ${show(row)}`);
    return Float64Array.from(row, (x: unknown, j) => {
      if (x === null && missing) return Number.NaN;
      if (typeof x !== "number") throw new Error(`row ${i + 1}, column ${j + 1}: expected a number, got ${show(x)}`);
      return x;
    });
  });
}

function parseNpy(bytes: Uint8Array, { flat }: Reading): Rows {
  const { shape, data } = decodeNpy(bytes);
  if (shape.length > 2) throw new Error(`expected shape (N, columns), or one axis, got (${shape.join(", ")})`);
  if (data.length === 0) throw new Error(`expected rows of numbers, got none: shape (${shape.join(", ")})`);
  const width = shape[1] ?? (flat === "row" ? data.length : 1);
  return Array.from({ length: data.length / width }, (_, i) => data.subarray(i * width, (i + 1) * width));
}

/** Reads a file by its kind, which its first bytes or its name tell. */
function parseAny(bytes: Uint8Array, name: string, how: Reading): Table {
  const unnamed = (rows: Rows): Table => ({ names: null, rows, warnings: [] });
  if (isNpy(bytes) || /\.npy$/i.test(name)) return unnamed(parseNpy(bytes, how));
  const text = textOf(bytes);
  return /\.json$/i.test(name) || /^[\uFEFF\s]*\[/.test(text)
    ? unnamed(jsonRows(text.replace(/^\uFEFF/, ""), how))
    : parseCsv(text, how.columns, how.missing);
}

/**
 * Parses a table of finite numbers, of which some may be missing where that is allowed.
 *
 * @param name of the file, for errors; its extension distinguishes JSON and NumPy from text.
 * @throws an Error that starts with `name` and gives the row and column of an entry that is not a finite number.
 */
export function parseTable(bytes: Uint8Array, name: string, how: Reading): Table {
  try {
    const table = parseAny(bytes, name, how);
    const { rows } = table;
    if (rows.length === 0) throw new Error("expected rows of numbers, got none");
    const width = how.columns ?? rows[0].length;
    for (const [i, row] of rows.entries()) {
      if (row.length !== width) throw new Error(`row ${i + 1}: expected ${width} numbers, got ${row.length}`);
      const bad = row.findIndex((x) => !Number.isFinite(x) && !(how.missing && Number.isNaN(x)));
      if (bad >= 0) throw new Error(`row ${i + 1}, column ${bad + 1}: expected a finite number, got ${row[bad]}`);
    }
    return table;
  } catch (error) {
    throw new Error(`${name}: ${(error as Error).message}`, { cause: error });
  }
}

/** Guesses and surprises in the reading of a table, in words. */
export const taken = ({ names }: Pick<Table, "names">): readonly string[] =>
  names === null
    ? []
    : [`the first line was taken for names: ${names.slice(0, 6).join(", ")}${names.length > 6 ? ", …" : ""}`];

/**
 * Parses observations, one per row (N rows of M numbers). A list of numbers is one observation; if M = 1, each number is one.
 *
 * @param name of the file.
 * @param data the M data; columns with these names in another order are reordered.
 * @param missing whether data may be missing: they are NaN.
 * @throws as `parseTable`, and for a column whose name is not among the data.
 */
export function parseObservations(bytes: Uint8Array, name: string, data: readonly Parameter[], missing = false): Table {
  const columns = data.length;
  const table = parseTable(bytes, name, { columns, flat: columns === 1 ? "column" : "row", missing });
  if (table.names === null) return table;
  const order = columnOrder(name, table.names, data);
  return { ...table, rows: table.rows.map((row) => Float64Array.from(order, (j) => row[j])) };
}
