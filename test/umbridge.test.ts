// The UM-Bridge client against a real HTTP server on this machine whose answers are correct, slow, failing or malformed.
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "uvu";
import * as assert from "uvu/assert";
import { gaussianNoise } from "../src/distributions/noise/gaussian.ts";
import { normal } from "../src/distributions/normal.ts";
import { gaussian } from "../src/guides/gaussian.ts";
import { infer } from "../src/infer/infer.ts";
import { defineProblem } from "../src/problem/define.ts";
import { simulate } from "../src/simulate/simulate.ts";
import { type UmbridgeOptions, umbridge } from "../src/simulate/umbridge.ts";
import { train } from "../src/train/train.ts";
import { rejection } from "./helpers/maps.ts";

interface Body {
  readonly name: string;
  readonly config?: { readonly gain?: number };
  readonly input: number[][];
  readonly outWrt: number;
  readonly inWrt: number;
  readonly sens: number[];
}
type Answer = object | { status: number; text: string };
type Handler = (body: Body) => Answer | Promise<Answer>;

/** The model F: (a, b), (c) → (g (a + 2b), c²), (a c), g the gain of the configuration. */
const forward = ([[a, b], [c]]: number[][], gain = 1): number[][] => [[gain * (a + 2 * b), c * c], [a * c]];
/** ∂F_out/∂θ_in, transposed, times s. */
const vjp = ({ input: [[a], [c]], outWrt, inWrt, sens }: Body, gain = 1): number[] => {
  if (outWrt === 0) return inWrt === 0 ? [gain * sens[0], 2 * gain * sens[0]] : [2 * c * sens[1]];
  return inWrt === 0 ? [c * sens[0], 0] : [a * sens[0]];
};
const proper: Readonly<Record<string, Handler>> = {
  "GET /Info": () => ({ protocolVersion: 1.0, models: ["bend", "other"] }),
  "POST /ModelInfo": () => ({ support: { Evaluate: true, Gradient: true, ApplyJacobian: false, ApplyHessian: false } }),
  "POST /InputSizes": () => ({ inputSizes: [2, 1] }),
  "POST /OutputSizes": () => ({ outputSizes: [2, 1] }),
  "POST /Evaluate": ({ input, config }) => ({ output: forward(input, config?.gain) }),
  "POST /Gradient": (body) => ({ output: vjp(body, body.config?.gain) }),
};

