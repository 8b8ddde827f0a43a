/**
 * Generates code for the bodies of loops. Records of a body that follow one another and compute lane by lane become one function, which
 * holds what they compute in registers: it reads what comes from outside and writes what others read. Each lane gets the operations of
 * the kernels in their order, so the bits are the same. Records of other ops stay, and kernels run them.
 */
import type { Plan, PlanBody, PlanLoop, PlanRecord, Value } from "../../graph/plan.ts";
import type { Program } from "../../graph/program.ts";
import { bodiesOf } from "../../graph/records.ts";
import type { KernelBuild } from "./kernels-url.ts";
import { type Code, I32, type LaneCode, laneCode, moduleOf, V128, wasm } from "./wasm-bytes.ts";

/** Records that one function computes. */
export interface Run {
  /** The name of the function, which ends with the type as those of kernels do. */
  readonly name: string;
  /** The values whose addresses it reads from its record, in this order. */
  readonly operands: readonly number[];
  /** Numbers that it reads: their address comes first in the record. */
  readonly numbers: Float64Array;
}
/** What a body runs, in order. */
export type Part = PlanRecord | Run;
/** The functions of a program, and the bodies that call them. */
export interface LoopCode {
  readonly module: WebAssembly.Module;
  readonly parts: ReadonlyMap<PlanBody, readonly Part[]>;
}

/** Values of more columns stay with the kernels, whose loops are then long. */
const MOST_COLUMNS = 64;
/** Vectors that one function computes: engines take long over larger functions. */
const MOST_VECTORS = 4000;

type Emit = (...code: readonly (readonly number[])[]) => void;
interface Lanes {
  readonly op: LaneCode;
  readonly emit: Emit;
  /** Pushes a number that is the same in all lanes. */
  readonly number: (x: number) => void;
}
/** Pushes a map of operands, each pushed by one function as often as needed. */
type MapCode = (lanes: Lanes, ...operands: readonly (() => void)[]) => void;

const inOrder =
  (op: Exclude<keyof LaneCode, "bytes" | "splat">): MapCode =>
  (lanes, ...operands) => {
    for (const push of operands) push();
    lanes.emit(lanes.op[op]);
  };
/** Maps that are a few instructions; the formulas are those of assembly/map.ts. */
const maps: Readonly<Record<string, MapCode>> = {
  neg: inOrder("neg"),
  abs: inOrder("abs"),
  sqrt: inOrder("sqrt"),
  floor: inOrder("floor"),
  add: inOrder("add"),
  sub: inOrder("sub"),
  mul: inOrder("mul"),
  div: inOrder("div"),
  maximum: inOrder("max"),
  minimum: inOrder("min"),
  square: (lanes, x) => inOrder("mul")(lanes, x, x),
  /** Condition > 0 ? a : b */
  where: ({ op, emit }, condition, a, b) => {
    a();
    b();
    condition();
    emit(wasm.zeros, op.gt, wasm.select);
  },
  relu: ({ op, emit }, x) => {
    emit(wasm.zeros);
    x();
    x();
    emit(wasm.zeros, op.lt, wasm.select);
  },
  leakyRelu: ({ op, emit, number }, x) => {
    x();
    number(0.01);
    emit(op.mul);
    x();
    x();
    emit(wasm.zeros, op.lt, wasm.select);
  },
  reluGrad: ({ op, emit }, y, g) => {
    g();
    emit(wasm.zeros);
    y();
    emit(wasm.zeros, op.gt, wasm.select);
  },
  leakyReluGrad: ({ op, emit, number }, y, g) => {
    g();
    g();
    number(0.01);
    emit(op.mul);
    y();
    emit(wasm.zeros, op.gt, wasm.select);
  },
  tanhGrad: ({ op, emit, number }, y, g) => {
    g();
    number(1);
    y();
    y();
    emit(op.mul, op.sub, op.mul);
  },
};

/** Whether a record computes lane by lane and has code here. */
function fits({ op, inputs, output }: PlanRecord, values: readonly Value[]): boolean {
  if (!Object.hasOwn(maps, op) && !["combine", "columns", "concat"].includes(op)) return false;
  const { kind, rows, cols, dtype } = values[output];
  if (kind !== "batch" || cols > MOST_COLUMNS) return false;
  return inputs.every((i) => {
    const v = values[i];
    if (v.dtype !== dtype || v.cols > MOST_COLUMNS) return false;
    return v.kind === "batch" ? v.rows === rows : v.rows === 1 && Object.hasOwn(maps, op);
  });
}

/** Whether a function that has already some records may take one more. */
function joins(records: readonly PlanRecord[], { output }: PlanRecord, values: readonly Value[]): boolean {
  const own = values[output];
  const first = values[records[0].output];
  if (first.rows !== own.rows || first.dtype !== own.dtype) return false;
  return records.reduce((n, r) => n + values[r.output].cols, own.cols) <= MOST_VECTORS;
}

