/** Shader modules and pipelines. Each source, with its constants, is compiled once a device. */
import type { Binding, Kernel } from "../../../shaders/kernel.ts";
import { header } from "../../../shaders/kernel.ts";
import { library } from "../../../shaders/math.wgsl.ts";
import { COMPUTE_STAGE } from "./device.ts";

export interface Pipeline {
  readonly pipeline: GPUComputePipeline;
  readonly layout: GPUBindGroupLayout;
}

/** The source of a kernel's module. `writes` states whether each binding is bound for writing. */
export function moduleText({ code, bindings }: Kernel, writes: readonly boolean[]): string {
  const declare = ({ name, type = "array<f32>" }: Binding, i: number): string =>
    `@group(1) @binding(${i}) var<storage, ${writes[i] ? "read_write" : "read"}> ${name}: ${type};`;
  return [header, ...bindings.map(declare), library(code), code].join("\n");
}

export class Pipelines {
  private readonly device: GPUDevice;
  private readonly modules = new Map<string, GPUShaderModule>();
  private readonly pipelines = new Map<string, Promise<Pipeline>>();
  private readonly layouts = new Map<string, GPUBindGroupLayout>();
  readonly runLayout: GPUBindGroupLayout;

  constructor(device: GPUDevice) {
    this.device = device;
    this.runLayout = device.createBindGroupLayout({
      label: "run",
      entries: [{ binding: 0, visibility: COMPUTE_STAGE, buffer: { type: "uniform", hasDynamicOffset: true } }],
    });
  }

  private layout(writes: readonly boolean[]): GPUBindGroupLayout {
    const key = writes.map(Number).join("");
    const known = this.layouts.get(key);
    if (known) return known;
    const made = this.device.createBindGroupLayout({
      entries: writes.map((write, binding) => ({
        binding,
        visibility: COMPUTE_STAGE,
        buffer: { type: write ? "storage" : "read-only-storage" },
      })),
    });
    this.layouts.set(key, made);
    return made;
  }

  /** @throws with the kernel's name and the compiler's message when the device refuses it. */
  get(kernel: Kernel, writes: readonly boolean[]): Promise<Pipeline> {
    const text = moduleText(kernel, writes);
    const { name, constants = {} } = kernel;
    const key = `${JSON.stringify(constants)}${text}`;
    const known = this.pipelines.get(key);
    if (known) return known;
    let module = this.modules.get(text);
    if (module === undefined) {
      module = this.device.createShaderModule({ label: name, code: text });
      this.modules.set(text, module);
    }
    const layout = this.layout(writes);
    const made = this.device
      .createComputePipelineAsync({
        label: name,
        layout: this.device.createPipelineLayout({ bindGroupLayouts: [this.runLayout, layout] }),
        compute: { module, entryPoint: "main", constants: { ...constants } },
      })
      .then(
        (pipeline) => ({ pipeline, layout }),
        async (error: unknown) => {
          const { messages } = await (module as GPUShaderModule).getCompilationInfo();
          const told = messages.map(({ lineNum, message }) => `line ${lineNum}: ${message}`).join("; ");
          throw new Error(`webgpu: the device refuses kernel "${name}": ${told || String(error)}`);
        },
      );
    made.catch(() => {}); // reported to the caller that awaits it
    this.pipelines.set(key, made);
    return made;
  }
}

const ofDevice = new WeakMap<GPUDevice, Pipelines>();

/** The pipelines of a device, which all executors on it share. */
export function pipelinesOf(device: GPUDevice): Pipelines {
  let known = ofDevice.get(device);
  if (known === undefined) {
    known = new Pipelines(device);
    ofDevice.set(device, known);
  }
  return known;
}
