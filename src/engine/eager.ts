/**
 * TF.js's own native backend, `tensorflow`, on the engine that bit-setup made: every operation is
 * computed at once. Training runs a traced graph instead; this is for comparison and for debugging.
 *
 * `@tensorflow/tfjs-node-gpu` looks for its binding inside its own folder as soon as it is imported,
 * so the two files of it that matter are taken one by one. They are untyped to us: the package is
 * optional, and the types below are the part of theirs that is used.
 * Source: tfjs-node src/nodejs_kernel_backend.ts and src/kernels/.
 */
import { createRequire } from "node:module";
import * as tf from "@tensorflow/tfjs";
import { systemErrorCode, UserError } from "../errors.js";
import { reluGradKernel } from "../model/kernel-names.js";
import { loadBinding, type TensorflowBinding } from "./binding.js";

/** The name under which the backend is registered with TF.js; its kernels are registered for it. */
export const eagerBackendName = "tensorflow";

const packageName = "@tensorflow/tfjs-node-gpu";

interface EagerAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: number;
}

interface EagerBackend extends tf.KernelBackend {
  executeSingleOutput(
    op: string,
    attrs: readonly EagerAttribute[],
    inputs: readonly tf.TensorInfo[],
  ): tf.Tensor;
}

interface BackendModule {
  readonly NodeJSKernelBackend: new (
    binding: TensorflowBinding,
    packageName: string,
  ) => EagerBackend;
  createTensorsTypeOpAttr(name: string, type: tf.DataType): EagerAttribute;
}

/**
 * Makes the eager backend TF.js's current one, with the one kernel that the model has and the package
 * lacks: ReluGrad.
 * @param bindingPath the compiled `tfjs_binding.node`
 * @throws UserError where the optional package is not installed
 */
export async function useEagerBackend(bindingPath: string): Promise<void> {
  if (tf.findBackendFactory(eagerBackendName) === null) {
    const { NodeJSKernelBackend, createTensorsTypeOpAttr } = requirePackage();
    const eager = new NodeJSKernelBackend(loadBinding(bindingPath), packageName);
    tf.registerBackend(eagerBackendName, () => eager);
    tf.registerKernel({
      kernelName: reluGradKernel,
      backendName: eagerBackendName,
      kernelFunc: ({ inputs, backend }) => {
        const { dy, y } = inputs as Record<"dy" | "y", tf.TensorInfo>;
        const T = createTensorsTypeOpAttr("T", dy.dtype);
        return (backend as EagerBackend).executeSingleOutput("ReluGrad", [T], [dy, y]);
      },
    });
  }
  await tf.setBackend(eagerBackendName);
}

function requirePackage(): BackendModule {
  const require = createRequire(import.meta.url);
  const util = require("node:util") as Record<string, unknown>;
  // Newer Nodes took these away; the package calls them.
  util["isNullOrUndefined"] ??= (value: unknown) => value === null || value === undefined;
  util["isArray"] ??= Array.isArray;
  try {
    require(`${packageName}/dist/register_all_kernels.js`);
    return require(`${packageName}/dist/nodejs_kernel_backend.js`) as BackendModule;
  } catch (error) {
    if (systemErrorCode(error) !== "MODULE_NOT_FOUND") throw error;
    throw new UserError(
      "the eager backend",
      `the package ${packageName} is not installed`,
      "the optional package that computes TF.js code at once",
      `type: npm install ${packageName} --ignore-scripts`,
      { cause: error },
    );
  }
}
