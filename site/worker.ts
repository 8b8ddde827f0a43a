/** The page's worker: answers questions of ask.ts one after another. */
import { setFolders } from "../src/host/folders.ts";
import { correct, plate, rod } from "./worker-answers.ts";

const answers = { correct, plate, rod };
type Answered = typeof answers;
export type Questions = { [Kind in keyof Answered]: Parameters<Answered[Kind]>[0] };
export type Answers = { [Kind in keyof Answered]: Awaited<ReturnType<Answered[Kind]>> };

setFolders({ kernels: new URL("./", import.meta.url), models: new URL("../models/", import.meta.url) });

let last: Promise<unknown> = Promise.resolve();
addEventListener("message", ({ data: { id, kind, question } }: MessageEvent) => {
  const post = (message: object): void => (postMessage as (message: object) => void)({ id, ...message });
  last = last
    .then((): Promise<object> => answers[kind as keyof Answered](question))
    .then(
      (result) => post({ result }),
      (error: Error) => post({ error: error.message }),
    );
});
