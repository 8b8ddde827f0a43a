// Loops against the same steps written out, closed forms and finite differences, by the f64 reference.
import { test } from "uvu";
import * as assert from "uvu/assert";
import type { Rows } from "../../src/backends/backend.ts";
import * as g from "../../src/graph/build.ts";
import { grad, hessian, jacobian, jvp } from "../../src/graph/grad.ts";
import { cost, type PlanRecord, printPlan } from "../../src/graph/plan.ts";
import { compile, type Program } from "../../src/graph/program.ts";
import { bodiesOf } from "../../src/graph/records.ts";
import { type ScanOptions, scan } from "../../src/graph/scan.ts";
import type { Tensor } from "../../src/graph/tensor.ts";
import { atOnce } from "../../src/host/yielding.ts";
import { checkGradients } from "../helpers/differences.ts";
import { plant, scalarOf } from "../helpers/leaves.ts";
import { runGraph } from "../helpers/run.ts";
import { loopCases, unrolled } from "../helpers/unrolled.ts";

const ROWS = 3;

/** The sums of a loop and of its copies differ in order alone: some roundings of 2^-53 of the largest entry. */
function near(what: string, got: Rows, want: Rows): void {
  assert.is(got.length, want.length, what);
  const scale = Math.max(...Array.from(want, Math.abs));
  for (let i = 0; i < want.length; i++)
    assert.ok(Math.abs(got[i] - want[i]) <= 1e-13 * scale, `${what}[${i}]: expected ${want[i]}, got ${got[i]}`);
}

/** The same quantities of a loop and of its steps written out. */
async function same(
  what: string,
  of: (y: Tensor) => Record<string, Tensor>,
  ys: readonly [Tensor, Tensor],
  run: { rows: number; inputs: Record<string, Float64Array>; weights: Record<string, Float64Array> },
): Promise<void> {
  const [got, want] = [await runGraph(of(ys[0]), run), await runGraph(of(ys[1]), run)];
  for (const name of Object.keys(want)) near(`${what}: ${name}`, got[name], want[name]);
}

for (const [name, { leaves: specs, options }] of Object.entries(loopCases)) {
  const { leaves, tensors, values } = plant(specs, "f64");
  const given = options(...tensors);
  const ys = [scan(given), unrolled(given)] as const;
  const data = values(ROWS);
  const run = { rows: ROWS, inputs: data, weights: data };

  test(`a loop is its steps written out: ${name}`, () => same(name, (y) => ({ y }), ys, run));

  test(`gradients of a loop are those of its steps written out, and differences: ${name}`, async () => {
    const gradients = (y: Tensor): Record<string, Tensor> =>
      Object.fromEntries(grad(scalarOf(y, 40), tensors).flatMap((t, i) => (t === null ? [] : [[`by ${i}`, t]])));
    assert.equal(Object.keys(gradients(ys[0])), Object.keys(gradients(ys[1])));
    await same(name, gradients, ys, run);
    const total = scalarOf(ys[0], 40);
    await checkGradients(total, leaves, grad(total, leaves), { rows: ROWS, values: data });
  });

  test(`Jacobian-vector products of a loop are those of its steps written out: ${name}`, async () => {
    const products = (y: Tensor): Record<string, Tensor> =>
      Object.fromEntries(tensors.map((x, i) => [`along ${i}`, jvp(y, x, g.sin(g.add(x, 1)))]));
    await same(name, products, ys, run);
  });

  test(`gradients of Jacobian-vector products, second derivatives, are those of its steps written out: ${name}`, async () => {
    const second = (y: Tensor): Record<string, Tensor> => {
      const slope = jvp(scalarOf(y, 41), tensors[0], g.cos(tensors[0]));
      return Object.fromEntries(grad(slope, tensors).flatMap((t, i) => (t === null ? [] : [[`by ${i}`, t]])));
    };
    await same(name, second, ys, run);
  });
}

const f64 = { dtype: "f64" } as const;
const state2 = g.input("s", 2, f64);

test("a linear recurrence has its closed form", async () => {
  // s_n = aⁿ s_0 + b (aⁿ − 1) / (a − 1)
  const [s, a, b] = ["s", "a", "b"].map((name) => g.input(name, 1, f64));
  const y = scan({ state: s, steps: 20, step: (x) => g.add(g.mul(a, x), b), emit: { at: [0, 1, 20] } });
  const out = await runGraph({ y }, { rows: 2, inputs: { s: [1, -2], a: [0.5, 1.25], b: [3, 0.5] } });
  const closed = (s0: number, r: number, c: number, n: number): number => r ** n * s0 + (c * (r ** n - 1)) / (r - 1);
  near(
    "s",
    out.y,
    Float64Array.from(
      [0, 1, 20].map((n) => closed(1, 0.5, 3, n)).concat([0, 1, 20].map((n) => closed(-2, 1.25, 0.5, n))),
    ),
  );
});