/**
 * The first record of a function that writes over what the function has read: 0 if there is none. Each lane would have to lie at the
 * same place in both, as it does in slots that are used again for as many columns.
 */
function overwrites(records: readonly PlanRecord[], writes: ReadonlySet<number>, values: readonly Value[]): number {
  const read: Value[] = [];
  const made = new Set<number>(); // in registers
  const at = records.findIndex(({ inputs, output }) => {
    const own = values[output];
    if (writes.has(output) && read.some((v) => v.at === own.at && v.cols !== own.cols)) return true;
    for (const i of inputs) if (values[i].region === "slot" && !made.has(i)) read.push(values[i]);
    made.add(output);
    return false;
  });
  return Math.max(0, at);
}

/** Writes the function of some records. */
class RunWriter {
  readonly operands: number[] = [];
  readonly numbers: number[] = [];
  private readonly code: number[] = [];
  /** The local that holds a column of a value. */
  private readonly vectors = new Map<string, number>();
  /** The locals that hold the bytes from the start of a value to the current lanes, by its number of columns. */
  private readonly offsets = new Map<number, number>();
  private readonly values: readonly Value[];
  private readonly lanes: Lanes;
  private readonly relaxed: boolean;
  private readonly firstVector: number;
  private readonly rows: number;

  constructor(records: readonly PlanRecord[], values: readonly Value[], relaxed: boolean) {
    const { rows, dtype } = values[records[0].output];
    this.values = values;
    this.relaxed = relaxed;
    this.rows = rows;
    this.lanes = { op: laneCode[dtype], emit: this.emit, number: (x) => this.splat(NUMBERS, this.numberAt(x)) };
    for (const { inputs, output } of records)
      for (const { kind, cols } of [...inputs, output].map((i) => values[i]))
        if (kind === "batch" && !this.offsets.has(cols)) this.offsets.set(cols, GROUPS + 1 + this.offsets.size);
    this.firstVector = GROUPS + 1 + this.offsets.size;
  }

  private readonly emit: Emit = (...code) => {
    for (const part of code) this.code.push(...part);
  };
  /** The offset of a number among those that the function reads. */
  private numberAt(x: number): number {
    const known = this.numbers.findIndex((y) => Object.is(x, y));
    return (known < 0 ? this.numbers.push(x) - 1 : known) * this.lanes.op.bytes;
  }
  /** The word of the record with the address of a value. */
  private wordOf(value: number): number {
    const known = this.operands.indexOf(value);
    return WORDS + (known < 0 ? this.operands.push(value) - 1 : known);
  }
  /** Pushes a number in memory in all lanes, at an address in a word of the record. */
  private splat(word: number, offset: number): void {
    this.emit(wasm.get(RECORD), wasm.load(4 * word), this.lanes.op.splat(offset));
  }
  /** Pushes the address of the current lanes of a value. */
  private address(value: number): void {
    const offset = this.offsets.get(this.values[value].cols) as number;
    this.emit(wasm.get(RECORD), wasm.load(4 * this.wordOf(value)), wasm.get(offset), wasm.add);
  }
  /** Bytes of a column of 8 rows. */
  private get column(): number {
    return 8 * this.lanes.op.bytes;
  }
  private keep(value: number, column: number): number {
    const local = this.firstVector + this.vectors.size;
    this.vectors.set(`${value},${column}`, local);
    return local;
  }
  /** Pushes a column of a value, which is read from memory the first time. */
  private push(value: number, column: number): void {
    const { kind, cols } = this.values[value];
    const c = cols === 1 ? 0 : column;
    const known = this.vectors.get(`${value},${c}`);
    if (known !== undefined) {
      this.emit(wasm.get(known));
      return;
    }
    if (kind === "param") this.splat(this.wordOf(value), c * this.lanes.op.bytes);
    else {
      this.address(value);
      this.emit(wasm.loadVector(c * this.column));
    }
    this.emit(wasm.tee(this.keep(value, c)));
  }

  /** Σ c_j x_j from the left to the right. Products with 1 and −1 are exact, so they need no multiplication. */
  private combine(inputs: readonly number[], coefficients: readonly number[], column: number): void {
    const { op, number } = this.lanes;
    for (const [j, x] of inputs.entries()) {
      const c = coefficients[j];
      const exact = Math.abs(c) === 1;
      if (this.relaxed && j > 0 && !exact) {
        // The sum is on the stack below the factors: it goes last.
        const sum = this.spare();
        this.emit(wasm.set(sum));
        number(c);
        this.push(x, column);
        this.emit(wasm.get(sum), op.fused);
        continue;
      }
      if (!exact) number(c);
      this.push(x, column);
      if (!exact) this.emit(op.mul);
      if (j === 0) {
        if (c === -1) this.emit(op.neg);
      } else this.emit(c === -1 ? op.sub : op.add);
    }
  }
  private spare(): number {
    return this.keep(-1, this.vectors.size);
  }

