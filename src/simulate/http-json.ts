/** JSON over HTTP by `fetch`, as UM-Bridge servers speak it, with errors that say what came. */
import { describe } from "../checks/arguments.ts";
import { permanent } from "./retry.ts";

type Answer = Readonly<Record<string, unknown>>;
/** Asks for a path; without a body by GET. */
export type Post = (path: string, body?: object, signal?: AbortSignal) => Promise<Answer>;

/** Types of errors that the same request would get again. */
const LASTING = ["InvalidInput", "InvalidOutput", "ModelNotFound", "UnsupportedFeature"];
/** HTTP statuses below 500 that a later try may not get: time-out, too early, too many requests. */
const PASSING = [408, 425, 429];

const excerpt = (text: string): string => {
  const line = text.replace(/\s+/g, " ").trim();
  return line === "" ? "nothing" : JSON.stringify(line.length > 80 ? `${line.slice(0, 80)}…` : line);
};

/** JSON, also as some servers write it: with nan and inf, which stand as null. @throws for any other text. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Strings are matched first, so that none is touched.
    const strict = text.replace(/"(?:[^"\\]|\\.)*"|-?\b(?:nan|inf|infinity)\b/gi, (m) => (m[0] === '"' ? m : "null"));
    return JSON.parse(strict);
  }
}

/** Why there was no answer, in words: hosts hide the reason in different places. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  const inner = cause as { code?: string; message?: string; errors?: Error[] } | undefined;
  if (inner?.code === "UND_ERR_HEADERS_TIMEOUT" || inner?.code === "UND_ERR_BODY_TIMEOUT")
    return "the fetch of this host waits five minutes for an answer and no longer";
  return inner?.errors?.[0]?.message || inner?.message || inner?.code || message;
}

/** Requests to a server. What may pass is an ordinary error, what will not is marked as permanent. */
export function postTo(url: string, headers: Readonly<Record<string, string>>): Post {
  const send = async (path: string, method: string, body?: object, signal?: AbortSignal): Promise<Response> => {
    const json: Record<string, string> = body === undefined ? {} : { "content-type": "application/json" };
    const init = { method, headers: { ...json, ...headers }, body: body && JSON.stringify(body), signal };
    return fetch(`${url}/${path}`, init);
  };
  return async (path, body, signal) => {
    const where = `umbridge: ${url}/${path}`;
    let response: Response;
    let text: string;
    try {
      response = await send(path, body === undefined ? "GET" : "POST", body, signal);
      if (body === undefined && response.status === 405) response = await send(path, "POST", {}, signal);
      text = await response.text();
    } catch (error) {
      throw new Error(`${where}: expected an answer, got none (${reasonOf(error)})`, { cause: error });
    }
    const { status, ok } = response;
    let answer: unknown;
    try {
      answer = parse(text);
    } catch {
      answer = undefined;
    }
    const error = (answer as { error?: { type?: unknown; message?: unknown } } | null | undefined)?.error;
    if (error !== undefined && error !== null) {
      const message = `${where}: expected an answer, got the error ${error.type ?? describe(error)}: ${error.message ?? "without a message"}`;
      const lasting =
        LASTING.includes(String(error.type)) || (status >= 400 && status < 500 && !PASSING.includes(status));
      throw lasting ? permanent(message) : new Error(message);
    }
    if (!ok) {
      const message = `${where}: expected an answer, got HTTP ${status} with ${excerpt(text)}`;
      throw status < 500 && !PASSING.includes(status) ? permanent(message) : new Error(message);
    }
    if (typeof answer !== "object" || answer === null || Array.isArray(answer))
      throw new Error(`${where}: expected an object in JSON, got ${excerpt(text)}`);
    return answer as Answer;
  };
}
