/**
 * Tables of numbers in text: one row per line, cells separated by semicolons, tabs, commas or spaces, an optional line of names, blank
 * lines, and comments from a `#` that begins the line or follows white space. Rows and columns in errors count from 1, like the lines
 * of an editor or spreadsheet, with names and comments.
 */
import { isName, parseCell, splitCells, withoutComment } from "./csv-cells.ts";

/** A table of numbers. */
export interface Table {
  /** The line of names; null if there is none, or if it only counts the columns. */
  readonly names: readonly string[] | null;
  /** All of the same length. */
  readonly rows: (Float64Array | Float32Array)[];
  /** Guesses that the reader has made. */
  readonly warnings: readonly string[];
}

/** Whether cells are 0, 1, …, which pandas writes above columns without names. */
const counts = (cells: readonly string[]): boolean => cells.every((cell, i) => cell === String(i));

/** The names in a first line, and the number of cells of each row that name the row: one below an empty name. Null for numbers. */
function readNames(cells: readonly string[]): { names: readonly string[]; skip: number } | null {
  const skip = cells.length > 1 && cells[0] === "" ? 1 : 0;
  const names = cells.slice(skip);
  const isHeader = (names.every(isName) && new Set(names).size === names.length) || (skip === 1 && counts(names));
  return isHeader ? { names, skip } : null;
}

/** The cells of each line that is not empty, with the number of the line. */
function* cellsOf(text: string): Generator<readonly [row: number, cells: string[]]> {
  for (const [index, raw] of text.split(/\r\n|\n|\r/).entries()) {
    const line = withoutComment(index === 0 ? raw.replace(/^\uFEFF/, "") : raw);
    if (line.trim() === "") continue;
    try {
      if (/^"?sep=/i.test(line))
        throw new Error(`expected numbers, got ${JSON.stringify(line)}; delete this line, which only Excel reads`);
      yield [index + 1, splitCells(line)];
    } catch (error) {
      throw new Error(`row ${index + 1}: ${(error as Error).message}`);
    }
  }
}

/** Advice on a row of another length, if its likely reason is known. */
function adviceOn(got: number, width: number): string {
  if (got === 2 * width) return "; if its commas are decimal ones, write points";
  return got === width + 1 ? "; if its first column contains names of rows, delete that column" : "";
}

/** Removes a first row 0, 1, … above numbers that are not whole, unless it is a single 0. Returns the warning. */
function dropCounts(rows: Table["rows"], line: number): string {
  const is = `row ${line} holds ${rows[0].join(", ").slice(0, 40)}, as pandas writes above columns without names`;
  if (rows[0].length === 1) return `${is}: it was taken for data; if it is none, delete it`;
  rows.shift();
  return `${is}: it was left out; if it is data, write 0 as 0.0`;
}

/**
 * Parses rows of numbers.
 *
 * Names of rows (below an empty first name, or if there is one name fewer than columns) are left out, and so is a first line 0, 1, …
 * above numbers that are not whole. Warnings report both.
 *
 * @param columns length of a row; default: that of the first row.
 * @param missing whether numbers may be missing: empty cells, NaN, NA, n/a, null and none, which are NaN.
 * @throws an Error that names the row and column: `row 3, column 2: expected a number, got "x"`.
 */
export function parseCsv(text: string, columns?: number, missing = false): Table {
  let names: readonly string[] | null = null;
  let [first, skip, counted, whole] = [0, 0, false, true];
  const rows: Float64Array[] = [];
  for (const [line, cells] of cellsOf(text)) {
    if (first === 0) {
      first = line;
      const header = readNames(cells);
      if (header !== null) {
        ({ names, skip } = header);
        continue;
      }
      counted = counts(cells);
    }
    if (names !== null && rows.length === 0 && cells.length === names.length + 1) skip = 1;
    const row = Float64Array.from(cells.slice(skip), (cell, i) => parseCell(cell, line, i + 1 + skip, missing));
    const width = columns ?? names?.length ?? rows[0]?.length ?? row.length;
    if (row.length !== width)
      throw new Error(`row ${line}: expected ${width} numbers, got ${row.length}${adviceOn(row.length, width)}`);
    if (counted) whole &&= cells.every((cell) => /^-?\d+$/.test(cell));
    rows.push(row);
  }
  const warnings = skip === 1 ? ["the first column was taken for names of rows, and left out"] : [];
  if (counted && !whole) warnings.push(dropCounts(rows, first));
  return { names: names !== null && counts(names) ? null : names, rows, warnings };
}

const quoteCell = (cell: string): string => (/[",;\r\n#]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);

/** The shortest text that reads back as the same float32; 9 digits always suffice. */
function formatSingle(x: number): string {
  for (let digits = 6; digits < 9; digits++) {
    const text = Number(x.toPrecision(digits));
    if (Math.fround(text) === x) return String(text);
  }
  return String(Number(x.toPrecision(9)));
}

/** Writes a line of names, then one line per row. Numbers read back to the same bits; those of float32 have no spurious digits. */
export function formatCsv(names: readonly string[], rows: Iterable<Float32Array | ArrayLike<number>>): string {
  const lines = [names.map(quoteCell).join(",")];
  for (const row of rows) {
    lines.push(Array.from(row, row instanceof Float32Array ? formatSingle : String).join(","));
  }
  return `${lines.join("\n")}\n`;
}