/** Handlers of the running test, by method and path; what was asked for; what is to be done when a client gives up. */
let handlers = proper;
let onCancel: () => void = () => {};
let asked: { readonly route: string; readonly body: Body; readonly type?: string; readonly token?: unknown }[] = [];
const server = createServer((request: IncomingMessage, response: ServerResponse) => {
  let text = "";
  request.on("data", (part) => (text += part));
  response.on("close", () => response.writableEnded || onCancel());
  request.on("end", async () => {
    const route = `${request.method} ${request.url}`;
    const body = text === "" ? {} : JSON.parse(text);
    asked.push({ route, body, type: request.headers["content-type"], token: request.headers.authorization });
    const answer = (await handlers[route]?.(body)) ?? { status: 404, text: "no such page" };
    const raw =
      "text" in answer ? (answer as { status: number; text: string }) : { status: 200, text: JSON.stringify(answer) };
    response.writeHead(raw.status, { "content-type": "text/plain" }).end(raw.text); // as the field's own server says
  });
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
test.after(() => {
  server.closeAllConnections();
  server.close();
});
test.before.each(() => {
  handlers = proper;
  onCancel = () => {};
  asked = [];
});

const options: UmbridgeOptions = { url, model: "bend", backoff: 0.001 };
const calls = (path: string): number => asked.filter(({ route }) => route.endsWith(path)).length;
const wait = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
/** No answer at all. */
const never: Handler = () => new Promise(() => {});
/** Resolved when clients have given up so many requests. */
const cancelled = (count: number): Promise<void> =>
  new Promise((resolve) => {
    onCancel = () => --count === 0 && resolve();
  });
const failing = (text: string, status = 200): Answer => ({ status, text });
const errorOf = (type: string, message: string, status: number): Answer =>
  failing(JSON.stringify({ error: { type, message } }), status);

test("a model has a description, and several vectors become one", async () => {
  const model = await umbridge({ ...options, url: `${url}/` });
  assert.equal([model.name, model.D, model.M, model.inputSizes, model.outputSizes], ["bend", 3, 3, [2, 1], [2, 1]]);
  assert.equal(model.supports, { evaluate: true, gradient: true, applyJacobian: false, applyHessian: false });
  assert.equal(await model.evaluate([1, 2, 3]), Float64Array.of(5, 9, 3));
  const { body, type } = asked[asked.length - 1];
  assert.equal(body, { name: "bend", input: [[1, 2], [3]], config: {} } as never);
  assert.is(type, "application/json");
});

test("the configuration and headers go along with every call that takes them", async () => {
  const model = await umbridge({ ...options, config: { gain: 10 }, headers: { authorization: "Bearer x" } });
  assert.equal(await model.evaluate(Float32Array.of(1, 2, 3)), Float64Array.of(50, 9, 3));
  assert.ok(asked.every(({ token }) => token === "Bearer x"));
  for (const path of ["InputSizes", "OutputSizes", "Evaluate"]) {
    assert.equal(asked.find(({ route }) => route.endsWith(path))?.body.config, { gain: 10 }, path);
  }
});

test("gradients add up over all vectors, and agree with differences", async () => {
  const model = await umbridge({ ...options, config: { gain: 3 } });
  const [theta, sens, h] = [[0.7, -1.2, 0.4], [0.5, -2, 1.5], 1e-6];
  const got = await model.gradient(theta, sens);
  for (const d of [0, 1, 2]) {
    const [up, down] = [h, -h].map((by) => theta.map((x, i) => (i === d ? x + by : x)));
    const [f, g] = [await model.evaluate(up), await model.evaluate(down)];
    const difference = sens.reduce((sum, s, k) => sum + (s * (f[k] - g[k])) / (2 * h), 0);
    assert.ok(Math.abs(got[d] - difference) < 1e-8, `${got[d]}, by differences ${difference}`); // rounding: 1e-16/h
  }
  asked = [];
  await model.gradient(theta, [1, 0, 0]);
  assert.is(calls("/Gradient"), 2, "an output without weight is not asked for");
});

test("a model without gradients says so, and one without evaluations is refused", async () => {
  handlers = { ...proper, "POST /ModelInfo": () => ({ support: { Evaluate: true } }) };
  const model = await umbridge(options);
  assert.match(
    (await rejection(model.gradient([1, 2, 3], [1, 1, 1]))).message,
    /a model with gradients, got one without$/,
  );
  assert.is(calls("/Gradient"), 0);
  handlers = { ...proper, "POST /ModelInfo": () => ({ support: { Gradient: true } }) };
  assert.match((await rejection(umbridge(options))).message, /a model that can be evaluated, got one that cannot$/);
});

const problemOf = (model: Awaited<ReturnType<typeof umbridge>>) =>
  defineProblem({ name: "bridged", prior: normal([0, 0, 0], 1), noise: gaussianNoise(0.3), simulate: model.simulate });

test("a problem trains on a model, several evaluations at a time, and the number of data need not be said", async () => {
  let [running, most] = [0, 0];
  handlers = {
    ...proper,
    "POST /Evaluate": async ({ input }) => {
      most = Math.max(most, ++running);
      await wait(1);
      running--;
      return { output: forward(input) };
    },
  };
  const problem = problemOf(await umbridge({ ...options, concurrency: 8 }));
  assert.is(problem.M, 3);
  const training = {
    guide: gaussian({ hidden: [16] }),
    steps: 300,
    bank: 400,
    heldOut: 50,
    rate: 1e-2,
    kernels: "plain",
  } as const;
  const map = await train(problem, training);
  assert.is(calls("/Evaluate"), 450);
  assert.is(most, 8);
  // The first datum, a + 2b + noise, has the variance 5.09 and tells a + 2b to 0.3: θ2 has sd 0.45 or so left of 1.
  const { sd } = await infer(map, [1, 0.5, 0.3]);
  assert.ok(sd[1] < 0.7, `${sd}`);
  const { message } = await rejection(train(problem, { objective: "elbo" }));
  assert.match(message, /^objective "elbo": .* only simulate\(\)/);
});

test("the same problem written in JavaScript gives the same simulations", async () => {
  const model = await umbridge(options);
  const here = defineProblem({
    name: "here",
    prior: normal([0, 0, 0], 1),
    noise: gaussianNoise(0.3),
    simulate: (theta) => theta.map(([a, b, c]) => forward([[a, b], [c]]).flat()),
    data: 3,
  });
  const seeded = { seed: 4, kernels: "plain" } as const;
  assert.equal(await simulate(problemOf(model), 30, seeded), await simulate(here, 30, seeded));
});

test("a server that fails now and then or is busy is asked again", async () => {
  const model = await umbridge(options);
  const moods: Handler[] = [
    () => failing("500 Internal Server Error\n\nServer got itself in trouble", 500),
    () => failing("slow down", 429),
  ];
  let n = 0;
  handlers = { ...proper, "POST /Evaluate": (body) => (moods[n++] ?? proper["POST /Evaluate"])(body) };
  assert.equal(await model.evaluate([1, 2, 3]), Float64Array.of(5, 9, 3));
  assert.is(calls("/Evaluate"), 3);
  handlers = { ...proper, "POST /Evaluate": () => errorOf("Busy", "queue is full", 503) };
  const { message } = await rejection(model.evaluate([1, 2, 3]));
  assert.is(message, `umbridge: ${url}/Evaluate: expected an answer, got the error Busy: queue is full`);
  assert.is(calls("/Evaluate"), 7);
});

// On a busy machine any answer may come too late; among so many tries one is in time.
const hurried = { ...options, timeout: 0.2, retries: 30 };

test("a server that answers too late is asked again, and the late request is cancelled", async () => {
  const model = await umbridge(hurried);
  const first = cancelled(1);
  handlers = {
    ...proper,
    "POST /Evaluate": (body) => (calls("/Evaluate") === 1 ? never : proper["POST /Evaluate"])(body),
  };
  assert.equal(await model.evaluate([1, 2, 3]), Float64Array.of(5, 9, 3));
  await first;
  assert.ok(calls("/Evaluate") > 1);
});

test("a model that never answers ends with the time limit, and each request is cancelled", async () => {
  const model = await umbridge({ ...hurried, retries: 5 });
  const all = cancelled(6);
  handlers = { ...proper, "POST /Evaluate": never };
  assert.match(
    (await rejection(model.evaluate([1, 2, 3]))).message,
    /^umbridge: http:.*\/Evaluate: expected an answer within 0.2 s, got none$/,
  );
  await all;
  assert.is(calls("/Evaluate"), 6);
});

test("an error that would come again is not asked for again, and the parameters are named", async () => {
  const problem = problemOf(await umbridge(options));
  handlers = { ...proper, "POST /Evaluate": () => errorOf("InvalidInput", "Input parameter 0 is out of range", 400) };
  asked = [];
  const { message } = await rejection(simulate(problem, 1, { kernels: "plain" }));
  assert.match(
    message,
    /^simulate: expected data for θ = \(.*\), row 1 of 1, .* got the error InvalidInput: Input parameter 0/,
  );
  assert.is(calls("/Evaluate"), 1);
});

test("values that are not finite, in any spelling of a server, are errors, or are dropped on request", async () => {
  const texts = [
    '{"output": [[nan, -inf], [1]] }',
    '{"output": [[NaN, 1], [Infinity]]}',
    '{"output": [[null, 1], [1]]}',
  ];
  const model = await umbridge(options);
  for (const text of texts) {
    handlers = { ...proper, "POST /Evaluate": () => failing(text) };
    assert.match((await rejection(model.evaluate([1, 2, 3]))).message, /: expected finite data, got NaN at index 0$/);
    const { message } = await rejection(simulate(problemOf(model), 2, { kernels: "plain" }));
    assert.match(message, /^simulate: expected data for θ = .*, row 1 of 2, .*got NaN in column 1, where a finite/);
  }
  const dropping = await umbridge({ ...options, failures: "drop" });
  handlers = {
    ...proper,
    "POST /Evaluate": ({ input }) => (input[0][0] > 1 ? failing(texts[0]) : { output: forward(input) }),
  };
  const warnings: string[] = [];
  const some = await simulate(problemOf(dropping), 60, { kernels: "plain", onWarning: (text) => warnings.push(text) });
  assert.ok(some.count < 60 && some.count > 40);
  assert.match(warnings[0], `${60 - some.count} of 60 simulations`);
});

const evaluations: readonly [string, Answer, RegExp, number][] = [
  [
    "no JSON",
    failing("<html>It works!</html>"),
    /\/Evaluate: expected an object in JSON, got "<html>It works!<\/html>"$/,
    3,
  ],
  ["nothing", failing(""), /expected an object in JSON, got nothing$/, 3],
  ["half an answer", failing('{"output": [[1, 2'), /expected an object in JSON, got "\{\\"output\\": \[\[1, 2"$/, 3],
  ["a list", failing("[1, 2]"), /expected an object in JSON, got "\[1, 2\]"$/, 3],
  ["no output", {}, /\/Evaluate: expected 2 lists of numbers, got undefined$/, 1],
  ["too few lists", { output: [[1, 2]] }, /expected 2 lists of numbers, got 1$/, 1],
  ["a short list", { output: [[1], [3]] }, /\/Evaluate, output 0: expected 2 numbers, got 1$/, 1],
  [
    "a long list",
    {
      output: [
        [1, 2],
        [3, 4],
      ],
    },
    /\/Evaluate, output 1: expected 1 numbers, got 2$/,
    1,
  ],
  ["texts", { output: [["1", 2], [3]] }, /output 0: expected numbers, got "1" at index 0$/, 1],
  ["a page that is not there", failing("gone", 404), /expected an answer, got HTTP 404 with "gone"$/, 1],
  ["a broken server", failing("", 502), /expected an answer, got HTTP 502 with nothing$/, 3],
  ["an odd error", { error: "out of licences" }, /got the error "out of licences": without a message$/, 3],
];
for (const [what, answer, message, tries] of evaluations) {
  test(`an evaluation that is answered by ${what} is refused with what came, after ${tries} tries`, async () => {
    const model = await umbridge({ ...options, retries: 2 });
    handlers = { ...proper, "POST /Evaluate": () => answer };
    assert.match((await rejection(model.evaluate([1, 2, 3]))).message, message);
    assert.is(calls("/Evaluate"), tries);
  });
}

const handshakes: readonly [string, Record<string, Answer>, RegExp][] = [
  ["another version", { "GET /Info": { protocolVersion: 0.9, models: ["bend"] } }, /version 1.0 at http.*, got 0.9$/],
  ["another service", { "GET /Info": { hello: "world" } }, /expected protocol version 1.0 at .*, got undefined$/],
  ["no models", { "GET /Info": { protocolVersion: 1, models: [] } }, /expected names of models at .*, got \[\]$/],
  ["another model", { "GET /Info": { protocolVersion: 1, models: ["a", "b"] } }, /one of "a", "b", got "bend"$/],
  [
    "sizes in words",
    { "POST /InputSizes": { inputSizes: "two" } },
    /\/InputSizes: expected a list of sizes, got "two"$/,
  ],
  ["negative sizes", { "POST /OutputSizes": { outputSizes: [-1] } }, /\/OutputSizes: expected a list of sizes, got \[/],
  [
    "an error",
    { "POST /ModelInfo": errorOf("ModelNotFound", "Model not found", 400) },
    /the error ModelNotFound: Model not/,
  ],
];
for (const [what, answers, message] of handshakes) {
  test(`a server with ${what} is refused when it is connected to`, async () => {
    handlers = { ...proper, ...Object.fromEntries(Object.entries(answers).map(([route, a]) => [route, () => a])) };
    assert.match((await rejection(umbridge(options))).message, message);
  });
}

test("a server that wants /Info by POST is asked so, and its only model need not be named", async () => {
  handlers = {
    ...proper,
    "GET /Info": () => failing("Method Not Allowed", 405),
    "POST /Info": () => ({ protocolVersion: 1, models: ["bend"] }),
  };
  assert.is((await umbridge({ url })).name, "bend");
  handlers = proper;
  assert.match((await rejection(umbridge({ url }))).message, /expected model to be one of "bend", "other", got none$/);
});

test("a missing server is an error with the reason", async () => {
  const closed = createServer().listen(0, "127.0.0.1");
  await once(closed, "listening");
  const { port } = closed.address() as AddressInfo;
  await new Promise((resolve) => closed.close(resolve));
  const { message } = await rejection(umbridge({ ...options, url: `http://127.0.0.1:${port}`, retries: 1 }));
  assert.match(
    message,
    new RegExp(`^umbridge: http://127.0.0.1:${port}/Info: expected an answer, got none \\(.*ECONNREFUSED`),
  );
});

const misuse: readonly [string, object, RegExp][] = [
  [
    "no address",
    { url: "localhost:4242" },
    /^umbridge: expected url to be http:\/\/… or https:\/\/…, got "localhost:4242"$/,
  ],
  ["an unknown option", { url, modle: "x" }, /^umbridge: expected options url, model, .*; got "modle"$/],
  ["a model that is no name", { url, model: 3 }, /^umbridge: expected model to be a string that is not empty, got 3$/],
  ["a configuration that is a list", { url, config: [1] }, /^umbridge: expected config to be an object, got \[1\]$/],
  ["no calls", { url, concurrency: 0 }, /^umbridge: expected concurrency to be a whole number from 1 to 1024, got 0$/],
];
for (const [what, given, message] of misuse) {
  test(`${what} is refused before anything is asked`, async () => {
    assert.match((await rejection(umbridge(given as UmbridgeOptions))).message, message);
    assert.is(asked.length, 0);
  });
}

test("parameters and sensitivities of another length, or not finite, are refused before they are sent", async () => {
  const model = await umbridge(options);
  asked = [];
  const list: readonly [Promise<unknown>, RegExp][] = [
    [model.evaluate([1, 2]), /: expected 3 parameters \(2 \+ 1\), got 2$/],
    [model.evaluate([1, 2, Number.NaN]), /: expected finite parameters, got NaN at index 2$/],
    [model.gradient([1, 2, 3], [1]), /: expected 3 sensitivities \(2 \+ 1\), got 1$/],
  ];
  for (const [run, message] of list) assert.match((await rejection(run)).message, message);
  assert.is(asked.length, 0);
  const define = (): unknown =>
    defineProblem({ name: "p", prior: normal([0, 0], 1), noise: gaussianNoise(1), simulate: model.simulate });
  assert.throws(define, /^p: expected a prior of 3 parameters, as simulate takes, got one of 2$/);
});

test("training that is aborted cancels the requests under way", async () => {
  const controller = new AbortController();
  const model = await umbridge({ ...options, concurrency: 2 });
  const both = cancelled(2);
  handlers = {
    ...proper,
    "POST /Evaluate": (body) => {
      if (calls("/Evaluate") === 6) controller.abort();
      return (calls("/Evaluate") > 4 ? never : proper["POST /Evaluate"])(body);
    },
  };
  const { message } = await rejection(train(problemOf(model), { bank: 50, signal: controller.signal }));
  assert.match(message, /^simulate: stopped at 4 of 2098 simulations/);
  await both;
});

test.run();
