/** The native engine: found, loaded, and ready to open sessions. */
import { basename } from "node:path";
import type { Graph } from "../graph/graph-builder.js";
import { plainTarget } from "../graph/target.js";
import { loadBinding, type TensorflowBinding } from "./binding.js";
import { narrowTypeLeftOut, readCpuinfo } from "./cpuinfo.js";
import { type Flavour, type InstalledEngine, requireEngine } from "./installed.js";
import { narrowTypeOfCpu, narrowTypeOfGpu } from "./narrow-type.js";
import { engineRemark, kernelsPath, loadKernels } from "./native-kernels.js";
import { openNativeSession } from "./native-session.js";
import { convolutionChoice, ownFloat32, suitsOwnConvolutions } from "./own-kernels.js";
import type { Engine } from "./session.js";
import { loadTensorflow, openTensorflowSession } from "./tensorflow-session.js";
import { tensorflowThreads } from "./thread-count.js";
import { findTiles, tilesChoice } from "./tiles.js";

export interface OpenedEngine extends Engine {
  readonly installed: InstalledEngine;
  readonly binding: TensorflowBinding;
  /** What computes networks; `description` says on which device. */
  readonly computesBy: "TensorFlow" | "XLA";
  /** What the engine lacks, and what to type, in one line for people; undefined where nothing. */
  readonly remark: string | undefined;
}

/**
 * Loads the engine that `bit-setup` prepared, once a thread. Several threads may have it open at once;
 * settings in their environments (`TF_...` and the like) must be the same.
 * @param flavour only this one; else the one that findEngine finds
 * @throws UserError where there is none, another thread has it open with other settings, or `$BIT_TILES`,
 *   `$BIT_NORMALIZATION` or `$BIT_CONVOLUTIONS` is none of its values
 */
export function openEngine(flavour?: Flavour): OpenedEngine {
  const installed = requireEngine(flavour);
  const binding = loadBinding(installed.bindingPath);
  const device = binding.isUsingGpuDevice() ? "GPU" : "CPU";
  const kernels = loadKernels(installed);
  const host = kernels !== undefined;
  // Those of the network are for the CPU.
  const layers = host && device === "CPU";
  const cpuinfo = readCpuinfo();
  const choice = tilesChoice();
  const { normalization } = choice;
  const float32 = ownFloat32(cpuinfo, { convolutions: convolutionChoice(), normalization });
  const tensorflow = loadTensorflow(installed);
  const open = ({ def }: Graph) =>
    tensorflow ? openTensorflowSession(tensorflow, def) : openNativeSession(binding, def);
  return {
    ...{ installed, binding, open, computesBy: "TensorFlow" },
    description: `TensorFlow ${binding.TF_Version} (${installed.flavour}) on the ${device}`,
    remark: engineRemark(installed),
    threads: device === "CPU" ? tensorflowThreads() : undefined,
    version: `${binding.TF_Version} ${host ? basename(kernelsPath(installed)) : "alone"}`,
    target: {
      ...{ device, computeType: "float32" },
      ...(device === "GPU"
        ? { narrowType: () => narrowTypeOfGpu() }
        : {
            narrowType: () => (narrowTypeLeftOut("bfloat16") ? undefined : narrowTypeOfCpu()),
            leftOut: (type: "bfloat16" | "float16") => narrowTypeLeftOut(type),
          }),
      native: {
        ...{ host, layers, convolutions: layers && suitsOwnConvolutions(cpuinfo) },
        float32: layers ? float32 : plainTarget.native.float32,
        tiles: findTiles(layers ? kernels : undefined, choice),
      },
    },
  };
}
