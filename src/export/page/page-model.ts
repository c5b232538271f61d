/** What a page knows of its model: JSON within it. Free of Node, since browsers read it too. */
import type { ResizeMethod } from "../../input/resize-method.js";
import type { InferenceGraph } from "../inference-graph.js";

/** What people are told of a model. */
export interface PageSubject {
  /** As in `BiT-M-R50x1`. */
  readonly model: string;
  readonly classes: number;
  /** What its outputs mean; absent where nobody says. */
  readonly classNames?: readonly string[];
  /** The side to which photos are squashed; absent where each photo's own size decides. */
  readonly size?: number;
  /** What else there is to tell, in plain words: a heading and a text each. */
  readonly details: readonly (readonly [heading: string, text: string])[];
}

/** A page's own model. Its weights are stored in float16, in the order of `graph.weights`. */
export interface PageModel extends PageSubject {
  /** The version of this description. */
  readonly version: 1;
  readonly size: number;
  readonly resize: ResizeMethod;
  readonly graph: InferenceGraph;
}

/** What a class is called. */
export function className(names: readonly string[] | undefined, index: number): string {
  return names?.[index] ?? `class ${index}`;
}
