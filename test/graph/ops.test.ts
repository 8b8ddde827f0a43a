// Shape rules and their refusals, the simplifier, and plans.
import { test } from "uvu";
import * as assert from "uvu/assert";
import { apply } from "../../src/graph/apply.ts";
import * as g from "../../src/graph/build.ts";
import { grad, gradientsOf } from "../../src/graph/grad.ts";
import { logDet } from "../../src/graph/linear.ts";
import { cost, makePlan, type Plan, printPlan } from "../../src/graph/plan.ts";
import { compile } from "../../src/graph/program.ts";
import { simplify } from "../../src/graph/simplify.ts";
import { type Tensor, topological } from "../../src/graph/tensor.ts";
import { atOnce } from "../../src/host/yielding.ts";
import { batchOf, paramOf, plant, scalarOf } from "../helpers/leaves.ts";
import { generator } from "../helpers/random.ts";
import { runGraph } from "../helpers/run.ts";

const x3 = g.input("x", 3);
const x4 = g.input("z", 4);
const tiles = g.tile(x3, 2);
const w42 = g.weight("w", 4, 2);

// ---- shapes

const refusals: readonly [string, () => Tensor, RegExp][] = [
  [
    "maps refuse shapes that do not broadcast",
    () => g.add(x3, x4),
    /^add: expected shapes that broadcast over rows or columns, got \(B, 3\) and \(B, 4\)$/,
  ],
  [
    "maps refuse different tilings",
    () => g.mul(tiles, x3),
    /^mul: expected shapes that broadcast .*, got \(2B, 3\) and \(B, 3\)$/,
  ],
  [
    "a param of many rows does not broadcast to a batch",
    () => g.add(g.slice(x4, 0, 2), w42),
    /^add: .*, got \(B, 2\) and \(4, 2\)$/,
  ],
  [
    "params broadcast only from (1, 1)",
    () => g.add(w42, g.weight("v", 1, 2)),
    /^add: expected params of one shape, or \(1, 1\), got \(4, 2\) and \(1, 2\)$/,
  ],
  ["a list of numbers must have one for each column", () => g.mul(x3, [1, 2]), /^mul: .*, got \(B, 3\) and \(1, 2\)$/],
  ["types must agree", () => g.add(x3, g.cast(x3, "f64")), /^add: expected one type, got f32, f64; use cast$/],
  ["maps count their operands", () => apply("add", [x3]), /^add: expected 2 inputs, got 1$/],
  ["numbers without a tensor are refused", () => g.add(1, 2), /^add: expected at least one tensor, got numbers only$/],
  [
    "concat refuses different tilings",
    () => g.concat(x3, tiles),
    /^concat: expected batches of one row count, got \(B, 3\) and \(2B, 3\)$/,
  ],
  [
    "columns refuses an index that is out of range",
    () => g.columns(x3, [0, 3]),
    /^columns: expected columns in 0\.\.2, got 3$/,
  ],
  [
    "columns refuses an index that is not whole",
    () => g.columns(x3, [0.5]),
    /^columns: expected columns in 0\.\.2, got 0\.5$/,
  ],
  ["tile takes an untiled batch", () => g.tile(tiles, 2), /^tile: expected an untiled batch \(B, F\), got \(2B, 3\)$/],
  [
    "toTiles takes equal parts of the columns",
    () => g.toTiles(x3, 2),
    /^toTiles: expected a batch whose columns are 2 equal parts, got \(B, 3\)$/,
  ],
  [
    "fromTiles takes groups of tiles",
    () => g.fromTiles(tiles, 3),
    /^fromTiles: expected a batch whose tiles are groups of 3, got /,
  ],
  ["logSumExp takes a batch", () => g.logSumExp(w42), /^logSumExp: expected a batch \(B, F\), got \(4, 2\)$/],
  [
    "dense refuses features that do not match its weights",
    () => g.dense(x4, w42),
    /^dense: expected x \(B, 3\) for weights \(4, 2\), got \(B, 4\)$/,
  ],
  [
    "triMul refuses a triangle that does not match its vectors",
    () => g.triMul(x4, x3),
    /^triMul: expected a packed triangle \(B, n\(n\+1\)\/2\) and vectors \(B, n\), got \(B, 4\) and \(B, 3\)$/,
  ],
  [
    "outerTril refuses two widths",
    () => g.outerTril(x3, x4),
    /^outerTril: expected two batches \(B, n\), got \(B, 3\) and \(B, 4\)$/,
  ],
  [
    "cholesky refuses entries that are no packed triangle",
    () => g.cholesky(x4),
    /^cholesky: expected packed triangles \(B, n\(n\+1\)\/2\), got \(B, 4\)$/,
  ],
  [
    "choleskyGrad refuses a factor and a cotangent of different orders",
    () => g.choleskyGrad(x3, g.input("c", 6)),
    /^choleskyGrad: expected packed triangles \(B, n\(n\+1\)\/2\), got \(B, 3\) and \(B, 6\)$/,
  ],
  [
    "logDet refuses entries that are no packed triangle",
    () => logDet(x4),
    /^triDiagonal: expected packed triangles \(B, n\(n\+1\)\/2\), got \(B, 4\)$/,
  ],
  [
    "splines have 2 to 128 bins",
    () => g.spline(x3, x3, { bins: 1, bound: 3, inverse: false }),
    /^spline: expected 2 to 128 bins, got 1$/,
  ],
  [
    "splines refuse a wrong number of parameters",
    () => g.spline(x3, x4, { bins: 2, bound: 3, inverse: false }),
    /^spline: expected x \(B, D\) and parameters \(B, 15\), got \(B, 3\) and \(B, 4\)$/,
  ],
  [
    "grad refuses an output that is no scalar",
    () => grad(x3, [x3])[0] as Tensor,
    /^grad: expected a scalar \(B, 1\) or \(1, 1\), got \(B, 3\)$/,
  ],
];
for (const [name, build, message] of refusals)
  test(`${name}, and the error says what came`, () => assert.throws(build, message));

