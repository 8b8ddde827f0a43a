/** The lines and cells of text tables: comments, separators, quotes, names, numbers, and advice on cells that are not numbers. */
import { isDecimal } from "../checks/decimal.ts";

/** An error cell of a spreadsheet, in any language: #N/A, #DIV/0!, #NAME?, #¡REF!, and ### where a column is too narrow. */
const ERROR_CELL = /#(?:(?:N\/?[ABDV]|[¡¿]?[\p{Lu}\d/_]+[!?])(?=[\s;,"]|$)|#+(?=\s*[;,\t]))/uy;
/** Numbers that are missing or not finite, as other programs write them. */
const NOT_FINITE = /^[+-]?(nan|inf|infinity|na|n\/a|null|none)$/i;
const NO_NUMBER = /^(nan|na|n\/a|null|none)?$/i;
const MISSING = /^(<na>|n\.a\.|n\.?d\.?|nat|nil|void|missing|undefined|unknown|empty|blank|[-.?*]+)$/i;
const TRUTH = /^(true|false)$/i;

function isErrorCell(line: string, at: number): boolean {
  ERROR_CELL.lastIndex = at;
  return ERROR_CELL.test(line);
}

/** A line without its comment. A comment begins the line or follows white space, outside quotes. */
export function withoutComment(line: string): string {
  let quoted = false;
  for (let i = line.includes("#") ? 0 : line.length; i < line.length; i++) {
    if (line[i] === '"') quoted = !quoted;
    if (line[i] !== "#" || quoted || (i > 0 && !/\s/.test(line[i - 1]))) continue;
    if (!isErrorCell(line, i)) return line.slice(0, i).trimEnd();
  }
  return line;
}

const unquote = (cell: string): string =>
  cell.length >= 2 && cell.startsWith('"') && cell.endsWith('"') ? cell.slice(1, -1).replaceAll('""', '"') : cell;

/** The cells of a line. The separator is the first of `;`, tab and `,` that occurs outside quotes, else spaces. */
export function splitCells(line: string): string[] {
  const bare = line.includes('"') ? line.replace(/"[^"]*"/g, "") : line;
  if (bare.includes('"'))
    throw new Error("expected quotation marks in pairs, got one that is open at the end of the line");
  const separator = [";", "\t", ","].find((c) => bare.includes(c));
  if (bare === line)
    return separator === undefined ? line.trim().split(/\s+/) : line.split(separator).map((c) => c.trim());
  const ends = (c: string): boolean => (separator === undefined ? /\s/.test(c) : c === separator);
  const cells: string[] = [];
  const text = separator === undefined ? line.trim() : line;
  for (let i = 0, begin = 0, quoted = false; i <= text.length; i++) {
    if (text[i] === '"') quoted = !quoted;
    if (i < text.length && (quoted || !ends(text[i]))) continue;
    if (separator !== undefined || i > begin) cells.push(unquote(text.slice(begin, i).trim()));
    begin = i + 1;
  }
  return cells;
}

/** Whether a cell can name a column: a letter comes before any digit, and the cell is not a spelling of a number. */
export const isName = (cell: string): boolean =>
  /^[^\p{L}\p{N}]*\p{L}/u.test(cell) && ![NOT_FINITE, MISSING, TRUTH, /^#/].some((odd) => odd.test(cell));

/** Advice on cells that are not numbers; the first that fits is given. */
const ADVICE: readonly (readonly [cell: RegExp, advice: string])[] = [
  [/^#|#(inf|ind|nan|q?nan|snan)/i, "an error of another program; mend it there, or leave the row out"],
  [/^$/, "leave no cell empty, and no separator at the end of a line"],
  [NOT_FINITE, "fill it in, or leave the row out"],
  [MISSING, "fill it in, or leave the row out"],
  [TRUTH, "write 1 and 0"],
  [/[\u2010-\u2015\u2212\uFE63\uFF0D]/, 'write the minus sign as "-"'],
  [/\d,\d/, "write numbers with decimal points, and nothing between thousands"],
  [/^\S+[\s]+\S/, "separate all numbers alike, and write decimal points, not commas"],
  [/\d/, "write decimal numbers alone, without units and other signs"],
];

const show = (cell: string): string => JSON.stringify(cell.length > 40 ? `${cell.slice(0, 37)}...` : cell);

/**
 * The number in a cell. Where numbers may be `missing`, an empty cell, NaN, NA, n/a, null and none are NaN.
 * @throws `row 3, column 2: expected a number, got "−5"; write …`.
 */
export function parseCell(cell: string, row: number, column: number, missing = false): number {
  if (missing && NO_NUMBER.test(cell)) return Number.NaN;
  const value = isDecimal(cell) ? Number(cell) : Number.NaN;
  if (Number.isFinite(value)) return value;
  const what = isDecimal(cell) || NOT_FINITE.test(cell) ? "a finite number" : "a number";
  const advice = isDecimal(cell) ? undefined : ADVICE.find(([odd]) => odd.test(cell))?.[1];
  throw new Error(`row ${row}, column ${column}: expected ${what}, got ${show(cell)}${advice ? `; ${advice}` : ""}`);
}
