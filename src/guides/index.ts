/** The guides by name. */
import { coupling } from "./coupling.ts";
import { gaussian } from "./gaussian.ts";
import type { Guide } from "./guide.ts";
import { mixture } from "./mixture.ts";
import { spline } from "./spline.ts";

const factories = { gaussian, mixture, coupling, spline } as const;
export type GuideName = keyof typeof factories;
export const guideNames = Object.keys(factories) as GuideName[];

/** A guide from its name and options. @throws on an unknown name or options that make no sense. */
export function guideFrom(name: string, options: Readonly<Record<string, unknown>> = {}): Guide {
  if (!Object.hasOwn(factories, name)) throw new Error(`guide: expected ${guideNames.join(", ")}, got "${name}"`);
  return factories[name as GuideName](options as never);
}
