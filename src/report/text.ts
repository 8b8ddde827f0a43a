/** Numbers and words for people, and their escapes in HTML. */

/** A number with a typographic minus sign; zero has none. */
export const fixed = (x: number, digits = 2): string =>
  x
    .toFixed(digits)
    .replace(/^-(?=[0.]*$)/, "")
    .replace("-", "−");

const escapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Text with escapes, so that it can stand between tags and in quoted attributes. A number and its % stay on one line. */
export const escapeText = (text: string): string =>
  text.replace(/[&<>"]/g, (character) => escapes[character]).replace(/(\d) %/g, "$1\u00a0%");

/** Milliseconds as people say them: 0.4 ms, 35 ms, 2.5 s, 3.2 min. */
export function milliseconds(ms: number): string {
  if (ms < 10) return `${fixed(ms, 1)} ms`;
  if (ms < 1000) return `${fixed(ms, 0)} ms`;
  return ms < 60_000 ? `${fixed(ms / 1000, 1)} s` : `${fixed(ms / 60_000, 1)} min`;
}

/** A share in percent; below 10 % and above 90 % with one decimal, unless it is 0. */
export const percent = (share: number): string =>
  `${fixed(100 * share, share < 0.1 || share > 0.9 ? 1 : 0).replace(/\.0$/, "")} %`;

/** A whole number with its thousands apart. */
export const count = (n: number): string => n.toLocaleString("en").replaceAll(",", "\u202f");

/** A number at an axis, without trailing zeros; and a share. */
export const tick = (x: number, digits = 6): string => String(Number(x.toPrecision(digits))).replaceAll("-", "−");
export const shareTick = (x: number): string => `${tick(100 * x)} %`;

/** A number of any size with three significant digits. */
export function short(x: number): string {
  if (!Number.isFinite(x)) return x > 0 ? "∞" : x < 0 ? "−∞" : "–";
  const size = Math.abs(x);
  if (size !== 0 && (size < 1e-3 || size >= 1e5)) return x.toExponential(1).replaceAll("-", "−").replace("e+", "e");
  return fixed(x, size >= 100 ? 0 : size >= 10 ? 1 : size >= 1 ? 2 : 3);
}

/** A name with its unit. */
export const named = ({ name, unit }: { readonly name: string; readonly unit?: string }): string =>
  unit ? `${name} (${unit})` : name;
