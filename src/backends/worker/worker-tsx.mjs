// From the sources on a Node that runs no TypeScript: no part of the bundle.
import { register } from "tsx/esm/api";

register();
await import("./worker.ts");