test("cumulative sums of a series are those of cumsum", async () => {
  const x = g.input("x", 7, f64);
  const sums = scan({
    state: g.mul(g.slice(x, 0, 1), 0),
    steps: 7,
    series: x,
    step: (s, at) => g.add(s, at.series),
    emit: { at: [1, 2, 3, 4, 5, 6, 7] },
  });
  const { sums: got, want } = await runGraph(
    { sums, want: g.cumsum(x) },
    { rows: 2, inputs: { x: Array.from({ length: 14 }, (_, i) => (i * i) % 5) } },
  );
  assert.equal(got, want);
});

test("the logistic map gives the very numbers of a plain loop", async () => {
  const s = g.input("s", 1, f64);
  const step = (x: Tensor): Tensor => g.mul(g.mul(x, 3.75), g.sub(1, x));
  const { y } = await runGraph(
    { y: scan({ state: s, steps: 1000, step, emit: { at: [500, 1000] } }) },
    { rows: 1, inputs: { s: [0.3] } },
  );
  const want: number[] = [];
  for (let [k, x] = [1, 0.3]; k <= 1000; k++) {
    x = x * 3.75 * (1 - x);
    if (k % 500 === 0) want.push(x);
  }
  assert.equal([...y], want);
});

test("a Jacobian of a loop by columns and by rows agrees with that of its steps", async () => {
  const x = g.input("x", 3, f64);
  for (const at of [[1, 4], [4]]) {
    const options: ScanOptions = {
      state: g.slice(x, 0, 2),
      steps: 4,
      step: (s) => g.add(s, g.mul(g.sin(s), g.slice(x, 2, 3))),
      emit: { at },
    };
    const parts = (y: Tensor) => Object.fromEntries(jacobian(y, x).parts.map((t, i) => [`${i}`, t]));
    const run = { rows: 2, inputs: { x: Float64Array.of(0.5, 1, -1, 2, 0.25, 0.75) }, weights: {} };
    await same("Jacobian", parts, [scan(options), unrolled(options)], run);
  }
});

const loopsOf = (outputs: Record<string, Tensor>): number =>
  atOnce(compile({ p: { outputs } })).plans.p.records.shard.filter(({ op }) => op === "scan").length;

test("the tangents of a loop and the loop itself are one loop in a plan, one after another where loops follow each other", async () => {
  const x = g.input("x", 4, f64);
  const chain = (make: (options: ScanOptions) => Tensor): Tensor => {
    const [a, b] = [g.slice(x, 2, 3), g.slice(x, 3, 4)];
    const first = make({
      state: g.slice(x, 0, 2),
      steps: 3,
      step: (s) => g.add(g.mul(s, 0.5), g.sin(g.mul(s, a))),
      emit: { at: [1, 3] },
    });
    const second = make({
      state: g.slice(first, 2, 4),
      steps: 4,
      series: g.concat(first, g.mul(first, b)),
      step: (s, at) => g.add(g.mul(s, b), at.series),
      emit: { at: [0, 4], value: (s) => g.mul(s, g.exp(a)) },
    });
    return g.concat(first, second);
  };
  const of = (y: Tensor): Record<string, Tensor> => ({
    y,
    ...Object.fromEntries(jacobian(y, x).parts.map((t, i) => [`column ${i}`, t])),
  });
  assert.is(loopsOf(of(chain(scan))), 2);
  const run = { rows: 2, inputs: { x: Float64Array.of(0.5, 1, -1, 2, 0.25, 0.75, 1.5, -0.5) }, weights: {} };
  await same("Jacobian", of, [chain(scan), chain(unrolled)], run);
});

// ---- plans

const recordsOf = (program: Program): number => {
  const count = (records: readonly PlanRecord[]): number =>
    records.reduce(
      (n, { loop }) => n + 1 + (loop ? bodiesOf(loop).reduce((m, { body }) => m + count(body.records), 0) : 0),
      0,
    );
  return Object.values(program.plans)
    .flatMap(({ records }) => Object.values(records))
    .reduce((n, records) => n + count(records), 0);
};

const compiled = (steps: number): Program => {
  const w = g.cast(g.weight("w", 3, 2), "f64");
  const y = scan({ state: state2, steps, step: (s) => g.dense(s, w, { activation: "tanh" }), emit: { at: [steps] } });
  const loss = g.batchSum(g.sumFeatures(g.square(y)));
  return atOnce(
    compile({ p: { outputs: { loss, ds: grad(loss, [state2])[0] as Tensor, dw: grad(loss, [w])[0] as Tensor } } }),
  );
};

test("a plan has as many records for 10,000 steps as for 10, and memory for about √n states", () => {
  const [few, many] = [compiled(10), compiled(10_000)];
  assert.is(recordsOf(many), recordsOf(few));
  const bytes = ({ plans: { p } }: Program): number => p.slots.reduce((a, b) => a + b, 0);
  assert.ok(bytes(many) - bytes(few) <= 2 * 2 * Math.sqrt(10_000) * 16, `${bytes(many)} bytes a row`);
});

