/** The package has no types of its own. */
declare module "wgsl-preprocessor/wgsl-preprocessor.js" {
  /** A template tag: `#if ${condition}`, `#elif ${condition}`, `#else` and `#endif` choose what of the text is left. */
  export function wgsl(strings: TemplateStringsArray, ...values: readonly (string | number | boolean)[]): string;
}
