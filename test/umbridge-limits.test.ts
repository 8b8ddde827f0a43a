// UM-Bridge servers that answer with too much, redirect, are slow to begin, or hide their reasons: what the client does with each.
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { type UmbridgeOptions, umbridge } from "../src/simulate/umbridge.ts";
import { rejection } from "./helpers/maps.ts";

const proper: Readonly<Record<string, object>> = {
  "/Info": { protocolVersion: 1.0, models: ["m"] },
  "/ModelInfo": { support: { Evaluate: true, Gradient: true } },
  "/InputSizes": { inputSizes: [2] },
  "/OutputSizes": { outputSizes: [3] },
  "/Evaluate": { output: [[1, 2, 3]] },
};
type Handler = (request: IncomingMessage, response: ServerResponse) => unknown;
/** Answers that the running test gives in place of the proper ones, by path. */
let odd: Readonly<Record<string, Handler>> = {};
let asked: string[] = [];

async function serve(name: string): Promise<{ url: string; end: () => void }> {
  const server = createServer((request, response) => {
    const path = request.url as string;
    request.resume().on("end", () => {
      asked.push(`${name} ${request.method} ${path}`);
      if (odd[path]) odd[path](request, response);
      else response.end(JSON.stringify(proper[path.replace("/moved", "")]));
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const end = (): void => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, end };
}
const [here, other] = [await serve("here"), await serve("other")];
test.after(() => {
  here.end();
  other.end();
});
test.before.each(() => {
  odd = {};
  asked = [];
});
const options: UmbridgeOptions = { url: here.url, retries: 0 };
const messageAt = async (path: string, handler: Handler): Promise<string> => {
  odd = { [path]: handler };
  return (await rejection(umbridge(options).then((model) => model.evaluate([1, 2])))).message;
};

test("an answer of more bytes than its numbers can take is not read to its end", async () => {
  const zeros = gzipSync(`{"output": [[1, 2, ${"0,".repeat(4_000_000)} 3]]}`, { level: 1 });
  const zipped: Handler = (_request, response) => response.writeHead(200, { "content-encoding": "gzip" }).end(zeros);
  let sent = 0;
  const endless: Handler = (_request, response) => {
    const chunk = Buffer.alloc(1 << 16, " ");
    const write = (): void => {
      while (!response.destroyed && response.write(chunk)) sent += chunk.length;
    };
    response.on("drain", write);
    write();
  };
  const most = (numbers: number) => (1 << 20) + 64 * numbers;
  for (const [path, handler, numbers] of [
    ["/Evaluate", zipped, 3],
    ["/Evaluate", endless, 3],
    ["/ModelInfo", endless, 0],
    ["/Info", zipped, 0],
  ] as const) {
    const message = await messageAt(path, handler);
    assert.is(message, `umbridge: ${here.url}${path}: expected an answer of at most ${most(numbers)} bytes, got more`);
  }
  assert.ok(sent < 64e6, `${sent} bytes sent`); // what the system keeps on the way, not what the server has
});

test("an answer of many numbers, written with many blanks, is read", async () => {
  const count = 100_000;
  const list = Array.from({ length: count }, (_, i) => -i / 3e-200);
  odd = {
    "/OutputSizes": (_request, response) => response.end(JSON.stringify({ outputSizes: [count] })),
    "/Evaluate": (_request, response) => response.end(JSON.stringify({ output: [list] }, null, 10)),
  };
  const model = await umbridge(options);
  assert.equal(await model.evaluate([1, 2]), Float64Array.from(list));
  odd = { "/InputSizes": (_request, response) => response.end('{"inputSizes": [1e15]}') };
  assert.match((await rejection(umbridge(options))).message, /\/InputSizes: expected at most 268435456 numbers in all/);
});

test("a redirect to another server is refused, and nothing is sent there", async () => {
  for (const [path, status, to] of [
    ["/Info", 302, `${other.url}/Info`],
    ["/Evaluate", 307, `${other.url}/Evaluate`],
    ["/Evaluate", 308, "https://127.0.0.1:9/Evaluate"],
    ["/ModelInfo", 301, `//${new URL(other.url).host}/ModelInfo`],
  ] as const) {
    const message = await messageAt(path, (_request, response) => response.writeHead(status, { location: to }).end());
    assert.match(message, `umbridge: ${here.url}${path}: expected an answer, got a redirect to http`);
    assert.match(message, "; give the address of the server itself as url");
  }
  assert.not(asked.some((line) => line.startsWith("other")));
});

test("a redirect on the server itself is followed with the same method, and not for ever", async () => {
  const moved: Handler = (request, response) =>
    response.writeHead(308, { location: `/moved${request.url}` }).end("moved");
  odd = { "/Info": moved, "/Evaluate": moved };
  const model = await umbridge(options);
  assert.equal(await model.evaluate([1, 2]), Float64Array.of(1, 2, 3));
  assert.ok(asked.includes("here GET /moved/Info") && asked.includes("here POST /moved/Evaluate"));
  asked = [];
  const circle: Handler = (request, response) => response.writeHead(307, { location: request.url }).end();
  assert.match(await messageAt("/Evaluate", circle), /\/Evaluate: expected an answer, got a redirect to /);
  assert.is(asked.filter((line) => line.endsWith("/Evaluate")).length, 6);
});

test("invalid JSON is refused in time of its length, however many quotes it has", async () => {
  for (const text of ['"'.padEnd(400_000, '\\"'), '"a" '.repeat(100_000), `{"a": ${"-nan ".repeat(80_000)}`]) {
    odd = { "/Evaluate": (_request, response) => response.end(text) };
    const model = await umbridge(options);
    const before = process.cpuUsage();
    assert.match((await rejection(model.evaluate([1, 2]))).message, /\/Evaluate: expected an object in JSON, got "/);
    const { user, system } = process.cpuUsage(before);
    assert.ok((user + system) / 1e6 < 2, `${(user + system) / 1e6} s, where it is a tenth`);
  }
});

test("an explicit time limit holds for the handshake too, and its error names the address", async () => {
  for (const path of ["/Info", "/ModelInfo", "/OutputSizes"]) {
    odd = { [path]: () => {} };
    const { message } = await rejection(umbridge({ ...options, timeout: 0.3 }));
    assert.is(message, `umbridge: ${here.url}${path}: expected an answer within 0.3 s, got none`);
  }
  // A time limit above the usual 30 s of the handshake is what the four requests wait for.
  odd = {};
  const { setTimeout: original } = globalThis;
  const waits: number[] = [];
  globalThis.setTimeout = ((run: () => void, ms: number, ...rest: []) => {
    waits.push(ms);
    return original(run, ms, ...rest);
  }) as never;
  try {
    await umbridge({ ...options, timeout: 600 });
    assert.ok(waits.filter((ms) => ms === 600_000).length >= 4 && !waits.includes(30_000), `${waits}`);
    waits.length = 0;
    await umbridge(options);
    assert.ok(waits.filter((ms) => ms === 30_000).length >= 4, `${waits}`);
  } finally {
    globalThis.setTimeout = original;
  }
});

test("errors contain the server's own reason: from the answer, from a header as C++ servers write it, or from text", async () => {
  const say =
    (status: number, text: string, headers = {}): Handler =>
    (_request, response) =>
      response.writeHead(status, headers).end(text);
  for (const [path, handler, reason] of [
    ["/Evaluate", say(500, "", { EXCEPTION_WHAT: "no licence" }), 'HTTP 500 with the reason "no licence"'],
    ["/InputSizes", say(500, "", { EXCEPTION_WHAT: "unknown model" }), 'HTTP 500 with the reason "unknown model"'],
    ["/Evaluate", say(500, '{"error": {"type": "Mesh", "message": "torn"}}'), "the error Mesh: torn"],
    ["/ModelInfo", say(503, "<p>queue full"), 'HTTP 503 with "<p>queue full"'],
  ] as const)
    assert.is(await messageAt(path, handler), `umbridge: ${here.url}${path}: expected an answer, got ${reason}`);
});

test.run();