test("weights of one name and two shapes are refused", () => {
  const outputs = { y: g.dense(g.dense(x3, w42), g.weight("w", 3, 2)) };
  assert.throws(
    () => atOnce(compile({ p: { outputs } })),
    /weights "w": expected one shape, got \(4, 2\) and \(3, 2\)/,
  );
});

test("inputs or banks of one name and two shapes are refused", () => {
  const other = g.input("x", 2);
  assert.throws(
    () => atOnce(compile({ p: { outputs: { a: g.exp(x3), b: g.exp(other) } } })),
    /plan "p": expected one width, type and repeat for input "x", got two/,
  );
  const banks = { a: g.bankRows("bank", 2, 1), b: g.bankRows("bank", 3, 1) };
  assert.throws(() => atOnce(compile({ p: { outputs: banks } })), /bank "bank": expected 2 columns, got 3/);
});

// ---- simplify

/** A random graph of maps, columns and reductions over two inputs; its last node and how many nodes it has. */
function randomGraph(seed: number, steps: number): Tensor[] {
  const next = generator(seed);
  const nodes: Tensor[] = [g.input("a", 3, { dtype: "f64" }), g.input("b", 3, { dtype: "f64" })];
  const pick = (): Tensor => nodes[Math.floor(next() * nodes.length)];
  const makers: (() => Tensor)[] = [
    () => g.add(pick(), pick()),
    () => g.mul(pick(), g.sin(pick())),
    () => g.add(pick(), 0),
    () => g.mul(1, pick()),
    () => g.sub(pick(), [0, 0, 0]),
    () => g.neg(g.neg(pick())),
    () => g.div(g.detach(pick()), 1),
    () => g.columns(pick(), [2, 0, 1]),
    () => g.columns(pick(), [1, -1, 0]),
    () => g.mul(pick(), g.tanh(g.sumFeatures(pick()))),
    () => g.maximum(pick(), [Number.NEGATIVE_INFINITY, 0, 1]),
    () => g.minimum(pick(), [Number.POSITIVE_INFINITY, 0, 1]),
    () => g.tanh(g.cumsum(pick())),
  ];
  for (let i = 0; i < steps; i++) nodes.push(makers[Math.floor(next() * makers.length)]());
  return nodes;
}

