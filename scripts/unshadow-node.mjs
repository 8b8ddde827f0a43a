// The development dependency `node-current` (a newer Node, for the tests that compare runtimes) brings a command called
// `node`. npm puts node_modules/.bin first on the PATH of every script, so that link would silently replace the Node
// the developer chose. It is removed after every install; tests name node_modules/node-current/bin/node by its path.
import { rmSync } from "node:fs";

for (const name of ["node", "node.cmd", "node.ps1"]) {
  rmSync(new URL(`../node_modules/.bin/${name}`, import.meta.url), { force: true });
}
