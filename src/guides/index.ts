/** The guides by name. */
import { expectOption, oneOf } from "../checks/options.ts";
import * as guides from "./all.ts";
import type { Guide } from "./guide.ts";

/** Names of guides. */
export type GuideName = keyof typeof guides;
/** The names, in alphabetical order. */
export const guideNames = Object.keys(guides) as GuideName[];
const factories: Readonly<Record<GuideName, (options: never) => Guide>> = { ...guides };

/** A guide from its name and options. @throws on an unknown name, and on invalid options. */
export function guideFrom(name: string, options: Readonly<Record<string, unknown>> = {}): Guide {
  expectOption("guide", "name", oneOf(...guideNames), name);
  return factories[name](options as never);
}

/** Parameters from which the spline guide has one network for all, by default: D networks then take three times as long a step. */
const MANY = 13;
const forMany = { conditioners: "shared", hidden: [32, 32], bins: 8 } as const;

/** The guide of a name, with the options that suit D parameters. @throws on an unknown name. */
export const guideNamed = (name: string, D: number): Guide =>
  name === "spline" && D >= MANY ? guideFrom(name, forMany) : guideFrom(name);
