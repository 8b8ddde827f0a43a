/** How many rows of a plan fit a call: what a device gives to one buffer, and what is asked of it at once. */
import { align, type Plan } from "../../graph/plan.ts";

/** Rows of a tile are a multiple of this. */
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

/** Rows of one call, a multiple of a block. */
export function callRows(plan: Plan, device: GPUDevice): number {
  const { all, largest } = bytesOfRow(plan);
  const most = Math.min(CALL_BYTES / Math.max(1, all), bufferLimit(device) / largest);
  return Math.max(BLOCK, Math.floor(most / BLOCK) * BLOCK);
}

/** @throws when a batch that cannot be cut does not fit. */
export function refuseTooLarge(plan: Plan, rows: number, device: GPUDevice): void {
  const { largest } = bytesOfRow(plan);
  const limit = bufferLimit(device);
  if (rows * largest <= limit) return;
  throw new Error(
    `webgpu: expected plan "${plan.name}" to fit buffers of ${limit} bytes, got ${rows * largest} bytes for ${rows} rows; take ${Math.floor(limit / largest)} rows or fewer, or backend "wasm"`,
  );
}
