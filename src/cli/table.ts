/** Tables and numbers for people to read. */

/** Columns of a table: text to the left, numbers to the right. */
export interface Column {
  readonly title: string;
  readonly right?: boolean;
}

/** Code points, which for the texts printed here equal the columns of a terminal. */
const width = (text: string): number => [...text].length;

/** The lines of a table, titles first. */
export function formatTable(columns: readonly Column[], rows: readonly (readonly string[])[]): string {
  const cells = rows.map((row) => row.map(oneLine));
  const widths = columns.map(({ title }, c) => Math.max(width(title), ...cells.map((row) => width(row[c]))));
  const line = (cells: readonly string[]): string =>
    cells
      .map((cell, c) => {
        const space = " ".repeat(widths[c] - width(cell));
        return columns[c].right ? space + cell : cell + space;
      })
      .join("  ")
      .trimEnd();
  return [columns.map(({ title }) => title), ...cells].map(line).join("\n");
}

/** Text whose control characters are shown, not obeyed: names come from files and modules of others. Lines stay lines. */
export const harmless = (text: string): string =>
  text.replace(/[\p{Cc}\p{Bidi_Control}]/gu, (c) =>
    c === "\n" || c === "\t" ? c : `\\u${c.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );

/** As `harmless`, on one line. */
export const oneLine = (text: string): string => harmless(text).replaceAll("\n", "\\n");

/** A number with `digits` significant digits. */
export const formatNumber = (x: number, digits = 4): string => {
  if (!Number.isFinite(x)) return String(x);
  const size = Math.abs(x);
  if (size !== 0 && (size < 1e-4 || size >= Math.max(1e6, Number(`1e${digits}`)))) return x.toExponential(digits - 1);
  return size >= Number(`1e${digits}`) ? x.toFixed(0) : x.toPrecision(digits); // not 5.3e+2
};

/** Seconds as 8 s, 3 min 05 s or 2 h 10 min. */
export function formatTime(seconds: number): string {
  if (!Number.isFinite(seconds)) return "?";
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const pad = (n: number): string => String(n).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${pad(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${pad(Math.floor((whole % 3600) / 60))} min`;
}
