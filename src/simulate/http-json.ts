/** JSON over HTTP by `fetch`, as UM-Bridge servers use it, with errors that say what came. */
import { describe } from "../checks/arguments.ts";
import { permanent } from "./retry.ts";

type Answer = Readonly<Record<string, unknown>>;
/** Requests a path: by POST, or without a body by GET. */
export type Post = (path: string, body?: object, signal?: AbortSignal) => Promise<Answer>;

/** Types of errors that a repeated request would get again. */
const LASTING = ["InvalidInput", "InvalidOutput", "ModelNotFound", "UnsupportedFeature"];
/** HTTP statuses below 500 that a repeated request may not get again: time-out, too early, too many requests. */
const PASSING = [408, 425, 429];

const excerpt = (text: string): string => {
  const line = text.replace(/\s+/g, " ").trim();
  return line === "" ? "nothing" : JSON.stringify(line.length > 80 ? `${line.slice(0, 80)}…` : line);
};

/** Parses JSON, also with nan and inf, which some servers write and which become null. @throws for any other text. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Strings are matched first, so that they stay as they are.
    const strict = text.replace(/"(?:[^"\\]|\\.)*"|-?\b(?:nan|inf|infinity)\b/gi, (m) => (m[0] === '"' ? m : "null"));
    return JSON.parse(strict);
  }
}

/** The reason why there was no answer, in words; hosts hide it in different places. */
function reasonOf(error: unknown): string {
  const { message, cause } = error as Error;
  const inner = cause as { code?: string; message?: string; errors?: Error[] } | undefined;
  if (inner?.code === "UND_ERR_HEADERS_TIMEOUT" || inner?.code === "UND_ERR_BODY_TIMEOUT")
    return "fetch on this host waits at most five minutes for an answer";
  return inner?.errors?.[0]?.message || inner?.message || inner?.code || message;
}

/** Requests to a server. Errors that a repetition would not mend are marked as permanent. */
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
