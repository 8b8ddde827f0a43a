/** `retrodict/element`: `<retrodict-posterior>`, a custom element for pages; call `defineElement()` once. */

export { defineElement, RetrodictPosterior } from "./element/element.ts";
export type { Drawn } from "./element/picture.ts";
