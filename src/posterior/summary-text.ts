/** What `console.log(posterior)` prints in Node and Deno: a line a parameter, and the warning. Browsers show the properties. */
import { digitsFor } from "../numbers/offsets.ts";

/** Parameters that are listed. */
const LISTED = 20;

/** What is printed of a posterior; some kinds know more than others. */
interface Printable {
  readonly mean: Float64Array;
  readonly sd: Float64Array;
  readonly y: Float64Array;
  readonly warning: string | undefined;
  readonly quantile: (p: number) => Float64Array;
  readonly map?: { readonly spec: Named };
  readonly problem?: Named;
  readonly note?: string;
}
type Named = { readonly parameters: readonly { readonly name: string; readonly unit?: string }[] };

const digits = (x: number, spread: number): string => String(Number(x.toPrecision(digitsFor(x, spread, 4))));

/** Means, standard deviations and quantiles as a table, with names and units where they are known. */
export function summaryText(posterior: Printable): string {
  const { mean, sd, y, warning, map, problem, note } = posterior;
  const { parameters = [] } = map?.spec ?? problem ?? {};
  const [low, high] = [posterior.quantile(0.05), posterior.quantile(0.95)];
  const nameOf = (d: number): string => {
    const { name = `θ${d + 1}`, unit } = parameters[d] ?? {};
    return unit === undefined ? name : `${name} [${unit}]`;
  };
  const cells = Array.from(mean.subarray(0, LISTED), (m, d) => [
    nameOf(d),
    ...[m, sd[d], low[d], high[d]].map((x) => digits(x, sd[d])),
  ]);
  const table = [["", "mean", "sd", "5 %", "95 %"], ...cells];
  const widths = table[0].map((_, c) => Math.max(...table.map((row) => row[c].length)));
  const rows = table.map((row) => row.map((cell, c) => (c === 0 ? cell.padEnd(widths[c]) : cell.padStart(widths[c]))));
  return [
    `Posterior of ${mean.length} parameters, of ${y.length} data`,
    ...rows.map((row) => `  ${row.join("  ")}`),
    ...(mean.length > LISTED ? [`  … and ${mean.length - LISTED} more`] : []),
    ...(note === undefined ? [] : [`note: ${note}`]),
    ...(warning === undefined ? [] : [`warning: ${warning}`]),
  ].join("\n");
}

/** Methods by which Node and Deno print an object; they survive `{ ...posterior }`. */
export const printed = {
  [Symbol.for("nodejs.util.inspect.custom")](this: Printable) {
    return summaryText(this);
  },
  [Symbol.for("Deno.customInspect")](this: Printable) {
    return summaryText(this);
  },
};
