/** JSON over HTTP by `fetch`, as UM-Bridge servers use it, with errors that say what came. */
import { describe } from "../checks/arguments.ts";
import { parseJson } from "../checks/json.ts";
import { isPermanent, permanent } from "./retry.ts";

type Answer = Readonly<Record<string, unknown>>;
/**
 * Requests a path: by POST, or without a body by GET. An answer of more bytes than so many numbers, and some words, can take is not read
 * to its end.
 */
export type Post = (path: string, body?: object, signal?: AbortSignal, numbers?: number) => Promise<Answer>;

/** Bytes of an answer: of its words, and of each number, with indentation. */
const WORDS = 1 << 20;
const NUMBER = 64;
/** The header in which servers written in C++ (cpp-httplib) send the message of an exception. */
const REASON = "EXCEPTION_WHAT";
const MOST_REDIRECTS = 5;

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
    return parseJson(text);
  } catch {
    // Strings are matched first, so that they stay as they are; one without an end too, or it would be tried at each of its quotes.
    const strict = text.replace(/"[^"\\]*(?:\\.[^"\\]*)*"?|-?\b(?:nan|inf|infinity)\b/gis, (m) =>
      m[0] === '"' ? m : "null",
    );
    return parseJson(strict);
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

/** The text of a body, of at most `most` bytes; more are cut off, and the connection ends. */
async function readText({ body }: Response, most: number): Promise<{ text: string; cut: boolean }> {
  const reader = body?.getReader();
  const decoder = new TextDecoder();
  let [text, size] = ["", 0];
  for (;;) {
    const { done, value } = (await reader?.read()) ?? { done: true, value: undefined };
    if (value === undefined || done) return { text: text + decoder.decode(), cut: false };
    text += decoder.decode(value.subarray(0, most - size), { stream: true });
    size += value.length;
    if (size <= most) continue;
    await reader?.cancel();
    return { text, cut: true };
  }
}

/** Requests, and follows redirects on the server itself. @throws at one to another server, which gets no request. */
async function send(where: string, url: string, init: RequestInit): Promise<Response> {
  for (let left = MOST_REDIRECTS, at = url; ; left--) {
    const response = await fetch(at, { ...init, redirect: "manual" });
    const location = response.status >= 300 && response.status < 400 ? response.headers.get("location") : null;
    if (location === null && response.type !== "opaqueredirect") return response;
    await response.body?.cancel();
    const next = location !== null && URL.canParse(location, at) ? new URL(location, at) : null;
    if (next?.origin !== new URL(url).origin || left === 0) {
      const to = next === null ? "elsewhere" : `to ${next.origin}${next.pathname}`;
      throw permanent(
        `${where}: expected an answer, got a redirect ${to}; give the address of the server itself as url`,
      );
    }
    at = next.href;
  }
}

const tryParse = (text: string): unknown => {
  try {
    return parse(text);
  } catch {
    return undefined;
  }
};

/** Requests to a server. Errors that a repetition would not mend are marked as permanent. */
export function postTo(url: string, headers: Readonly<Record<string, string>>): Post {
  const request = (path: string, method: string, body?: object, signal?: AbortSignal): Promise<Response> => {
    const json: Record<string, string> = body === undefined ? {} : { "content-type": "application/json" };
    const init = { method, headers: { ...json, ...headers }, body: body && JSON.stringify(body), signal };
    return send(`umbridge: ${url}/${path}`, `${url}/${path}`, init);
  };
  return async (path, body, signal, numbers = 0) => {
    const where = `umbridge: ${url}/${path}`;
    const most = WORDS + NUMBER * numbers;
    let response: Response;
    let read: Awaited<ReturnType<typeof readText>>;
    try {
      response = await request(path, body === undefined ? "GET" : "POST", body, signal);
      if (body === undefined && response.status === 405) response = await request(path, "POST", {}, signal);
      read = await readText(response, most);
    } catch (error) {
      if (isPermanent(error)) throw error;
      if (signal?.aborted && error === signal.reason) throw new Error(`${where}: ${reasonOf(error)}`, { cause: error });
      throw new Error(`${where}: expected an answer, got none (${reasonOf(error)})`, { cause: error });
    }
    const { status, ok } = response;
    const { text, cut } = read;
    if (ok && cut) throw permanent(`${where}: expected an answer of at most ${most} bytes, got more`);
    const answer = tryParse(text);
    const error = (answer as { error?: { type?: unknown; message?: unknown } } | null | undefined)?.error;
    const lastingStatus = status >= 400 && status < 500 && !PASSING.includes(status);
    if (error !== undefined && error !== null) {
      const message = `${where}: expected an answer, got the error ${error.type ?? describe(error)}: ${error.message ?? "without a message"}`;
      throw LASTING.includes(String(error.type)) || lastingStatus ? permanent(message) : new Error(message);
    }
    if (!ok) {
      const reason = response.headers.get(REASON);
      const got = reason === null ? excerpt(text) : `the reason ${excerpt(reason)}`;
      const message = `${where}: expected an answer, got HTTP ${status} with ${got}`;
      throw lastingStatus || status < 400 ? permanent(message) : new Error(message);
    }
    if (typeof answer !== "object" || answer === null || Array.isArray(answer))
      throw new Error(`${where}: expected an object in JSON, got ${excerpt(text)}`);
    return answer as Answer;
  };
}
