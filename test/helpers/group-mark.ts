/** Begins the lines by which test/helpers/group.ts tells test/run.ts what runs: a control character and no text that tests print. */
export const MARK = "\u001etest file ";
