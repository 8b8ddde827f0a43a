/**
 * The guides, a line each. Users import them, and names in options and model files find them (index.ts). A new guide needs its
 * own file and a line here.
 */
export { type CouplingOptions, coupling } from "./coupling.ts";
export { type GaussianOptions, gaussian } from "./gaussian.ts";
export { type MixtureOptions, mixture } from "./mixture.ts";
export { type SplineGuideOptions, spline } from "./spline.ts";
