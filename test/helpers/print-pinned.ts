/** Prints the hash of the pinned training: what hosts other than the test's own run. */
import * as retrodict from "../../src/index.ts";
import * as ops from "../../src/ops.ts";
import { pinnedHash } from "./pinned.ts";

console.log(await pinnedHash({ ...retrodict, ...ops }));
