/**
 * Elementary functions in WGSL, f32, of the same formulas as assembly/simd.ts: those of the language may be off by 2⁻¹¹. Each entry
 * is one function; `library` picks those that a text calls, and those that they call.
 */
export const functions: Readonly<Record<string, string>> = {};

/** The functions that a text calls, each before those that call it. */
export function library(text: string): string {
  const picked: string[] = [];
  const visit = (code: string): void => {
    for (const [, name] of code.matchAll(/\b(\w+)\(/g)) {
      const body = Object.hasOwn(functions, name) ? functions[name] : undefined;
      if (body === undefined || picked.includes(body) || body === code) continue;
      visit(body);
      if (!picked.includes(body)) picked.push(body);
    }
  };
  visit(text);
  return picked.join("\n");
}
