/**
 * What becomes of a batch's gradients, as a list of transforms: parts of a batch are summed up, a step that
 * would go wrong is guarded, the variables are updated.
 */
import { attribute } from "../graph/attributes.js";
import type { Collectives, WireType } from "../graph/collectives.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Output } from "../graph/node-list.js";
import { assign, assignAdd, fill } from "../graph/ops.js";
import { declareVariable, type GraphVariable } from "./variables.js";

/** An update under way. */
export interface Update {
  /** By every variable, in the variables' order. */
  readonly gradients: readonly Output[];
  /** float32 scalars. */
  readonly learningRate: Output;
  readonly momentum: Output;
  /** What updates each variable, once that is decided. */
  readonly updates: readonly Output[];
  /** What else ends the step. */
  readonly besides: readonly Output[];
}

export type Transform = (update: Update) => Update;

/** Goes through transforms in their order; returns all that the step does. */
export function transformed(start: Update, transforms: readonly Transform[]): readonly Output[] {
  const { updates, besides } = transforms.reduce((update, next) => next(update), start);
  return [...updates, ...besides];
}

/** Transforms that keep something from run to run. */
export interface StatefulTransform {
  readonly state: readonly GraphVariable[];
  /** What sets the state before the first step. */
  readonly initialized: readonly Output[];
}

/** The name under which a variable's momentum lies in a checkpoint. */
function momentumName(variable: string): string {
  return `momentum/${variable}`;
}

/** v = momentum v + g, w = w - lr v, as in PyTorch's SGD. */
export function addMomentumUpdate(
  builder: GraphBuilder,
  variables: readonly GraphVariable[],
): StatefulTransform & { readonly apply: Transform } {
  const velocities = variables.map(({ name, shape }) => {
    return declareVariable(builder, { name: momentumName(name), shape });
  });
  const attrs = {
    T: attribute.type("float32"),
    use_locking: attribute.bool(false),
    use_nesterov: attribute.bool(false),
  };
  return {
    state: velocities,
    initialized: zeroed(builder, velocities),
    apply: (update) => {
      const updates = variables.map(({ handle, read }, i) => {
        const { learningRate, gradients, momentum } = update;
        const inputs = [handle, velocities[i]!.handle, learningRate, gradients[i]!, momentum];
        return builder.add("ResourceApplyMomentum", inputs, attrs, [], { after: [read] })[0];
      });
      return { ...update, updates };
    },
  };
}

/**
 * From this process's gradients to the mean over all processes, the same bits in each.
 * @param wire what they are sent as
 */
export function meanOfRanks(
  collectives: Collectives,
  variables: readonly GraphVariable[],
  wire?: WireType,
): Transform {
  return (update) => {
    const own = update.gradients.map((gradient, i) => ({
      ...gradient,
      shape: variables[i]!.shape,
    }));
    return { ...update, gradients: collectives.means(own, wire) };
  };
}

/** Gradients of a batch's parts, of which the mean is the batch's. */
export interface Accumulation extends StatefulTransform {
  /** Adds this part's share to what was set aside. */
  readonly added: readonly Output[];
  /** From the last part's gradients to the whole batch's. */
  readonly total: Transform;
  /** Lets the next batch begin with nothing, once the variables are updated. */
  readonly clear: Transform;
}

/** @param split number of parts of a batch */
export function addAccumulation(
  builder: GraphBuilder,
  variables: readonly GraphVariable[],
  gradients: readonly Output[],
  split: number,
): Accumulation {
  const accumulators = variables.map(({ name, shape }) => {
    return declareVariable(builder, { name: `accumulated/${name}`, shape });
  });
  const T = { T: attribute.type("float32") };
  const ofPart = builder.constant("float32", [], [1 / split]);
  const parts = gradients.map((gradient) => builder.one("Mul", [gradient, ofPart], T, gradient));
  return {
    state: accumulators,
    initialized: zeroed(builder, accumulators),
    added: accumulators.map(({ handle }, i) => assignAdd(builder, handle, parts[i]!)),
    total: (update) => {
      const sums = accumulators.map(({ read }, i) => {
        return builder.one("AddV2", [read, parts[i]!], T, read);
      });
      return { ...update, gradients: sums };
    },
    clear: (update) => {
      const cleared = accumulators.map(({ handle, shape }, i) => {
        const zeros = fill(builder, "float32", shape, 0);
        return assign(builder, handle, zeros, { after: [update.updates[i]!] });
      });
      return { ...update, updates: cleared };
    },
  };
}

function zeroed(builder: GraphBuilder, variables: readonly GraphVariable[]): Output[] {
  return variables.map(({ handle, shape }) => {
    return assign(builder, handle, fill(builder, "float32", shape, 0));
  });
}
