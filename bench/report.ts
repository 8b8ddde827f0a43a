/** Output of all benches: the hardware, CPU time, tables in columns. */
import os from "node:os";

export const hardware = (): string =>
  `${os.cpus()[0]?.model.trim() ?? "unknown processor"}, ${os.cpus().length} cores, Node ${process.versions.node} (V8 ${process.versions.v8})`;

/** CPU seconds of this process so far, all threads. */
export const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
};

/** Rows in aligned columns. */
export function table(rows: readonly (readonly string[])[]): string {
  const widths = rows[0].map((_, c) => Math.max(...rows.map((r) => r[c].length)));
  return rows
    .map((r) =>
      r
        .map((cell, c) => cell.padEnd(widths[c]))
        .join("  ")
        .trimEnd(),
    )
    .join("\n");
}
