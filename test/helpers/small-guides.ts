/** Every guide of the table with few weights. */
import type { Guide } from "../../src/guides/guide.ts";
import { type GuideName, guideFrom, guideNames } from "../../src/guides/index.ts";

/** How small: hidden widths, and the most of what is counted, such as bins, blocks and components. */
interface Size {
  readonly width: number;
  readonly most: number;
}

/** A small guide by name, whatever its options are; `more`: options that it has to have. */
export function smallGuide(
  name: GuideName,
  { width, most }: Size,
  more: Readonly<Record<string, unknown>> = {},
): Guide {
  const small = ([key, value]: [string, unknown]): [string, unknown] => {
    if (Array.isArray(value)) return [key, [width]];
    return [key, typeof value === "number" ? Math.min(value, most) : value];
  };
  const { options } = guideFrom(name);
  return guideFrom(name, { ...Object.fromEntries(Object.entries(options).map(small)), ...more });
}

/** All of them by name. */
export const smallGuides = (size: Size, more?: Readonly<Record<string, unknown>>): Record<GuideName, Guide> =>
  Object.fromEntries(guideNames.map((name) => [name, smallGuide(name, size, more)])) as Record<GuideName, Guide>;

/** The names as messages list them: quoted, with commas. */
export const guideList = guideNames.map((name) => `"${name}"`).join(", ");
