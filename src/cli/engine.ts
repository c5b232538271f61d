/** The native engine, for commands: found, loaded, and ready to open sessions. */
import { loadBinding, type TensorflowBinding } from "../engine/binding.js";
import { type InstalledEngine, requireEngine } from "../engine/installed.js";
import { openNativeSession } from "../engine/native-session.js";
import type { OpenSession } from "../step/program.js";

export interface LoadedEngine {
  readonly installed: InstalledEngine;
  readonly binding: TensorflowBinding;
  readonly open: OpenSession;
}

/** @throws UserError where no engine is set up */
export function loadEngine(): LoadedEngine {
  const installed = requireEngine();
  const binding = loadBinding(installed.bindingPath);
  return { installed, binding, open: (graph) => openNativeSession(binding, graph) };
}

/** As in `TensorFlow 2.21.0 (cpu) on the CPU`. */
export function describeEngine({ installed, binding }: LoadedEngine): string {
  const device = binding.isUsingGpuDevice() ? "the GPU" : "the CPU";
  return `TensorFlow ${binding.TF_Version} (${installed.flavour}) on ${device}`;
}