  /** Computes a record; `writes`: to memory too. */
  record({ op, attrs, inputs, output }: PlanRecord, writes: boolean): void {
    const { cols } = this.values[output];
    let from = 0;
    const sources = op === "concat" ? inputs.flatMap((x) => columnsOf(this.values[x]).map((c) => [x, c] as const)) : [];
    for (let c = 0; c < cols; c++) {
      if (op === "concat") this.push(...sources[from++]);
      else if (op === "columns") {
        const column = (attrs.indices as readonly number[])[c];
        if (column < 0) this.emit(wasm.zeros);
        else this.push(inputs[0], column);
      } else if (op === "combine") this.combine(inputs, attrs.coefficients as readonly number[], c);
      else maps[op](this.lanes, ...inputs.map((x) => () => this.push(x, c)));
      const local = this.keep(output, c);
      this.emit(wasm.set(local));
      if (!writes) continue;
      this.address(output);
      this.emit(wasm.get(local), wasm.storeVector(c * this.column));
    }
  }

  /** The function: for each block of 8 rows, for each group of lanes in it, what the records compute. */
  finish(): Code {
    const { emit, column } = this;
    const body = this.code.splice(0);
    const groups = column / 16;
    emit(wasm.global(0), wasm.constant(this.rows), wasm.mul, wasm.tee(BLOCKS), wasm.isZero, wasm.returnIf);
    emit(wasm.loop, wasm.constant(groups), wasm.set(GROUPS), wasm.loop);
    for (const byte of body) this.code.push(byte);
    const advance = (local: number, by: number): void =>
      emit(wasm.get(local), wasm.constant(by), wasm.add, wasm.set(local));
    const countDown = (local: number): void =>
      emit(wasm.get(local), wasm.constant(1), wasm.sub, wasm.tee(local), wasm.repeatIf, wasm.end);
    for (const local of this.offsets.values()) advance(local, 16);
    countDown(GROUPS);
    for (const [cols, local] of this.offsets) if (cols > 1) advance(local, (cols - 1) * column);
    countDown(BLOCKS);
    const locals = [
      [2 + this.offsets.size, I32],
      [this.vectors.size, V128],
    ] as const;
    return { locals, code: this.code };
  }
}
/** Locals: the address of the record, blocks that are left, groups of lanes that are left in the block. */
const [RECORD, BLOCKS, GROUPS] = [0, 1, 2];
/** Words of a record: opcode, bytes, address of the numbers, then those of the operands. */
const NUMBERS = 2;
const WORDS = 3;
const columnsOf = ({ cols }: Value): number[] => Array.from({ length: cols }, (_, c) => c);

/** The parts of a body; functions go to `functions`. */
function partsOf({ records, results }: PlanBody, plan: Plan, relaxed: boolean, functions: Map<string, Code>): Part[] {
  const { values } = plan;
  const parts: Part[] = [];
  const close = (run: readonly PlanRecord[]): void => {
    if (run.length < 2) {
      parts.push(...run);
      return;
    }
    const own = new Set(run);
    const read = new Set(records.filter((r) => !own.has(r)).flatMap(({ inputs }) => inputs));
    for (const i of results) read.add(i);
    const cut = overwrites(run, read, values);
    if (cut > 0) {
      close(run.slice(0, cut));
      close(run.slice(cut));
      return;
    }
    const writer = new RunWriter(run, values, relaxed);
    for (const r of run) writer.record(r, read.has(r.output));
    const name = `run${functions.size}_${values[run[0].output].dtype}`;
    functions.set(name, writer.finish());
    parts.push({ name, operands: writer.operands, numbers: Float64Array.from(writer.numbers) });
  };
  let run: PlanRecord[] = [];
  for (const r of records) {
    const fit = fits(r, values);
    if (!fit || (run.length > 0 && !joins(run, r, values))) {
      close(run);
      run = [];
    }
    if (fit) run.push(r);
    else parts.push(r);
  }
  close(run);
  return parts;
}

/** Generates and compiles the code of all loops of a program; undefined where kernels run them all. */
export async function loopCode(program: Program, build: KernelBuild, shared: boolean): Promise<LoopCode | undefined> {
  const functions = new Map<string, Code>();
  const parts = new Map<PlanBody, readonly Part[]>();
  const visit = (plan: Plan, loop: PlanLoop): void => {
    for (const { body } of bodiesOf(loop)) {
      parts.set(body, partsOf(body, plan, build === "relaxed", functions));
      for (const r of body.records) if (r.loop) visit(plan, r.loop);
    }
  };
  for (const plan of Object.values(program.plans)) for (const r of plan.records.shard) if (r.loop) visit(plan, r.loop);
  if (functions.size === 0) return undefined;
  return { module: await WebAssembly.compile(moduleOf(functions, shared)), parts };
}
