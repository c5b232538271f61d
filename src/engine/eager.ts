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
import { UserError } from "../errors.js";
import { type ConvAttrs, convGeometry, type Shape4D } from "../graph/image-kernels.js";
import type { AttrValue } from "../graph/proto.js";
import { loadBinding, type TensorflowBinding } from "./binding.js";

/** The name under which the backend is registered with TF.js; its kernels are registered for it. */
export const eagerBackendName = "tensorflow";

const packageName = "@tensorflow/tfjs-node-gpu";

/** The binding's numbers for kinds of attributes. */
interface EagerBinding extends TensorflowBinding {
  readonly TF_ATTR_STRING: number;
  readonly TF_ATTR_INT: number;
  readonly TF_ATTR_BOOL: number;
  readonly TF_ATTR_TYPE: number;
  readonly TF_FLOAT: number;
}

interface EagerAttribute {
  readonly name: string;
  readonly type: number;
  readonly value: string | number | boolean | readonly number[];
}

interface EagerBackend extends tf.KernelBackend {
  readonly binding: EagerBinding;
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
}

/**
 * Makes the eager backend TF.js's current one, and registers what the model needs beyond the
 * package's kernels: ReluGrad, and convolutions padded by a number, with gradients.
 * @param bindingPath the compiled `tfjs_binding.node`
 * @throws UserError where the optional package is not installed
 */
export async function useEagerBackend(bindingPath: string): Promise<void> {
  if (tf.findBackendFactory(eagerBackendName) === null) {
    const { NodeJSKernelBackend } = requirePackage();
    const backend = new NodeJSKernelBackend(loadBinding(bindingPath), packageName);
    tf.registerBackend(eagerBackendName, () => backend);
    registerMissingKernels();
  }
  await tf.setBackend(eagerBackendName);
}

function requirePackage(): BackendModule {
  const require = createRequire(import.meta.url);
  const util = require("node:util") as Record<string, unknown>;
  // Node 23 took these away; the package calls them.
  util["isNullOrUndefined"] ??= (value: unknown) => value === null || value === undefined;
  util["isArray"] ??= Array.isArray;
  try {
    require(`${packageName}/dist/register_all_kernels.js`);
    return require(`${packageName}/dist/nodejs_kernel_backend.js`) as BackendModule;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "MODULE_NOT_FOUND") throw error;
    throw new UserError(
      "the eager backend",
      `the package ${packageName} is not installed`,
      "the optional package that computes TF.js code at once",
      `type: npm install ${packageName} --ignore-scripts`,
      { cause: error },
    );
  }
}

/** Computes what a kernel does. `inputs` and `attrs` are those of TF.js's kernel. */
type EagerKernel<Attrs> = (
  backend: EagerBackend,
  inputs: Readonly<Record<string, tf.TensorInfo>>,
  attrs: Attrs,
) => tf.TensorInfo;

function register<Attrs>(kernelName: string, compute: EagerKernel<Attrs>): void {
  tf.registerKernel({
    kernelName,
    backendName: eagerBackendName,
    kernelFunc: ({ inputs, attrs, backend }) => {
      const named = inputs as Readonly<Record<string, tf.TensorInfo>>;
      return compute(backend as EagerBackend, named, attrs as Attrs);
    },
  });
}

/** Takes the place of a kernel where the padding is a number; the package's goes on for the rest. */
function registerPadded<Attrs extends ConvAttrs>(name: string, compute: EagerKernel<Attrs>): void {
  const stock = tf.getKernel(name, eagerBackendName);
  tf.unregisterKernel(name, eagerBackendName);
  tf.registerKernel({
    ...stock,
    kernelFunc: (call) => {
      const attrs = call.attrs as unknown as Attrs;
      if (typeof attrs.pad !== "number") return stock.kernelFunc(call);
      const named = call.inputs as Readonly<Record<string, tf.TensorInfo>>;
      return compute(call.backend as EagerBackend, named, attrs);
    },
  });
}

function registerMissingKernels(): void {
  register("ReluGrad", (backend, { dy, y }) => execute(backend, "ReluGrad", {}, [dy!, y!]));

  registerPadded("Conv2D", (backend, inputs, attrs) => {
    const { x, filter } = inputs as Record<"x" | "filter", tf.TensorInfo>;
    const conv = convGeometry(x.shape, filter.shape, attrs);
    return execute(backend, "Conv2D", conv.attrs, [x, filter]);
  });

  type InputAttrs = ConvAttrs & { readonly inputShape: Shape4D };
  registerPadded<InputAttrs>("Conv2DBackpropInput", (backend, inputs, attrs) => {
    const { dy, filter } = inputs as Record<"dy" | "filter", tf.TensorInfo>;
    const conv = convGeometry(attrs.inputShape, filter.shape, attrs);
    return withShape(attrs.inputShape, (shape) => {
      return execute(backend, "Conv2DBackpropInput", conv.attrs, [shape, filter, dy]);
    });
  });

  type FilterAttrs = ConvAttrs & { readonly filterShape: Shape4D };
  registerPadded<FilterAttrs>("Conv2DBackpropFilter", (backend, inputs, attrs) => {
    const { x, dy } = inputs as Record<"x" | "dy", tf.TensorInfo>;
    const conv = convGeometry(x.shape, attrs.filterShape, attrs);
    return withShape(attrs.filterShape, (shape) => {
      return execute(backend, "Conv2DBackpropFilter", conv.attrs, [x, shape, dy]);
    });
  });
}

/** Runs one operation on float32 tensors. */
function execute(
  backend: EagerBackend,
  op: string,
  attrs: Readonly<Record<string, AttrValue>>,
  inputs: readonly tf.TensorInfo[],
): tf.TensorInfo {
  const { binding } = backend;
  const T = { name: "T", type: binding.TF_ATTR_TYPE, value: binding.TF_FLOAT };
  const others = Object.entries(attrs).flatMap(([name, value]) => eager(binding, name, value));
  return backend.executeSingleOutput(op, [T, ...others], inputs);
}

/** A shape as an int32 tensor, for as long as `use` runs. */
function withShape(shape: readonly number[], use: (tensor: tf.TensorInfo) => tf.TensorInfo) {
  const tensor = tf.tensor1d([...shape], "int32");
  try {
    return use(tensor);
  } finally {
    tensor.dispose();
  }
}

/** A graph's attribute as the binding wants it; an empty list is every attribute's default. */
function eager(binding: EagerBinding, name: string, attr: AttrValue): EagerAttribute[] {
  if (attr.s !== undefined)
    return [{ name, type: binding.TF_ATTR_STRING, value: new TextDecoder().decode(attr.s) }];
  if (attr.b !== undefined) return [{ name, type: binding.TF_ATTR_BOOL, value: attr.b }];
  if (attr.i !== undefined) return [{ name, type: binding.TF_ATTR_INT, value: attr.i }];
  const ints = attr.list?.i;
  if (ints === undefined) throw new Error(`attribute ${name} is of a kind not handled here`);
  return ints.length === 0 ? [] : [{ name, type: binding.TF_ATTR_INT, value: ints }];
}
