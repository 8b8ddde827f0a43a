/**
 * Bijections from plain data, which may come from a file, so nothing in it is trusted; and what becomes of the data for θ′ = θ − c:
 * a bijection T′ with T′(θ′) = T(θ) − shift.
 */
import { describe, requireEach, spread } from "../checks/arguments.ts";
import { log } from "../numbers/math.ts";
import { type Bijection, MOST_PARTS, sideBySide } from "./bijection.ts";
import { minus } from "./distribution.ts";
import { heavyLine } from "./heavy-line.ts";
import { nearLine } from "./near.ts";
import { orderedLine } from "./ordered-line.ts";
import { simplexLine } from "./simplex-line.ts";
import { makeSupport } from "./support.ts";
import { triangleOf, whitening } from "./whitening.ts";

/** PriorParameter of a problem at most. */
const MOST_ENTRIES = 4096;

type Fields = Readonly<Record<string, unknown>>;

interface About {
  readonly fields: Fields;
  readonly shift: Float64Array;
}

interface Kind {
  readonly make: (fields: Fields) => Bijection;
  /** Null: it takes double precision (shifted.ts). */
  readonly about: (fields: Fields, c: Float64Array) => About | null;
}

/** A list of numbers. @throws unless it is one; null stands for `infinite`. */
export function listOf(kind: string, name: string, x: unknown, infinite = Number.NaN): Float64Array {
  if (!Array.isArray(x)) throw new Error(`${kind}: expected ${name} to be a list, got ${describe(x)}`);
  return spread(kind, { [name]: x.map((v) => (v === null ? infinite : v)) })[name];
}

const box = ({ low, high }: Fields): { low: Float64Array; high: Float64Array } => {
  const bounds = { low: listOf("box", "low", low, -Infinity), high: listOf("box", "high", high, Infinity) };
  const count = bounds.high.length;
  if (bounds.low.length !== count) throw new Error(`box: expected low of ${count} numbers, got ${bounds.low.length}`);
  requireEach("box", "low", bounds.low, "< high", (x, i) => x < bounds.high[i]);
  return bounds;
};

/** A list of parts. @throws unless it is one, and not too long. */
export function listOfParts(kind: string, parts: unknown): Fields[] {
  if (!Array.isArray(parts) || parts.length === 0)
    throw new Error(`${kind}: expected parts to be a list, got ${describe(parts)}`);
  if (parts.length > MOST_PARTS) throw new Error(`${kind}: expected at most ${MOST_PARTS} parts, got ${parts.length}`);
  return parts as Fields[];
}

/** Runs [from, to) of entries for which `test` answers alike. */
function runsOf(size: number, test: (i: number) => boolean): [from: number, to: number, is: boolean][] {
  const runs: [number, number, boolean][] = [];
  for (let i = 0; i < size; i++) {
    if (i > 0 && test(i) === test(i - 1)) runs[runs.length - 1][1] = i + 1;
    else runs.push([i, i + 1, test(i)]);
  }
  return runs;
}

