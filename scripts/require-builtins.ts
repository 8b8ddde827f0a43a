import { builtinModules } from "node:module";
import type { Plugin } from "esbuild";

/**
 * Lets a CommonJS package use Node's own modules: `require("events")` has no meaning in an ES
 * module, so it becomes an import of "node:events".
 */
export const requireBuiltins: Plugin = {
  name: "require-builtins",
  setup({ onResolve, onLoad }) {
    const names = new RegExp(`^(node:)?(${builtinModules.join("|")})$`);
    onResolve({ filter: names }, ({ path, kind }) => {
      const name = `node:${path.replace(/^node:/, "")}`;
      return kind === "require-call" ? { path: name, namespace: "builtin" } : { path: name, external: true };
    });
    onLoad({ filter: /.*/, namespace: "builtin" }, ({ path }) => ({
      contents: `import builtin from "${path}"; module.exports = builtin;`,
    }));
  },
};
