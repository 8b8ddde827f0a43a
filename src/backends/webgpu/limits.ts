/** How many rows of a plan fit one call, from the limits of the device on buffers and dispatches. */
import { align, type Plan } from "../../graph/plan.ts";
import type { Schedule } from "./schedule.ts";

/** The rows of a tile are a multiple of this. */
const BLOCK = 8;
/** Bytes that the tensors of one call may take, where a run can be cut into calls. */
const CALL_BYTES = 268_435_456;

export const padded = (rows: number): number => align(rows, BLOCK);

/** Bytes of a row in all buffers of a plan, and in the largest. */
function bytesOfRow({ slots, inputs, outputs, values }: Plan): { all: number; largest: number } {
  const batches = outputs.map(({ value }) => values[value]).filter(({ kind }) => kind === "batch");
  const sizes = [...slots, ...inputs.map(({ cols }) => 4 * cols), ...batches.map(({ rows, cols }) => 4 * rows * cols)];
  return { all: sizes.reduce((a, b) => a + b, 0), largest: Math.max(4, ...sizes) };
}

/** Bytes of the largest buffer that a kernel may be bound to. */
const bufferLimit = ({ limits }: GPUDevice): number =>
  Math.min(limits.maxStorageBufferBindingSize, limits.maxBufferSize);

/** Rows to count the work-groups of. */
const MANY = 1 << 20;

/** The most rows of a plan that fit a device, by its largest buffer and its most work-groups in one direction. */
function mostRows({ plan, prologue, shard, epilogue, outputs }: Schedule, device: GPUDevice): number {
  const { maxComputeWorkgroupsPerDimension: limit } = device.limits;
  const groups = [prologue, shard, epilogue, outputs].flat().map((kernel) => kernel.groups({ padded: MANY })[0]);
  return Math.min(bufferLimit(device) / bytesOfRow(plan).largest, (MANY * limit) / Math.max(1, ...groups));
}

const wholeBlocks = (rows: number): number => Math.floor(rows / BLOCK) * BLOCK;

/** Rows of one call, a multiple of a block. */
export function callRows(schedule: Schedule, device: GPUDevice): number {
  const { all } = bytesOfRow(schedule.plan);
  return Math.max(BLOCK, wholeBlocks(Math.min(CALL_BYTES / Math.max(1, all), mostRows(schedule, device))));
}

/** @throws when a batch that cannot be cut does not fit. */
export function refuseTooLarge(schedule: Schedule, rows: number, device: GPUDevice): void {
  const most = wholeBlocks(mostRows(schedule, device));
  if (rows <= most) return;
  throw new Error(
    `webgpu: expected plan "${schedule.plan.name}" to fit the adapter (buffers of ${bufferLimit(device)} bytes, ${device.limits.maxComputeWorkgroupsPerDimension} work-groups), got ${rows} rows; take ${most} rows or fewer, or backend "wasm"`,
  );
}
