/**
 * One seed must train the same weights on every host, and engines differ in the last bits of Math.sin and its like. So
 * in src/ only those members of Math may be used that the language fixes to the bit; the rest comes from src/numbers/math.ts.
 * Reported are: any other member, `Math` without a member (an alias or an index would hide one), and the operators `**`
 * and `**=`. No type checker is needed for that, only a scanner that knows comments, strings and templates.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** Files from which no number can reach weights, constants, schedules or draws. */
const exempt = ["src/backends/reference", "src/cli/", "src/diagnostics/"];

/** Members of Math with one right answer, to the bit. */
const exact = new Set(
  "abs ceil clz32 floor fround imul max min round sign sqrt trunc E LN10 LN2 LOG10E LOG2E PI SQRT1_2 SQRT2".split(" "),
);

/** A name, number or operator of a source text, with the line (from 1) that it begins on. */
interface Token {
  text: string;
  line: number;
}

// In this order: space and comments · strings · names · numbers · operators of several characters · the rest.
const lexeme =
  /\s+|\/\/.*|\/\*[\s\S]*?\*\/|"(?:\\[\s\S]|[^"\\])*"|'(?:\\[\s\S]|[^'\\])*'|[\p{ID_Start}$_][\p{ID_Continue}$]*|\d[\w.]*|\*\*=?|\?\.|[\s\S]/uy;
const regularExpression = /\/(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\[\n])+\/\w*/y;
const templateText = /(?:\\[\s\S]|\$(?!\{)|[^\\`$])*(?:`|\$\{)/y;

/** After these a slash divides; after anything else it opens a regular expression. */
const endsOperand = /^(?:[\p{ID_Continue}$)\]}"'`]+)$/u;
const opensExpression = /^(?:return|case|typeof|in|of|do|else|void|yield|await|delete)$/;

/** The tokens of a TypeScript text, without comments and without the contents of strings and regular expressions. */
function scan(source: string): Token[] {
  const tokens: Token[] = [];
  const templates: number[] = []; // for each open template, the braces that are open within its substitution
  let line = 1;
  let at = 0;
  const take = (pattern: RegExp): string => {
    pattern.lastIndex = at;
    const text = pattern.exec(source)?.[0] ?? source.slice(at);
    at += text.length;
    return text;
  };
  while (at < source.length) {
    const before = tokens.at(-1)?.text ?? "";
    const divides = endsOperand.test(before) && !opensExpression.test(before);
    const slash = source[at] === "/" && !/[/*]/.test(source[at + 1] ?? "") && !divides;
    let text = take(slash ? regularExpression : lexeme);
    const begins = line;
    if (text === "{" && templates.length > 0) templates[templates.length - 1]++;
    const closes = text === "}" && templates.length > 0 && templates[templates.length - 1]-- === 0;
    if (closes) templates.pop();
    if (text === "`" || closes) {
      const rest = take(templateText);
      if (rest.endsWith("{")) templates.push(0);
      text = rest.endsWith("{") ? "(" : ")"; // to a slash that follows, a template is an operand and `${` opens one
      line += rest.split("\n").length - 1;
    } else line += text.split("\n").length - 1;
    if (!/^(?:\s|\/[/*])/.test(text)) tokens.push({ text: /^["']/.test(text) ? '"' : text, line: begins });
  }
  return tokens;
}

/** Errors in one source text, as `line: message`. */
export function findInexact(source: string): string[] {
  const tokens = scan(source);
  return tokens.flatMap(({ text, line }, i) => {
    if (/^\*\*/.test(text)) return `${line}: \`${text}\`: multiply, or use pow of src/numbers/math.ts`;
    const member = tokens[i - 1]?.text === "." && tokens[i - 2]?.text !== "globalThis";
    if (text !== "Math" || member) return [];
    const name = /^\??\.$/.test(tokens[i + 1]?.text ?? "") ? tokens[i + 2]?.text : undefined;
    if (name === undefined)
      return `${line}: \`Math\` without a member: write Math.name, so that the name can be checked`;
    return exact.has(name) ? [] : `${line}: \`Math.${name}\`: engines differ in its result; use src/numbers/math.ts`;
  });
}

const files = readdirSync(join(root, "src"), { recursive: true }).map((name) => `src/${name}`.replaceAll("\\", "/"));
const checked = files.filter((file) => file.endsWith(".ts") && !exempt.some((start) => file.startsWith(start))).sort();
const found = checked.flatMap((file) =>
  findInexact(readFileSync(join(root, file), "utf8")).map((it) => `${file}:${it}`),
);
for (const message of found) console.error(message);
console.log(`determinism: ${checked.length} files, ${found.length} errors`);
if (found.length > 0) process.exitCode = 1;
