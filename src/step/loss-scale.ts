/**
 * Dynamic loss scaling for float16: the loss is multiplied so that small gradients do not vanish; a
 * step whose gradients are not finite changes nothing but the factor.
 * Source: Micikevicius et al., arXiv 1710.03740, section 3.2; the constants are PyTorch GradScaler's.
 */
import { attribute } from "../graph/attributes.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Output } from "../graph/node-list.js";
import { assign } from "../graph/ops.js";
import { lossScalePrefix } from "../model/checkpoint.js";
import type { StatefulTransform, Transform } from "./update.js";
import { declareVariable } from "./variables.js";

const firstScale = 65536;
/** Finite steps in a row after which the factor is doubled. */
export const growthInterval = 2000;

export interface LossScale extends StatefulTransform {
  /** float32 scalar, a power of two. */
  readonly value: Output;
  /**
   * Makes an update do nothing where a gradient is not finite: learning rate 0, momentum 1 and gradients 0
   * keep variables and momentum as they are. Besides, it decides the next step's factor.
   */
  readonly guard: Transform;
}

const T = { T: attribute.type("float32") };
const float = { type: "float32", shape: [] } as const;

/** Adds the factor and its state, named `loss_scale/...`, to a graph. */
export function addLossScale(builder: GraphBuilder): LossScale {
  const value = declareVariable(builder, { name: `${lossScalePrefix}value`, shape: [] });
  const steps = declareVariable(builder, { name: `${lossScalePrefix}finite_steps`, shape: [] });
  const constant = (number: number) => builder.constant("float32", [], [number]);
  const binary = (op: string, a: Output, b: Output) => builder.one(op, [a, b], T, float);
  const select = (condition: Output, a: Output, b: Output) => {
    return builder.one("SelectV2", [condition, a, b], T, a);
  };
  return {
    value: value.read,
    state: [value, steps],
    initialized: [
      assign(builder, value.handle, constant(firstScale)),
      assign(builder, steps.handle, constant(0)),
    ],
    guard: (update) => {
      const { gradients, learningRate, momentum } = update;
      // Half the sum of squares: finite where every value is, but for squares beyond float32.
      const squares = gradients.map((gradient) => builder.one("L2Loss", [gradient], T, float));
      const total = builder.one("AddN", squares, { ...T, N: attribute.int(squares.length) }, float);
      const finite = builder.one("IsFinite", [total], T, { type: "bool", shape: [] });
      const counted = binary("AddV2", steps.read, constant(1));
      const grown = builder.one(
        "GreaterEqual",
        [counted, constant(growthInterval)],
        { ...T },
        { type: "bool", shape: [] },
      );
      const doubled = select(grown, binary("Mul", value.read, constant(2)), value.read);
      const halved = binary("Maximum", binary("Mul", value.read, constant(0.5)), constant(1));
      const kept = select(grown, constant(0), counted);
      return {
        ...update,
        gradients: gradients.map((gradient) => select(finite, gradient, constant(0))),
        learningRate: select(finite, learningRate, constant(0)),
        momentum: select(finite, momentum, constant(1)),
        besides: [
          assign(builder, value.handle, select(finite, doubled, halved)),
          assign(builder, steps.handle, select(finite, kept, constant(0))),
        ],
      };
    },
  };
}
