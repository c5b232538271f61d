/** The native engine: found, loaded, and ready to open sessions. */
import { basename } from "node:path";
import type { GraphDef } from "../graph/proto.js";
import { loadBinding, type TensorflowBinding } from "./binding.js";
import { type InstalledEngine, requireEngine } from "./installed.js";
import { narrowTypeOfCpu, narrowTypeOfGpu, suitsOwnConvolutions } from "./narrow-type.js";
import { kernelsPath, loadKernels } from "./native-kernels.js";
import { openNativeSession } from "./native-session.js";
import type { Engine } from "./session.js";

export interface OpenedEngine extends Engine {
  readonly installed: InstalledEngine;
  readonly binding: TensorflowBinding;
}

/**
 * Loads the engine that `bit-setup` prepared, once a process.
 * @throws UserError where there is none
 */
export function openEngine(): OpenedEngine {
  const installed = requireEngine();
  const binding = loadBinding(installed.bindingPath);
  const device = binding.isUsingGpuDevice() ? "GPU" : "CPU";
  const kernels = loadKernels(installed);
  const fused = kernels && device === "CPU";
  const open = (graph: GraphDef) => openNativeSession(binding, graph);
  return {
    ...{ installed, binding, device, kernels, fused, open },
    version: `${binding.TF_Version} ${kernels ? basename(kernelsPath(installed)) : "alone"}`,
    ownConvolutions: fused && suitsOwnConvolutions(),
    // Asked only where nobody chose a precision: a GPU's driver takes its time to answer.
    get narrowType() {
      return device === "GPU" ? narrowTypeOfGpu() : narrowTypeOfCpu();
    },
  };
}

/** As in `TensorFlow 2.21.0 (cpu) on the CPU`. */
export function describeEngine({ installed, binding, device }: OpenedEngine): string {
  return `TensorFlow ${binding.TF_Version} (${installed.flavour}) on the ${device}`;
}
