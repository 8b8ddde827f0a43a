/**
 * Sets: data that are any number of members, each a vector of m numbers, independent given the parameters, in no order. `set` with
 * options declares them as the data of a problem, and `set` of a list is one observation.
 */
import { describe } from "../checks/arguments.ts";
import { check, type OptionsOf, readOptions, required } from "../checks/options.ts";

/** A name of a number of a member, with or without its unit. */
export interface MemberName {
  readonly name: string;
  readonly unit?: string;
}

/** More members take rows of too many numbers. */
const MOST_MEMBERS = 4096;

export const setTable = {
  /** Numbers m of each member, or their names, with or without units. */
  each: required(
    check<number | readonly (string | MemberName)[]>(
      "the number of data of a member or a list of their names",
      (x) => (Number.isInteger(x) && (x as number) >= 1) || (Array.isArray(x) && x.length > 0),
    ),
  ),
  /** The least and the largest number of members. */
  count: required(
    check<readonly [number, number]>(
      `two whole numbers from 1 to ${MOST_MEMBERS}, the lower one first`,
      (x) =>
        Array.isArray(x) &&
        x.length === 2 &&
        x.every((n) => Number.isInteger(n) && n >= 1 && n <= MOST_MEMBERS) &&
        x[0] <= x[1],
    ),
  ),
};
/** What the data of a problem of sets are. */
export type SetOptions = OptionsOf<typeof setTable>;

/** The declaration of data that are sets, as `data` of `defineProblem`. */
export interface SetDeclaration extends Required<SetOptions> {
  readonly kind: "sets";
}

/** One observation: a set of members. */
export interface SetData {
  readonly kind: "set";
  /** Vectors of m numbers; where m is 1, numbers. */
  readonly members: ArrayLike<number> | readonly ArrayLike<number>[];
}

/** One observation: data (M), or a set. */
export type Observation = ArrayLike<number> | SetData;

/** The sets that a problem or a map takes. */
export interface SetSize {
  /** Numbers m of each member. */
  readonly each: number;
  /** The least and the largest number of members. */
  readonly least: number;
  readonly most: number;
  /** Names of the m numbers, where they have names. */
  readonly names?: readonly MemberName[] | undefined;
}

/**
 * Sets as data. `data: set({ each, count })` declares them in `defineProblem`: `forward` then gives the noise-free data of one member, and
 * `noise` the noise of one. `infer(map, set([member, …]))` gives one observation of members (m), or of numbers where m is 1; a list of
 * sets is several observations.
 * @throws naming what is wrong with the options.
 */
export function set(options: SetOptions): SetDeclaration;
export function set(members: ArrayLike<number> | readonly ArrayLike<number>[]): SetData;
export function set(given: SetOptions | ArrayLike<number> | readonly ArrayLike<number>[]): SetDeclaration | SetData {
  if (typeof given !== "object" || given === null)
    throw new Error(`set: expected a list of members, or { each, count }, got ${describe(given)}`);
  if ("length" in given) return Object.freeze({ kind: "set", members: expectMembers(given) } satisfies SetData);
  return Object.freeze({ kind: "sets", ...readOptions("set", setTable, given) } satisfies SetDeclaration);
}

/** @throws unless all members are numbers or lists, of which `infer` knows the length; null is one that a stream has missed. */
function expectMembers<T extends SetData["members"]>(members: T): T {
  const list: readonly unknown[] = Array.from<unknown>(members);
  const odd = list.findIndex((x) => typeof x !== "number" && !(typeof x === "object" && (x === null || "length" in x)));
  if (odd < 0) return members;
  throw new Error(
    `set: expected members to be numbers or lists of them, got ${describe(list[odd])} as member ${odd + 1}`,
  );
}

/** Whether a value declares sets, and whether it is one. */
export const isSetDeclaration = (x: unknown): x is SetDeclaration => (x as SetDeclaration | null)?.kind === "sets";
export const isSet = (x: unknown): x is SetData => (x as SetData | null)?.kind === "set";
