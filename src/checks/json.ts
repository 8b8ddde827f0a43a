/** JSON from files and servers. */

/** What is nested deeper would end in a stack overflow where it is walked through or printed. */
const DEEPEST = 64;

/** The value of a text. @throws a SyntaxError where it is no JSON, and an Error where it is nested too deep. */
export function parseJson(text: string): unknown {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x22) {
      for (i++; i < text.length && text.charCodeAt(i) !== 0x22; i++) if (text.charCodeAt(i) === 0x5c) i++; // a string
    } else if (c === 0x5b || c === 0x7b) {
      if (++depth > DEEPEST) throw new Error(`expected JSON that is nested at most ${DEEPEST} deep, got more`);
    } else if (c === 0x5d || c === 0x7d) depth--;
  }
  return JSON.parse(text);
}