test("operations of a loop are counted as often as they run, and a printed plan shows its bodies", () => {
  const plan = (steps: number) =>
    atOnce(
      compile({
        p: { outputs: { y: scan({ state: state2, steps, step: (s) => g.mul(s, 0.5), emit: { at: [steps] } }) } },
      }),
    ).plans.p;
  assert.is(cost(plan(1000), 5).flops, 1000 * 5 * 2);
  assert.match(printPlan(plan(1000)), /= scan\(.*\n +step, 1000 times → %\d+\[slot \d+\]:\n +%\d+\[slot \d+\] = mul\(/);
});

// ---- refusals

const loop = (options: Partial<ScanOptions>): Tensor =>
  scan({ state: state2, steps: 3, step: (s) => s, emit: { at: [3] }, ...options });

test("a loop refuses what does not fit, by name", () => {
  for (const steps of [0, -1, 1.5, Number.NaN])
    assert.throws(() => loop({ steps }), /scan: expected a whole number of steps, 1 or more, got/);
  assert.throws(
    () => loop({ state: g.constant([1, 2], "f64") }),
    /scan: expected a batch \(B, S\) as the state, got \(1, 2\)/,
  );
  assert.throws(() => loop({ emit: { at: [] } }), /scan: expected emit.at to be a list of states to return/);
  assert.throws(() => loop({ emit: { at: [4] } }), /scan: expected emit.at to ascend within 0..3, got 4 at index 0/);
  assert.throws(() => loop({ emit: { at: [2, 1] } }), /scan: expected emit.at to ascend within 0..3, got 1 at index 1/);
  assert.throws(
    () => loop({ step: (s) => g.slice(s, 0, 1) }),
    /scan: expected step to return a state \(B, 2\), got \(B, 1\)/,
  );
  assert.throws(() => loop({ step: () => 3 as unknown as Tensor }), /scan: expected step to return a tensor, got 3/);
  assert.throws(
    () => loop({ step: (s) => g.cast(s, "f32") }),
    /scan: expected step to return a batch with the rows of the state \(B, 2\) f64, got \(B, 2\) f32/,
  );
  assert.throws(
    () => loop({ step: (s, at) => g.add(s, at.constants) }),
    /scan: expected constants where the body reads constants, got none/,
  );
  assert.throws(
    () => loop({ step: (s, at) => g.add(s, at.series) }),
    /scan: expected series where the body reads series, got none/,
  );
  assert.throws(() => loop({ constants: [[1], [2]] }), /scan: expected constants of 3 rows, got 2/);
  assert.throws(
    () => loop({ constants: [[1], [2, 3], [4]] }),
    /scan: expected constants of rows of 1 numbers, got .* in row 1/,
  );
  assert.throws(
    () => loop({ series: g.input("x", 4, f64) }),
    /scan: expected a series of 3·X columns, .* got \(B, 4\) f64/,
  );
  assert.throws(
    () => loop({ step: (s) => g.mul(s, g.batchSum(s)) }),
    /scan: expected a body that keeps rows apart, got a sum over the batch \(batchSum\)/,
  );
  const other = g.input("x", 2);
  assert.throws(
    () => loop({ step: (s) => g.cast(g.concat(g.cast(s, "f32"), other), "f64") }),
    /scan: expected step to return a state/,
  );
  assert.throws(
    () => loop({ step: (s) => g.cast(g.add(g.cast(s, "f32"), other), "f64") }),
    /scan: expected batches from outside with the rows and type of the state/,
  );
});

test("random draws in a body are refused, and those from outside are the same at every step", async () => {
  const draw = (): Tensor => g.cast(g.random("normal", 2, 77), "f64");
  assert.throws(
    () => loop({ step: (s) => g.add(s, draw()) }),
    /scan: expected a body without random draws, got random.*give the draws as series/,
  );
  assert.throws(() => loop({ emit: { at: [1], value: (s) => g.add(s, draw()) } }), /without random draws/);
  const noise = draw();
  const y = loop({ step: (s) => g.add(s, noise) });
  const out = await runGraph(
    { y, want: g.add(state2, g.mul(noise, 3)) },
    { rows: 2, inputs: { s: [0, 0, 0, 0] }, seed: 5 },
  );
  near("three times the noise", out.y, out.want);
});

test("the Hessian of a loop is that of its steps written out", async () => {
  const x = g.input("x", 3, f64);
  const options: ScanOptions = {
    state: g.slice(x, 0, 2),
    steps: 4,
    step: (s) => g.add(g.sin(s), g.mul(s, g.slice(x, 2, 3))),
    emit: { at: [1, 4] },
  };
  const columns = (y: Tensor) =>
    Object.fromEntries(hessian(g.sumFeatures(g.exp(y)), x).map((t, i) => [`column ${i}`, t]));
  const run = { rows: 2, inputs: { x: Float64Array.of(0.5, 1, 0.25, 2, 0.25, -0.75) }, weights: {} };
  await same("Hessian", columns, [scan(options), unrolled(options)], run);
});

test("a second derivative through the gradient of a loop is refused with what to do instead", () => {
  const y = g.sumFeatures(loop({ step: (s) => g.sin(s) }));
  const [ds] = grad(y, [state2]);
  assert.throws(
    () => grad(g.sumFeatures(ds as Tensor), [state2]),
    /scan: expected first derivatives.*grad\(jvp\(f, x, t\), \[x\]\)/,
  );
});

test.run();
