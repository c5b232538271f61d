/** Variables of a graph, which keep their values from run to run. */
import { attribute } from "./attributes.js";
import type { GraphBuilder } from "./graph-builder.js";
import type { Output, ShapedOutput } from "./node-list.js";
import { assign, copy } from "./ops.js";
import type { ElementType } from "./types.js";

/** A variable's handle, which operations on it take, and its value, read once a run. */
export interface VariableNodes {
  readonly handle: Output;
  readonly read: ShapedOutput;
}

/** What a variable is given, and what it keeps of it. */
export interface Intake {
  readonly type: ElementType;
  /** Of a value of the variable's shape what is kept: a new value, not the given one itself. */
  readonly kept: (given: ShapedOutput) => Output;
}

/**
 * Adds a variable. Its name must be new in the graph. A run that feeds `NAME/new` and fetches
 * `NAME/assigned` sets it.
 * @param intake what `NAME/new` is; default: the value itself
 */
export function addVariable(
  builder: GraphBuilder,
  spec: {
    readonly name: string;
    readonly type: ElementType;
    readonly shape: readonly number[];
  },
  intake?: Intake,
): VariableNodes {
  const { name, type, shape } = spec;
  const dtype = { dtype: attribute.type(type) };
  const attrs = {
    ...dtype,
    container: attribute.string(""),
    shared_name: attribute.string(name),
    shape: attribute.shape(shape),
  };
  const handle = builder.one("VarHandleOp", [], attrs, { type: "resource", shape: [] }, { name });
  const spot = { type, shape };
  const read = builder.one("ReadVariableOp", [handle], dtype, spot, { name: `${name}/value` });
  const given = builder.placeholder(`${name}/new`, intake?.type ?? type, shape);
  const value = intake === undefined ? copy(builder, given) : intake.kept({ ...given, shape });
  builder.fetchable(`${name}/assigned`, builder.ints(0), [assign(builder, handle, value)]);
  return { handle, read };
}