test("simplifying keeps the value of every output and never adds nodes", async () => {
  for (let seed = 0; seed < 12; seed++) {
    const { x0, x1 } = plant([batchOf(3), batchOf(3)], "f64").values(4, seed);
    const inputs = { a: x0, b: x1 };
    const nodes = randomGraph(seed, 25);
    const picked = nodes.slice(-4);
    const simple = simplify(picked);
    assert.ok(topological(simple).length <= topological(picked).length);
    // A plan simplifies by itself, so the plain value is that of every node as an input of the next: one op at a time.
    const known = new Map<Tensor, ArrayLike<number>>();
    for (const node of topological(picked)) {
      if (node.kind === "param") continue;
      const feed: Record<string, Float64Array> = { ...inputs };
      const leaves = node.inputs.map((t, i) => {
        if (t.kind === "param") return t;
        feed[`in${i}`] = known.get(t) as Float64Array;
        return g.input(`in${i}`, t.cols, { dtype: "f64" });
      });
      const { y } = await runGraph({ y: apply(node.op, leaves, node.attrs) }, { rows: 4, inputs: feed });
      known.set(node, y);
    }
    const got = await runGraph(Object.fromEntries(picked.map((t, i) => [`${i}`, t])), { rows: 4, inputs });
    for (const [i, t] of picked.entries()) assert.equal([...got[i]], [...(known.get(t) as Float64Array)]);
  }
});

test("nodes that change nothing are removed, also in chains", () => {
  const shuffled = g.columns(g.columns(g.columns(x3, [2, 0, 1]), [1, 2, 0]), [0, 1, 2]);
  for (const same of [
    g.add(x3, 0),
    g.mul(1, x3),
    g.sub(x3, [0, 0, 0]),
    g.div(x3, 1),
    g.neg(g.neg(x3)),
    g.detach(x3),
    shuffled,
  ]) {
    assert.is(simplify([same])[0], x3, same.op);
  }
});

test("equal nodes become one, and constants that JSON would confuse do not", () => {
  const [a, b] = simplify([g.exp(g.add(x3, 2)), g.exp(g.add(x3, 2))]);
  assert.is(a, b);
  const apart = [Infinity, -Infinity, NaN, 0, -0].map((v) => g.constant(v));
  assert.is(new Set(simplify(apart)).size, apart.length);
  const types = simplify([
    g.constant(1, "f32"),
    g.constant(1, "f64"),
    g.constant([1, 1], "f32"),
    g.constant([1, 1], "f32", 2),
  ]);
  assert.is(new Set(types).size, 4);
});

test("an identity that broadcasts is kept", () => {
  const zeros = g.add(g.sumFeatures(x3), [0, 0, 0]);
  assert.is(simplify([zeros])[0].cols, 3);
});

// ---- plans

const noWeights = { entries: [], bytes: 0 };
const planOf = (outputs: Record<string, Tensor>): Plan =>
  makePlan({ name: "p", outputs, shardRows: 64 }, noWeights, noWeights);

/** Walks the records of a shard: what a slot holds must be what its readers think it holds. */
function checkSlots(plan: Plan): void {
  const holds = new Map<number, number>();
  for (const { inputs, output, op } of plan.records.shard) {
    for (const i of inputs) {
      const v = plan.values[i];
      if (v.region === "slot")
        assert.is(holds.get(v.at), i, `${op} reads value ${i}, but slot ${v.at} was written over`);
    }
    const out = plan.values[output];
    if (out.region !== "slot") continue;
    const width = (out.kind === "batch" ? out.rows : 1) * out.cols * (out.dtype === "f32" ? 4 : 8);
    assert.ok(plan.slots[out.at] >= width, `slot ${out.at} is too small for value ${output}`);
    const shared = inputs.some((i) => plan.values[i].region === "slot" && plan.values[i].at === out.at);
    assert.not(shared, `the output of ${op} shares the slot of an input`);
    holds.set(out.at, output);
  }
  for (const { value } of plan.outputs)
    if (plan.values[value].region === "slot") assert.is(holds.get(plan.values[value].at), value);
}

test("slots are never shared by values that are alive together, nor by an op's input and output", () => {
  let [slots, batches] = [0, 0];
  for (let seed = 0; seed < 30; seed++) {
    const nodes = randomGraph(100 + seed, 60);
    const loss = g.batchSum(g.sumFeatures(nodes[nodes.length - 1]));
    const [da] = grad(loss, [nodes[0]]);
    const outputs: Record<string, Tensor> = { early: nodes[5], last: nodes[nodes.length - 1], loss };
    if (da !== null) outputs.da = da;
    const plan = planOf(outputs);
    checkSlots(plan);
    batches += plan.records.shard.filter((r) => plan.values[r.output].region === "slot").length;
    slots += plan.slots.length;
  }
  assert.ok(slots < batches / 2, `slots are reused: ${slots} slots for ${batches} tensors`);
});

