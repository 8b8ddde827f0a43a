/**
 * Numbers in text: one row a line, cells between commas, semicolons, tabs or spaces, an optional line of names, blank
 * lines and `#` comments. A line's separator is the first of `;` `,` tab that it has, else spaces. Rows and columns in
 * errors count from 1 as an editor or spreadsheet counts the lines of the file, names and comments included.
 */
export interface Table {
  /** The line of names, where there is one. */
  readonly names: readonly string[] | null;
  /** All of one length. */
  readonly rows: Float64Array[];
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;
/** What other programs write where a number is missing or not finite: never a name of a column. */
const NOT_FINITE = /^[+-]?(nan|inf|infinity|na|n\/a|null|none)$/i;

/** Splits a line at its separator; a cell in double quotes may hold it. */
function splitCells(line: string): string[] {
  const separator = [";", ",", "\t"].find((c) => line.includes(c));
  if (separator === undefined) return line.trim().split(/\s+/).map(unquote);
  if (!line.includes('"')) return line.split(separator).map((cell) => cell.trim());
  const cells: string[] = [];
  let begin = 0;
  let quoted = false;
  for (let i = 0; i <= line.length; i++) {
    if (line[i] === '"') quoted = !quoted;
    if (i < line.length && (quoted || line[i] !== separator)) continue;
    cells.push(unquote(line.slice(begin, i).trim()));
    begin = i + 1;
  }
  return cells;
}

const unquote = (cell: string): string =>
  cell.length >= 2 && cell.startsWith('"') && cell.endsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell;

/** A line of names: no cell of it could be meant as a number. */
const isHeader = (cells: readonly string[]): boolean =>
  cells.some((cell) => cell !== "") && cells.every((cell) => !/^[+-]?\.?\d/.test(cell) && !NOT_FINITE.test(cell));

/** A cell as people would like to see it in an error. */
const show = (cell: string): string => JSON.stringify(cell.length > 40 ? `${cell.slice(0, 37)}...` : cell);

/** Says what kind of number a cell should hold. */
function parseCell(cell: string, row: number, column: number): number {
  const value = NUMBER.test(cell) ? Number(cell) : Number.NaN;
  if (Number.isFinite(value)) return value;
  const what = NUMBER.test(cell) || NOT_FINITE.test(cell) ? "a finite number" : "a number";
  throw new Error(`row ${row}, column ${column}: expected ${what}, got ${show(cell)}`);
}

/**
 * Parses rows of numbers.
 *
 * @param columns numbers that a row must have; without it, as many as the first.
 * @throws an Error that names the row and column: `row 3, column 2: expected a number, got "x"`.
 */
export function parseCsv(text: string, columns?: number): Table {
  let names: string[] | null = null;
  let width = columns;
  const rows: Float64Array[] = [];
  for (const [index, raw] of text.split(/\r\n|\n|\r/).entries()) {
    const line = raw.replace(/^\uFEFF/, "").replace(/#.*$/, "");
    if (line.trim() === "") continue;
    const cells = splitCells(line);
    if (names === null && rows.length === 0 && isHeader(cells)) {
      names = cells;
      continue;
    }
    const row = Float64Array.from(cells, (cell, i) => parseCell(cell, index + 1, i + 1));
    width ??= row.length;
    if (row.length !== width) throw new Error(`row ${index + 1}: expected ${width} numbers, got ${row.length}`);
    rows.push(row);
  }
  return { names, rows };
}

const quoteCell = (cell: string): string => (/[",;\r\n#]/.test(cell) ? `"${cell.replaceAll('"', '""')}"` : cell);

/** The shortest text that reads back as the same float32; 9 digits are always enough. */
function formatSingle(x: number): string {
  for (let digits = 6; digits < 9; digits++) {
    const text = Number(x.toPrecision(digits));
    if (Math.fround(text) === x) return String(text);
  }
  return String(Number(x.toPrecision(9)));
}

/** Writes a line of names and a line a row. Numbers read back as they were, float32 ones without spurious digits. */
export function formatCsv(names: readonly string[], rows: Iterable<Float32Array | ArrayLike<number>>): string {
  const lines = [names.map(quoteCell).join(",")];
  for (const row of rows) {
    lines.push(Array.from(row, row instanceof Float32Array ? formatSingle : String).join(","));
  }
  return `${lines.join("\n")}\n`;
}