const kinds: Readonly<Record<string, Kind>> = {
  box: {
    make: (fields) => {
      const { low, high } = box(fields);
      return { ...makeSupport("prior", low, high), size: low.length };
    },
    about: (fields, c) => {
      const { low, high } = box(fields);
      // On half-lines far from their end, the digits of a logarithm would be lost beside that of c.
      const isNear = (i: number): boolean => c[i] > low[i] && c[i] !== 0 && low[i] > -Infinity && high[i] === Infinity;
      const isLine = (i: number): boolean => low[i] === -Infinity && high[i] === Infinity;
      const shift = c.map((x, i) => (isNear(i) ? log(x - low[i]) : isLine(i) ? x : 0));
      const bounds = (x: Float64Array, from: number, to: number): (number | null)[] =>
        Array.from(x.subarray(from, to), (v, i) => (Number.isFinite(v) ? v - c[from + i] : null));
      const parts = runsOf(c.length, isNear).map(([from, to, near]) =>
        near
          ? { kind: "near", scale: Array.from(minus(c.slice(from, to), low.slice(from, to))) }
          : { kind: "box", low: bounds(low, from, to), high: bounds(high, from, to) },
      );
      return { fields: parts.length === 1 ? parts[0] : { kind: "parts", parts }, shift };
    },
  },
  near: {
    make: ({ scale }) => {
      const s = listOf("near", "scale", scale);
      requireEach("near", "scale", s, "> 0 and finite", (x) => x > 0 && x < Infinity);
      return nearLine("prior", s);
    },
    about: () => null,
  },
  heavy: {
    make: ({ centre, width }) => {
      const [c, w] = [listOf("heavy", "centre", centre), listOf("heavy", "width", width)];
      if (c.length !== w.length) throw new Error(`heavy: expected width of ${c.length} numbers, got ${w.length}`);
      requireEach("heavy", "width", w, "> 0 and finite", (x) => x > 0 && x < Infinity);
      return heavyLine("prior", c, w);
    },
    about: (fields, c) => {
      const centre = Array.from(minus(listOf("heavy", "centre", fields.centre), c));
      return { fields: { ...fields, centre }, shift: new Float64Array(c.length) };
    },
  },
  linear: {
    make: ({ mean, factor }) => {
      const m = listOf("linear", "mean", mean);
      if (!Array.isArray(factor) || factor.length !== m.length)
        throw new Error(`linear: expected factor of ${m.length} rows, got ${describe(factor)}`);
      const rows = factor.map((row) => listOf("linear", "factor", row));
      if (rows.some((row) => row.length !== m.length)) throw new Error("linear: expected factor to be square");
      return whitening(
        "prior",
        m,
        triangleOf("linear", m.length, (i, j) => rows[i][j]),
      );
    },
    about: (fields, c) => {
      const mean = Array.from(minus(listOf("linear", "mean", fields.mean), c));
      return { fields: { ...fields, mean }, shift: new Float64Array(c.length) };
    },
  },
  ordered: {
    make: ({ parts }) => {
      const [first, increments, ...rest] = listOfParts("ordered", parts).map(bijectionOf);
      if (first.size !== 1 || increments === undefined || rest.length > 0)
        throw new Error("ordered: expected a first part of one entry, and increments");
      return orderedLine("prior", first, increments);
    },
    about: () => null,
  },
  simplex: {
    make: ({ size }) => {
      if (!(Number.isInteger(size) && (size as number) >= 1 && (size as number) <= MOST_ENTRIES))
        throw new Error(`simplex: expected size to be a whole number from 1 to ${MOST_ENTRIES}, got ${describe(size)}`);
      return simplexLine("prior", size as number);
    },
    about: () => null,
  },
  parts: {
    make: ({ parts }) => sideBySide("prior", listOfParts("parts", parts).map(bijectionOf)),
    about: ({ parts }, c) => {
      let at = 0;
      const each = listOfParts("parts", parts).map((part) => {
        const { size } = bijectionOf(part);
        at += size;
        return aboutOf(part, c.slice(at - size, at));
      });
      if (each.includes(null)) return null;
      const all = each as About[];
      return {
        fields: { kind: "parts", parts: all.map(({ fields }) => fields) },
        shift: Float64Array.from(all.flatMap(({ shift }) => Array.from(shift))),
      };
    },
  },
};

function kindOf(spec: unknown): Kind {
  const kind = typeof spec === "object" && spec !== null ? (spec as { kind?: unknown }).kind : undefined;
  if (typeof kind !== "string" || !Object.hasOwn(kinds, kind))
    throw new Error(`bijection: expected one of ${Object.keys(kinds).join(", ")}, got ${describe(kind ?? spec)}`);
  return kinds[kind];
}

/** The bijection of plain data. @throws unless it describes one. */
export const bijectionOf = (spec: unknown): Bijection => kindOf(spec).make(spec as Fields);

/** Plain data of the bijection of θ − c, and what it subtracts from T(θ); null where single precision would not do. */
export const aboutOf = (spec: unknown, c: Float64Array): About | null => kindOf(spec).about(spec as Fields, c);
