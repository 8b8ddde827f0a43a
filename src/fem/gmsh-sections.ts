/**
 * The outer form of a .msh file: sections `$Name` … `$EndName`, read line by line. Errors name the section and the number of the line.
 */
import { describe } from "../checks/arguments.ts";
import { isDecimal } from "../checks/decimal.ts";

/** The lines of one section, read from first to last. */
export interface Section {
  /** Its name, without the dollar sign. */
  readonly name: string;
  /** The words of the next line that is not blank. @throws naming the expectation when the section has ended. */
  readonly next: (expected: string) => readonly string[];
  /** As `next`, but the whole line. */
  readonly nextLine: (expected: string) => string;
  /** As `next`, each word a number, `least` to `most` of them. */
  readonly numbers: (expected: string, least: number, most?: number) => readonly number[];
  /** The line that was read last, from 1. */
  readonly line: () => number;
  /** Refuses a count that the section cannot contain, before memory is allocated for it. */
  readonly expectCount: (count: number, what: string) => void;
  /** @throws when a line is left over, because a count was wrong. */
  readonly close: (expected: string) => void;
  /** @throws naming the expectation, what was found, and the line. */
  readonly refuse: (expected: string, got: string) => never;
}

/** The sections that a mesh is read from. Others are left out, and may come several times, as the data of time steps do. */
const READ = ["MeshFormat", "PhysicalNames", "Entities", "Nodes", "Elements"];

function makeSection(name: string, lines: readonly string[], from: number, to: number): Section {
  let at = from; // index of the next line
  const refuse = (expected: string, got: string): never => {
    throw new Error(`gmsh: $${name}, line ${at}: expected ${expected}, got ${got}`);
  };
  const skipBlank = (): boolean => {
    while (at < to && lines[at].trim() === "") at++;
    return at < to;
  };
  const nextLine = (expected: string): string => {
    if (!skipBlank()) {
      at = to + 1;
      refuse(expected, `the end of the section`);
    }
    return lines[at++].trim();
  };
  const next = (expected: string): readonly string[] => nextLine(expected).split(/\s+/);
  return {
    name,
    next,
    nextLine,
    numbers: (expected, least, most = least) => {
      const words = next(expected);
      if (words.length < least || words.length > most) refuse(expected, describe(lines[at - 1].trim()));
      return words.map((word) => (isDecimal(word) ? Number(word) : refuse(expected, describe(word))));
    },
    line: () => at,
    expectCount: (count, what) => {
      if (!Number.isSafeInteger(count) || count < 0) refuse(`a number of ${what}`, String(count));
      if (count > to - at) refuse(`${count} ${what}`, `${to - at} lines to the end of the section`);
    },
    close: (expected) => {
      if (skipBlank()) {
        at++;
        refuse(expected, describe(lines[at - 1].trim()));
      }
    },
    refuse,
  };
}

/** A whole number from a word list, within what JavaScript counts exactly. */
export function whole(section: Section, what: string, x: number): number {
  return Number.isSafeInteger(x) ? x : section.refuse(`${what} as a whole number`, String(x));
}

/**
 * The sections of a file by name.
 * @throws when a section has no end (a truncated file), one that is read occurs twice, or text is outside all sections.
 */
export function readSections(text: string): Map<string, Section> {
  const lines = text.split(/\r\n|\n|\r/);
  const sections = new Map<string, Section>();
  for (let i = 0; i < lines.length; i++) {
    const title = lines[i].trim(); // of a byte-order mark too
    if (title === "") continue;
    const name = /^\$(\w+)$/.exec(title)?.[1];
    if (name === undefined || name.startsWith("End")) {
      const before = sections.size === 0 ? '"$MeshFormat", with which a .msh file begins' : "a section as $Nodes";
      throw new Error(`gmsh: line ${i + 1}: expected ${before}, got ${describe(title)}`);
    }
    const end = `$End${name}`;
    let last = i + 1;
    while (last < lines.length && lines[last].trim() !== end) last++;
    if (last === lines.length)
      throw new Error(`gmsh: $${name}, line ${i + 1}: expected its end, ${end}, got the end of a truncated file`);
    if (sections.has(name) && READ.includes(name))
      throw new Error(`gmsh: $${name}, line ${i + 1}: expected it once, got a second one`);
    if (name !== "Comments") sections.set(name, makeSection(name, lines, i + 1, last));
    i = last;
  }
  return sections;
}
