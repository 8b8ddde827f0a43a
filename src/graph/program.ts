/** A program: a few plans (train, validate, sample, …) over one slab of weights and one of frozen params; plain data. */
import { loopOf } from "./loop-data.ts";
import { layOutSlab, makePlan, type Plan, type Slab } from "./plan.ts";
import { type Tensor, topological } from "./tensor.ts";

/** Plans over shared weights. */
export interface Program {
  readonly weights: Slab;
  readonly frozen: Slab;
  readonly plans: Readonly<Record<string, Plan>>;
  /** Columns of each bank that plans draw rows from. */
  readonly banks: Readonly<Record<string, number>>;
}

/** The graph of one plan. */
export interface PlanRequest {
  /** The caller reads batch outputs row by row, params whole. */
  readonly outputs: Readonly<Record<string, Tensor>>;
  /** Makes the gradients by name that the plan leaves in the gradient slab: `() => gradientsOf(loss)`, of an output. */
  readonly gradients?: () => ReadonlyMap<string, Tensor>;
  /** Rows of the batch, if they are known: shards need not be larger. */
  readonly rows?: number;
}

/** Tiled rows that a shard may hold, so that its tensors stay in cache. */
const SHARD_ROWS = 64;
const SHARD_TILED_ROWS = 256;
/** The same where there are loops, whose many small ops at each step cost as much as 20 rows or more. */
const LOOP_ROWS = 128;

/** The largest multiple of 8 rows within the limits: fixed by the graph, never by the number of threads. */
export function chooseShardRows(maxTiles: number, rows = LOOP_ROWS, loops = false): number {
  const most = Math.min(
    loops ? LOOP_ROWS : SHARD_ROWS,
    Math.floor(SHARD_TILED_ROWS / maxTiles),
    Math.ceil(rows / 8) * 8,
  );
  return Math.max(8, most - (most % 8));
}

/** Most bytes for the tensors of a shard, unless it is one block. */
const SHARD_BYTES = 4_194_304;

/** Shrinks the shard until its tensors fit: those of finite elements may need megabytes for each row. */
function fitShard(plan: Plan): Plan {
  const bytes = plan.slots.reduce((sum, b) => sum + b, 0);
  const most = Math.max(8, Math.floor(SHARD_BYTES / bytes / 8) * 8);
  return most < plan.shardRows ? { ...plan, shardRows: most } : plan;
}

/**
 * Lowers graphs to a program. It is expensive, so it yields before and after each gradient: src/host/yielding.ts runs it.
 * @throws when weights, inputs or banks of one name differ, or a batch tensor depends on a sum over the batch.
 */
export function* compile(requests: Readonly<Record<string, PlanRequest>>): Generator<void, Program> {
  const leaves = topological(Object.values(requests).flatMap((r) => Object.values(r.outputs))).filter(
    (t) => t.op === "param",
  );
  const trained = leaves.filter((t) => !t.attrs.frozen);
  const weights = layOutSlab(trained);
  const frozen = layOutSlab(leaves.filter((t) => t.attrs.frozen));
  const plans: Record<string, Plan> = {};
  const banks: Record<string, number> = {};
  for (const [name, request] of Object.entries(requests)) {
    yield;
    const gradients = request.gradients?.();
    yield;
    const all = topological([...Object.values(request.outputs), ...(gradients?.values() ?? [])]);
    for (const t of all) {
      if (t.op !== "bankRows") continue;
      const bank = t.attrs.bank as string;
      if ((banks[bank] ??= t.cols) !== t.cols)
        throw new Error(`bank "${bank}": expected ${banks[bank]} columns, got ${t.cols}`);
    }
    const maxTiles = Math.max(1, ...all.filter((t) => t.kind === "batch").map((t) => t.rows));
    const shardRows = chooseShardRows(maxTiles, request.rows, all.some(loopOf));
    const spec = { name, outputs: request.outputs, gradients, shardRows, rows: request.rows };
    plans[name] = fitShard(makePlan(spec, weights, frozen));
  }
  return { weights, frozen, plans, banks };
}
