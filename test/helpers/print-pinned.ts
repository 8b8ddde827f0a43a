/** Prints the hash of the pinned training: what hosts other than the test's own run. */
import { pinnedHash } from "./pinned.ts";

console.log(await pinnedHash());
