/** The native engine: found, loaded, and ready to open sessions. */
import type { GraphDef } from "../graph/proto.js";
import { loadBinding, type TensorflowBinding } from "./binding.js";
import { type InstalledEngine, requireEngine } from "./installed.js";
import { openNativeSession } from "./native-session.js";
import type { Session } from "./session.js";

export interface OpenedEngine {
  readonly installed: InstalledEngine;
  readonly binding: TensorflowBinding;
  /** Opens a session of its own on a graph. */
  readonly open: (graph: GraphDef) => Session;
}

/**
 * Loads the engine that `bit-setup` prepared, once a process.
 * @throws UserError where there is none
 */
export function openEngine(): OpenedEngine {
  const installed = requireEngine();
  const binding = loadBinding(installed.bindingPath);
  return { installed, binding, open: (graph) => openNativeSession(binding, graph) };
}

/** As in `TensorFlow 2.21.0 (cpu) on the CPU`. */
export function describeEngine({ installed, binding }: OpenedEngine): string {
  const device = binding.isUsingGpuDevice() ? "the GPU" : "the CPU";
  return `TensorFlow ${binding.TF_Version} (${installed.flavour}) on ${device}`;
}