const weightsOf = (sizes: readonly number[]): Tensor[] =>
  sizes.slice(1).map((o, i) => g.weight(`w${i}`, sizes[i] + 1, o));

test("the operations and bytes of a known net are counted", () => {
  const [w0, w1] = weightsOf([3, 10, 2]);
  const { plans } = atOnce(compile({ p: { outputs: { y: g.dense(g.dense(x3, w0, { activation: "tanh" }), w1) } } }));
  const { flops, bytes } = cost(plans.p, 50);
  assert.is(flops, 2 * 50 * (4 * 10 + 11 * 2)); // a multiplication and an addition a weight, biases too
  const inputBytes = 50 * 3;
  assert.is(bytes, 4 * (inputBytes + (inputBytes + 4 * 10 + 50 * 10) + (50 * 10 + 11 * 2 + 50 * 2)));
});

test("a training plan leaves one gradient for each weight in the gradient slab, at the place of the weight", () => {
  const [w0, w1] = weightsOf([3, 10, 2]);
  const y = g.dense(g.dense(x3, w0, { activation: "tanh" }), w1);
  const loss = g.cast(g.batchSum(g.sumFeatures(g.square(y))), "f64");
  const { plans, weights } = atOnce(compile({ train: { outputs: { loss }, gradients: () => gradientsOf(loss) } }));
  const gradients = plans.train.values.filter((v) => v.region === "sums" && v.at < weights.bytes);
  assert.equal(
    gradients.map((v) => v.at).sort((a, b) => a - b),
    weights.entries.map((e) => e.offset),
  );
  assert.ok(weights.entries.every((e) => e.offset % 256 === 0));
  checkSlots(plans.train);
});

test("params from weights are computed before the shards, params from sums after them", () => {
  const scale = g.exp(g.weight("s", 1, 3));
  const loss = g.mul(g.batchSum(g.sumFeatures(g.mul(x3, scale))), 0.5);
  const { records } = atOnce(compile({ p: { outputs: { loss } } })).plans.p;
  assert.equal(
    records.prologue.map((r) => r.op),
    ["exp"],
  );
  assert.equal(
    records.epilogue.map((r) => r.op),
    ["mul"],
  );
  assert.equal(
    records.shard.map((r) => r.op),
    ["input", "mul", "sumFeatures", "batchSum"],
  );
});

test("a batch tensor that depends on a sum over the batch is refused", () => {
  const centred = g.sub(x3, g.batchSum(x3));
  assert.throws(
    () => planOf({ centred }),
    /plan "p": expected sub to depend on rows and weights only, got a sum over the batch/,
  );
  const late = g.mul(x3, g.exp(g.batchSum(x3)));
  assert.throws(() => planOf({ late }), /expected mul to depend on rows and weights only/);
});

test("a plan is plain data: it survives JSON and structured clones", async () => {
  const { leaves, tensors } = plant([batchOf(3), paramOf(4, 2)], "f32");
  const y = g.dense(tensors[0], tensors[1], { activation: "relu" });
  const program = atOnce(compile({ p: { outputs: { y, dx: grad(scalarOf(y, 3), leaves)[0] as Tensor } } }));
  assert.equal(JSON.parse(JSON.stringify(program)), program);
  assert.equal(structuredClone(program), program);
});

test("a plan prints one line for each record", () => {
  const text = printPlan(atOnce(compile({ p: { outputs: { y: g.dense(x3, w42, { activation: "relu" }) } } })).plans.p);
  assert.match(text, /^plan p: shards of \d+ rows, 2 slots, 20 bytes a row/);
  assert.match(text, /= input\(\) \{.*"name":"x".*\} {2}\(B, 3\) f32/);
  assert.match(text, /= dense\(%0\[slot 0\], %1\[weights 0\]\) \{"bias":true,"activation":"relu"\} {2}\(B, 2\) f32/);
  assert.match(text, /output y = %2\[slot 1\]$/);
});

test("shards are multiples of eight rows, smaller with more particles, and never larger than the batch needs", () => {
  const shard = (x: Tensor, rows?: number): number =>
    atOnce(compile({ p: { outputs: { x }, rows } })).plans.p.shardRows;
  assert.equal([shard(x3), shard(x3, 1), shard(x3, 20), shard(x3, 1000)], [64, 8, 24, 64]);
  assert.equal([shard(g.tile(x3, 5)), shard(g.tile(x3, 32)), shard(g.tile(x3, 100))], [48, 8, 8]);
});

test.run();
