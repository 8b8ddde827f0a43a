/** Moves numbers: the edges of the graph (rows ↔ features), columns, particles. */
import { wgsl } from "wgsl-preprocessor/wgsl-preprocessor.js";
import { type Kernel, LANES, type MakeKernels, operands, overRows, tableOf } from "./kernel.ts";

const entry = wgsl`@compute @workgroup_size(${LANES}) fn main(@builtin(global_invocation_id) id: vec3u)`;

/** Rows from the caller, (rows, F), or fewer if they are repeated; padding repeats the last. */
const input: MakeKernels = (record, plan) => {
  const [out] = operands(record, plan);
  const { name, repeat } = record.attrs as { name: string; repeat: boolean };
  const row = repeat ? "(run.start + i) / run.repeat - run.start / run.repeat" : "i";
  return [
    {
      name: "input",
      code: wgsl`
override cols: u32;
${entry} {
  if (id.x >= run.padded) { return; }
  let i = min(id.x, run.rows - 1u);
  y[id.y * run.padded + id.x] = x[(${row}) * cols + id.y];
}`,
      constants: { cols: out.cols },
      bindings: [
        { name: "x", edge: "input", of: name },
        { name: "y", value: record.output, write: true },
      ],
      groups: overRows(1, out.cols),
    },
  ];
};

/** Rows for the caller, (T·rows, F). */
export const outputKernel = (name: string, value: number, cols: number, tiles: number): Kernel => ({
  name: "output",
  code: wgsl`
override cols: u32;
override tiles: u32;
${entry} {
  let tile = id.x / run.padded;
  let i = id.x % run.padded;
  if (tile >= tiles || i >= run.rows) { return; }
  y[(tile * run.rows + i) * cols + id.y] = x[id.y * tiles * run.padded + id.x];
}`,
  constants: { cols, tiles },
  bindings: [
    { name: "x", value },
    { name: "y", edge: "output", of: name, write: true },
  ],
  groups: overRows(tiles, cols),
});

/** Most inputs of one kernel: with the output, as many buffers as every device allows. */
const MOST_INPUTS = 7;

/** Features are stored one after another, so each input is a range of the output. */
const concat: MakeKernels = (record, plan) => {
  const [out, ...inputs] = operands(record, plan);
  const kernels: Kernel[] = [];
  let first = 0;
  for (let from = 0; from < inputs.length; from += MOST_INPUTS) {
    const part = inputs.slice(from, from + MOST_INPUTS);
    let end = 0;
    const copies = part.map(({ cols }, i) => {
      const begin = end;
      end += cols;
      const test = i === part.length - 1 ? "" : `if (f < ${end}u) `;
      return `${test}{ v = x${i}[(f - ${begin}u) * rows + id.x]; }`;
    });
    kernels.push({
      name: "concat",
      code: wgsl`
override tiles: u32;
override first: u32;
${entry} {
  let rows = tiles * run.padded;
  if (id.x >= rows) { return; }
  let f = id.y;
  var v: f32;
  ${copies.join(" else ")}
  y[(first + f) * rows + id.x] = v;
}`,
      constants: { tiles: out.rows, first },
      bindings: [
        ...part.map((_, i) => ({ name: `x${i}`, value: record.inputs[from + i] })),
        { name: "y", value: record.output, write: true },
      ],
      groups: overRows(out.rows, end),
    });
    first += end;
  }
  return kernels;
};

/** Index 2³² − 1 is none: a column of zeros. */
const columns: MakeKernels = (record, plan) => {
  const [out] = operands(record, plan);
  return [
    {
      name: "columns",
      code: wgsl`
override tiles: u32;
${entry} {
  let rows = tiles * run.padded;
  if (id.x >= rows) { return; }
  let column = indices[id.y];
  var v = 0.0;
  if (column != 0xffffffffu) { v = x[column * rows + id.x]; }
  y[id.y * rows + id.x] = v;
}`,
      constants: { tiles: out.rows },
      bindings: [
        { name: "indices", type: "array<u32>", table: tableOf(record.attrs.indices as readonly number[]) },
        { name: "x", value: record.inputs[0] },
        { name: "y", value: record.output, write: true },
      ],
      groups: overRows(out.rows, out.cols),
    },
  ];
};
const tile: MakeKernels = (record, plan) => {
  const [out] = operands(record, plan);
  return [
    {
      name: "tile",
      code: wgsl`
override tiles: u32;
${entry} {
  let rows = tiles * run.padded;
  if (id.x >= rows) { return; }
  y[id.y * rows + id.x] = x[id.y * run.padded + id.x % run.padded];
}`,
      constants: { tiles: out.rows },
      bindings: [
        { name: "x", value: record.inputs[0] },
        { name: "y", value: record.output, write: true },
      ],
      groups: overRows(out.rows, out.cols),
    },
  ];
};

const sumTiles: MakeKernels = (record, plan) => {
  const [out, x] = operands(record, plan);
  return [
    {
      name: "sumTiles",
      code: wgsl`
override tiles: u32;
${entry} {
  if (id.x >= run.padded) { return; }
  let first = id.y * tiles * run.padded + id.x;
  var sum = x[first];
  for (var t = 1u; t < tiles; t++) { sum += x[first + t * run.padded]; }
  y[id.y * run.padded + id.x] = sum;
}`,
      constants: { tiles: x.rows },
      bindings: [
        { name: "x", value: record.inputs[0] },
        { name: "y", value: record.output, write: true },
      ],
      groups: overRows(1, out.cols),
    },
  ];
};

/** Parts of the features as tiles, or back: tile g · count + p of the parts is part p of group g. */
const moveParts =
  (name: "toTiles" | "fromTiles"): MakeKernels =>
  (record, plan) => {
    const [out, x] = operands(record, plan);
    const [tiles, groups] = name === "toTiles" ? [out, x] : [x, out];
    const part = "((id.x / run.padded % count) * cols + id.y) * groups * run.padded + at";
    const tile = "id.y * groups * count * run.padded + id.x";
    const [to, from] = name === "toTiles" ? [tile, part] : [part, tile];
    return [
      {
        name,
        code: wgsl`
override groups: u32;
override count: u32;
override cols: u32;
${entry} {
  if (id.x >= groups * count * run.padded) { return; }
  let at = id.x / run.padded / count * run.padded + id.x % run.padded;
  y[${to}] = x[${from}];
}`,
        constants: { groups: groups.rows, count: tiles.rows / groups.rows, cols: tiles.cols },
        bindings: [
          { name: "x", value: record.inputs[0] },
          { name: "y", value: record.output, write: true },
        ],
        groups: overRows(tiles.rows, tiles.cols),
      },
    ];
  };

/** 1 for rows of the batch; for padding 1 too, or 0. */
const filled =
  (name: string, value: string): MakeKernels =>
  (record, plan) => {
    const [out] = operands(record, plan);
    return [
      {
        name,
        code: wgsl`
override tiles: u32;
${entry} {
  if (id.x >= tiles * run.padded) { return; }
  y[id.x] = ${value};
}`,
        constants: { tiles: out.rows },
        bindings: [{ name: "y", value: record.output, write: true }],
        groups: overRows(out.rows),
      },
    ];
  };

export const indexKernels = {
  input,
  concat,
  columns,
  tile,
  sumTiles,
  toTiles: moveParts("toTiles"),
  fromTiles: moveParts("fromTiles"),
  ones: filled("ones", "1.0"),
  rowWeight: filled("rowWeight", "select(0.0, 1.0, id.x % run.padded < run.rows)"),
} satisfies Record<string, MakeKernels>;
