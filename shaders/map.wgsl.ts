/**
 * Elementwise ops, which broadcast rows and columns. A chain of them over one shape is one kernel: each thread computes one entry of
 * every op, and writes only the values that are read elsewhere.
 */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import type { MapName } from "../src/graph/names.ts";
import type { Plan, PlanRecord, Value } from "../src/graph/plan.ts";
import { type Binding, type Kernel, LANES, type Size, tableOf } from "./kernel.ts";

/** Op → expression of its operands. WGSL's own exp, log, sin, cos and tanh are too coarse: see math.wgsl.ts. */
const expressions: Readonly<Record<MapName | "cast" | "detach", (a: string, b: string, c: string) => string>> = {
  cast: (a) => a,
  detach: (a) => a,
  neg: (a) => `-${a}`,
  abs: (a) => `abs(${a})`,
  exp: (a) => `exp32(${a})`,
  log: (a) => `log32(${a})`,
  log1p: (a) => `log1p32(${a})`,
  tanh: (a) => `tanh32(${a})`,
  sin: (a) => `sin32(${a})`,
  cos: (a) => `cos32(${a})`,
  sqrt: (a) => `sqrt32(${a})`,
  square: (a) => `${a} * ${a}`,
  softplus: (a) => `softplus32(${a})`,
  sigmoid: (a) => `sigmoid32(${a})`,
  silu: (a) => `silu32(${a})`,
  relu: (a) => `relu32(${a})`,
  leakyRelu: (a) => `select(${a}, 0.01 * ${a}, ${a} < 0.0)`,
  erf: (a) => `erf32(${a})`,
  probit: (a) => `probit32(${a})`,
  lgamma: (a) => `lgamma32(${a})`,
  digamma: (a) => `digamma32(${a})`,
  trigamma: (a) => `trigamma32(${a})`,
  floor: (a) => `floor(${a})`,
  add: (a, b) => `${a} + ${b}`,
  sub: (a, b) => `${a} - ${b}`,
  mul: (a, b) => `${a} * ${b}`,
  div: (a, b) => `div32(${a}, ${b})`,
  maximum: (a, b) => `maximum32(${a}, ${b})`,
  minimum: (a, b) => `minimum32(${a}, ${b})`,
  atan2: (a, b) => `atan2_32(${a}, ${b})`,
  // From the output y (silu: from the input x) and the cotangent g.
  reluGrad: (y, g) => `select(0.0, ${g}, ${y} > 0.0)`,
  leakyReluGrad: (y, g) => `select(0.01 * ${g}, ${g}, ${y} > 0.0)`,
  tanhGrad: (y, g) => `${g} * (1.0 - ${y} * ${y})`,
  sigmoidGrad: (y, g) => `${g} * (${y} * (1.0 - ${y}))`,
  softplusGrad: (y, g) => `${g} * (1.0 - exp32(-${y}))`,
  siluGrad: (x, g) => `${g} * (sigmoid32(${x}) * (1.0 + ${x} * (1.0 - sigmoid32(${x}))))`,
  where: (c, a, b) => `select(${b}, ${a}, ${c} > 0.0)`,
};

/** Whether an op is elementwise here. */
export const isMap = (op: string): op is keyof typeof expressions => Object.hasOwn(expressions, op);

/** Ops that read other features: they may begin a chain, or join one whose values they do not read. */
export const isGather = (op: string): boolean => op === "columns";

/** How an operand is indexed where the output is `out`. */
function indexOf(x: Value, out: Value): string {
  if (x.kind === "param") {
    if (x.rows === 1 && x.cols === 1) return "0";
    return out.kind === "param" ? "at" : "f";
  }
  return x.cols === 1 && out.cols > 1 ? "n" : "at";
}

/** Entry of another feature of x, by a table; index 2³² − 1 gives 0. */
function gather(indices: readonly number[], value: number, bindings: Binding[]): string {
  const known = bindings.find((binding) => "value" in binding && binding.value === value && !binding.write);
  const x = known?.name ?? `x${bindings.length}`;
  if (known === undefined) bindings.push({ name: x, value });
  const table = `t${bindings.length}`;
  bindings.push({ name: table, type: "array<u32>", table: tableOf(indices) });
  const at = `${x}[${table}[f] * rows + n]`;
  return indices.includes(-1) ? `select(0.0, ${at}, ${table}[f] != 0xffffffffu)` : at;
}

/**
 * One kernel for records whose outputs are of one shape, in order; `kept` are the values that something else reads.
 * Inputs from outside the chain are loaded once.
 */
export function mapKernel(records: readonly PlanRecord[], kept: ReadonlySet<number>, { values }: Plan): Kernel {
  const out = values[records[0].output];
  const bindings: Binding[] = [];
  const lines: string[] = [];
  const names = new Map<number, string>();
  const load = (value: number): string => {
    const known = names.get(value);
    if (known !== undefined) return known;
    const bound = bindings.find((binding) => "value" in binding && binding.value === value && !binding.write);
    const name = bound?.name ?? `x${bindings.length}`;
    if (bound === undefined) bindings.push({ name, value });
    lines.push(`let v${names.size} = ${name}[${indexOf(values[value], out)}];`);
    names.set(value, `v${names.size}`);
    return names.get(value) as string;
  };
  const stores: string[] = [];
  for (const { op, inputs, output, attrs } of records) {
    const expression = isGather(op)
      ? gather(attrs.indices as readonly number[], inputs[0], bindings)
      : expressions[op as MapName](...(inputs.map(load) as [string, string, string]));
    const name = `v${names.size}`;
    lines.push(`let ${name} = ${expression};`);
    names.set(output, name);
    if (!kept.has(output)) continue;
    const target = `y${bindings.length}`;
    bindings.push({ name: target, value: output, write: true });
    stores.push(`${target}[at] = ${name};`);
  }
  const body = [...lines, ...stores].join("\n  ");
  const name = records.map(({ op }) => op).join(" ");
  if (out.kind === "param") {
    const code = wgsl`
override count: u32;
@compute @workgroup_size(${LANES}) fn main(@builtin(global_invocation_id) id: vec3u) {
  let at = id.x;
  if (at >= count) { return; }
  ${body}
}`;
    const count = out.rows * out.cols;
    return { name, code, constants: { count }, bindings, groups: () => [Math.ceil(count / LANES), 1, 1] };
  }
  const code = wgsl`
override tiles: u32;
@compute @workgroup_size(${LANES}) fn main(@builtin(global_invocation_id) id: vec3u) {
  let rows = tiles * run.padded;
  let n = id.x;
  if (n >= rows) { return; }
  let f = id.y;
  let at = f * rows + n;
  ${body}
}`;
  const groups = ({ padded }: Size): [number, number, number] => [Math.ceil((out.rows * padded) / LANES), out.cols, 1];
  return { name, code, constants: { tiles: out.rows }, bindings, groups };
}
