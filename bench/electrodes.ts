/**
 * `npm run bench electrodes`: data of a tank with 32 electrodes, 15 independent injections, about 1000 nodes, in f64 on one core, and
 * their gradient by the conductivities; the same by SciPy (factor and solves, one sample at a time), where Python has it. Processor
 * time, the least of several runs; data and gradients of both are compared first.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { createWasm } from "../src/backends/wasm/executor.ts";
import { hostRunsRelaxed } from "../src/backends/wasm/kernels.ts";
import { arcsOf } from "../src/fem/electrode-places.ts";
import { readingsOf } from "../src/fem/electrode-readings.ts";
import { type Electrodes, electrodes } from "../src/fem/electrodes.ts";
import { tank } from "../src/fem/tank.ts";
import { assembleTerminals } from "../src/fem/terminals.ts";
import { batchSum, input, sumFeatures } from "../src/graph/build.ts";
import { mul, square } from "../src/graph/elementwise.ts";
import { grad } from "../src/graph/grad.ts";
import { compile } from "../src/graph/program.ts";
import type { Tensor } from "../src/graph/tensor.ts";
import { atOnce } from "../src/host/yielding.ts";
import { timesVector } from "../src/sparse/matrix.ts";
import { machine, relative } from "./driver.ts";

const IMPEDANCE = 1e-3;
const SAMPLES = 160;

interface Scipy {
  readonly version: string;
  readonly data: number[];
  readonly gradient: number[];
  readonly ms: { readonly data: number; readonly gradient: number };
}

/** The same system through SciPy; null where no Python has it. */
function scipy(model: Electrodes, sigma: Float64Array): Scipy | null {
  const { mesh, L, E, currents, readings, pattern } = model;
  const arcs = arcsOf(mesh, undefined);
  const body = assembleTerminals(mesh, "complete", arcs, []);
  const maps = readingsOf(body, { L, currents, readings, measureActive: true, reference: "mean" });
  const [n, K, first] = [body.n, maps.R, (body.n - body.last) * maps.R];
  const load = new Float64Array(n * K);
  load.set(maps.load, first);
  const contacts = timesVector(
    body.contact as NonNullable<typeof body.contact>,
    new Float64Array(L).fill(1 / IMPEDANCE),
  );
  const { start, index, value } = maps.ofData;
  const samples = 20;
  const folder = mkdtempSync(path.join(tmpdir(), "electrodes-"));
  try {
    const meta = { n, E, K, M: model.M, samples, entries: pattern.rows.length };
    writeFileSync(path.join(folder, "meta.json"), JSON.stringify(meta));
    const arrays: Record<string, Float64Array | Int32Array> = {
      ...{ value: body.stiffness.value, index: body.stiffness.index, start: body.stiffness.start },
      ...{ contacts, rows: pattern.rows, cols: pattern.cols, load },
      ...{ rvalue: value, rindex: index.map((i) => i + first), rstart: start },
      sigma: sigma.subarray(0, samples * E),
    };
    for (const [name, array] of Object.entries(arrays)) writeFileSync(path.join(folder, name), array);
    const script = fileURLToPath(new URL("fem/electrodes.py", import.meta.url));
    const env = { ...process.env, OMP_NUM_THREADS: "1", OPENBLAS_NUM_THREADS: "1" };
    for (const python of ["/usr/bin/python3", "python3"]) {
      const { status, stdout } = spawnSync(python, [script, folder], { env, encoding: "utf8", maxBuffer: 1 << 28 });
      if (status === 0) return JSON.parse(stdout) as Scipy;
    }
    return null;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

export async function electrodesBench(): Promise<void> {
  console.log(machine());
  const mesh = tank({ electrodes: 32, edges: 3, size: 0.08, halvings: 0 });
  const chain = (count: number, step: number): [number, number][] =>
    Array.from({ length: count }, (_, i) => [step * i, step * (i + 1)]);
  const model = electrodes({
    mesh,
    impedance: IMPEDANCE,
    inject: { pairs: chain(15, 2) },
    measure: { pairs: chain(31, 1) },
  });
  console.log(`${model.N} nodes, ${model.pattern.symbolic.entries} entries of the factor, ${model.M} data`);
  const a = input("a", model.E, { dtype: "f64" });
  const u = model.observe(a);
  const [g] = grad(mul(batchSum(sumFeatures(square(u))), 0.5), [a]) as [Tensor];
  const program = atOnce(compile({ data: { outputs: { u } }, gradient: { outputs: { g } } }));
  const sigma = Float64Array.from({ length: SAMPLES * model.E }, (_, i) => 1 + (i % 7) / 7);
  const inputs = { a: sigma };
  const theirs = scipy(model, sigma);
  for (const build of hostRunsRelaxed() ? (["plain", "relaxed"] as const) : (["plain"] as const)) {
    const executor = await createWasm(program, { build });
    if (theirs !== null) {
      const data = (await executor.run("data", { rows: SAMPLES, inputs })).u;
      const gradient = (await executor.run("gradient", { rows: SAMPLES, inputs })).g;
      relative("data", data.subarray(0, theirs.data.length), theirs.data, 1e-9);
      relative("gradient", gradient.subarray(0, model.E), theirs.gradient, 1e-9);
    }
    for (const plan of ["data", "gradient"] as const) {
      let least = Infinity;
      for (let k = 0; k < 6; k++) {
        const [from, started] = [process.cpuUsage().user, performance.now()];
        let runs = 0; // the clock of processor time is coarse
        do {
          await executor.run(plan, { rows: SAMPLES, inputs });
          runs++;
        } while (performance.now() - started < 300);
        if (k > 0) least = Math.min(least, (process.cpuUsage().user - from) / 1000 / (SAMPLES * runs));
      }
      const beside =
        theirs &&
        `; SciPy ${theirs.version} ${theirs.ms[plan].toFixed(2)} ms, ${(theirs.ms[plan] / least).toFixed(0)}×`;
      console.log(`${plan}, ${build}: ${least.toFixed(3)} ms a sample${beside ?? "; no SciPy"}`);
    }
    executor.dispose();
  }
}
