/** Arguments of constructors: numbers or lists of numbers, checked and spread to one length. */

/** A number, or a list of numbers. */
export type Numbers = number | ArrayLike<number>;

function toList(owner: string, name: string, value: unknown): number[] {
  const list =
    typeof value === "object" && value !== null && "length" in value ? Array.from(value as number[]) : [value];
  if (list.length === 0) throw new Error(`${owner}: expected ${name} to hold at least one number, got none`);
  for (const x of list) {
    if (typeof x !== "number")
      throw new Error(`${owner}: expected ${name} to be a number or numbers, got ${describe(x)}`);
  }
  return list as number[];
}

/** Describes a value in a message: never long, never `[object Object]`. */
export function describe(x: unknown): string {
  if (typeof x === "string") return JSON.stringify(x.length > 40 ? `${x.slice(0, 40)}…` : x);
  if (typeof x === "function") return "a function";
  if (typeof x !== "object" || x === null) return String(x);
  if (Array.isArray(x)) {
    const short = x.length <= 8 && x.every((entry) => typeof entry !== "object" && typeof entry !== "function");
    return short ? `[${x.map(describe).join(", ")}]` : `an array of ${x.length}`;
  }
  if ("op" in x && "inputs" in x) return "a tensor";
  return `an object with keys ${Object.keys(x).slice(0, 6).join(", ") || "(none)"}`;
}

/** Why something failed, in words: the message of an error, or whatever was thrown in its place. */
export const reasonText = (thrown: unknown): string =>
  thrown instanceof Error ? thrown.message : `${describe(thrown)}, which is no Error`;

/** What was thrown, as an error. */
export const toError = (thrown: unknown): Error =>
  thrown instanceof Error ? thrown : new Error(reasonText(thrown), { cause: thrown });

/**
 * The object, which refuses a property by its earlier name: a reader would otherwise get undefined, and fail later. The name is
 * not enumerable, so that copies, printers and comparisons do not read it.
 */
export const refuseOldName = <T extends object>(owner: string, object: T, old: string, now: keyof T & string): T =>
  Object.defineProperty(object, old, {
    get: () => {
      throw new Error(`${owner}: expected ${now}, got ${old}, its earlier name; read ${now}`);
    },
  });

/** Refuses what is no object with these fields. `what` completes "expected …"; a promise is named as such. */
export function expectFields(owner: string, what: string, value: unknown, ...fields: readonly string[]): void {
  const fits =
    typeof value === "object" && value !== null && fields.every((name) => Reflect.get(value, name) !== undefined);
  if (fits) return;
  const got = value instanceof Promise ? "a promise (is an await missing?)" : describe(value);
  throw new Error(`${owner}: expected ${what}, got ${got}`);
}

/** Refuses what is no list or array of numbers by its first entry. */
export function expectList(owner: string, name: string, value: unknown): void {
  expectFields(owner, `${name} to be a list of numbers`, value, "length");
  const [first] = [(value as ArrayLike<unknown>)[0]];
  if (first !== undefined && typeof first !== "number")
    throw new Error(`${owner}: expected ${name} to be a list of numbers, got ${describe(first)} in it`);
}

/** Refuses what is no number that passes. */
export function expectNumber(owner: string, expected: string, value: unknown, test: (x: number) => boolean): void {
  if (typeof value !== "number" || !test(value))
    throw new Error(`${owner}: expected ${expected}, got ${describe(value)}`);
}

/**
 * The arguments as lists of one length; a number is repeated to the length of the lists.
 * @throws when an argument is no number or list of numbers, is NaN, or lists have unequal lengths.
 */
export function spread<K extends string>(owner: string, values: Readonly<Record<K, Numbers>>): Record<K, Float64Array> {
  const names = Object.keys(values) as K[];
  const lists = names.map((name) => toList(owner, name, values[name]));
  const named = names.map((name, i) => ({ name, length: lists[i].length, isList: typeof values[name] === "object" }));
  const long = named.filter((x) => x.isList);
  const length = long[0]?.length ?? 1;
  const odd = long.find((x) => x.length !== length);
  if (odd)
    throw new Error(
      `${owner}: expected ${long[0].name} and ${odd.name} of one length, got ${length} and ${odd.length}`,
    );
  const out = {} as Record<K, Float64Array>;
  names.forEach((name, i) => {
    out[name] = Float64Array.from({ length }, (_, k) => lists[i][named[i].isList ? k : 0]);
    requireEach(owner, name, out[name], "a number", (x) => !Number.isNaN(x));
  });
  return out;
}

/** @throws `normal: expected sd > 0, got -1 at index 2` at the first entry that fails the test. */
export function requireEach(
  owner: string,
  name: string,
  values: ArrayLike<number>,
  expected: string,
  test: (x: number, index: number) => boolean,
): void {
  for (let i = 0; i < values.length; i++) {
    if (test(values[i], i)) continue;
    throw new Error(
      `${owner}: expected ${name} ${expected}, got ${values[i]}${values.length > 1 ? ` at index ${i}` : ""}`,
    );
  }
}

/** Whether a number is positive and finite. */
export const isPositive = (x: number): boolean => x > 0 && x < Infinity;
/** Whether a number is finite. */
export const isFiniteNumber = (x: number): boolean => Number.isFinite(x);
