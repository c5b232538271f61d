/** The tensors of an ONNX file as variables of a TensorFlow graph, and how they get their values. */
import { inGroups } from "../../archive/array-groups.js";
import { sizeOf } from "../../archive/shape.js";
import type { Session } from "../../engine/session.js";
import { attribute } from "../../graph/attributes.js";
import type { GraphBuilder } from "../../graph/graph-builder.js";
import type { Output } from "../../graph/node-list.js";
import { assign, copy, transpose } from "../../graph/ops.js";
import type { VariableSpec } from "../../model/architecture.js";
import { assignVariables, loadVariables, type VariableGroup } from "../../step/variables.js";
import { type FileTensor, readFloats } from "./read-onnx.js";

interface Variable {
  readonly tensor: FileTensor;
  readonly handle: Output;
  readonly isKernel: boolean;
}

interface Group extends VariableGroup {
  readonly tensors: readonly FileTensor[];
}

const dtype = attribute.type("float32");

// What the engine reads at once. It keeps kernels twice while it turns them.
const largestGroupBytes = 128 * 2 ** 20;

const shapeInFile = ({ tensor }: Variable) => tensor.dims;

// From `[O,I,H,W]` to `[H,W,I,O]`.
const toOutputsLast = [2, 3, 1, 0] as const;

/**
 * Variables of a graph, float32: half-precision values are widened when they are read, which is exact.
 * Kernels of convolutions are turned by the engine, once, to the order in which it takes them.
 */
export class FileVariables {
  private readonly variables: Variable[] = [];
  private readonly groups: Group[] = [];

  /** @param readsFiles whether the engine reads values from files by itself */
  constructor(
    private readonly builder: GraphBuilder,
    private readonly readsFiles: boolean,
  ) {}

  /** The value of a tensor, or of a kernel `[O,I,H,W]` as `[H,W,I,O]`. */
  declare(tensor: FileTensor, isKernel: boolean): Output {
    const { name, dims } = tensor;
    if (isKernel && (dims.length !== 4 || sizeOf(dims) === 0))
      throw new Error(`the kernel '${name}' is of shape [${dims.join()}]`);
    const shape = isKernel ? toOutputsLast.map((axis) => dims[axis]!) : dims;
    const attrs = {
      ...{ dtype, container: attribute.string(""), shared_name: attribute.string(name) },
      shape: attribute.shape(shape),
    };
    const handle = this.builder.one("VarHandleOp", [], attrs, { type: "resource", shape: [] });
    this.variables.push({ tensor, handle, isKernel });
    return this.builder.one("ReadVariableOp", [handle], { dtype }, { type: "float32", shape });
  }

  /** Adds to the graph what `load` runs, when all variables are declared. */
  finish(): void {
    const inFile = this.variables.filter(({ tensor }) => this.isReadByEngine(tensor));
    for (const [i, members] of inGroups(inFile, shapeInFile, largestGroupBytes).entries()) {
      const tensors = members.map(({ tensor }) => tensor);
      const group = { name: `load_${i}`, tensors, members: tensors.map(({ name }) => name) };
      const places = this.builder.placeholder(`${group.name}/places`, "int64", [members.length, 4]);
      const assigned = members.map((variable, row) => {
        const shape = variable.tensor.dims;
        const attrs = { dims: attribute.ints(shape), row: attribute.int(row) };
        const result = { type: "float32", shape } as const;
        const read = this.builder.one("BitReadArray", [places], attrs, result, { device: "cpu" });
        return assign(this.builder, variable.handle, this.turned(variable, read));
      });
      this.builder.fetchable(`${group.name}/done`, this.builder.ints(0), assigned);
      this.groups.push(group);
    }
    for (const variable of this.variables.filter((one) => !inFile.includes(one))) {
      const { name, dims } = variable.tensor;
      const fed = this.builder.placeholder(`${name}/new`, "float32", dims);
      const value = variable.isKernel ? this.turned(variable, fed) : copy(this.builder, fed);
      const after = [assign(this.builder, variable.handle, value)];
      this.builder.fetchable(`${name}/assigned`, this.builder.ints(0), after);
    }
  }

  /**
   * Sets the variables.
   * @param path the file's, for messages
   */
  async load(session: Session, path: string): Promise<void> {
    for (const group of this.groups) {
      const places = group.tensors.map(({ handle, position }) => {
        return { descriptor: handle.fd, position, previousCrc: 0, expectedCrc: undefined };
      });
      await loadVariables(session, group, places);
    }
    await assignVariables(session, this.others(path));
  }

  private async *others(path: string): AsyncGenerator<readonly [VariableSpec, Float32Array]> {
    for (const { tensor } of this.variables) {
      if (this.isReadByEngine(tensor)) continue;
      yield [{ name: tensor.name, shape: tensor.dims }, await readFloats(path, tensor)];
    }
  }

  private isReadByEngine({ type }: FileTensor): boolean {
    return this.readsFiles && type === "float32";
  }

  private turned({ tensor, isKernel }: Variable, value: Output): Output {
    if (!isKernel) return value;
    const shape = toOutputsLast.map((axis) => tensor.dims[axis]!);
    return transpose(this.builder, value, this.builder.ints(toOutputsLast), shape);
  }
}
