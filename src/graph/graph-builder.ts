/** Writes a TensorFlow graph node by node: no native library is needed for it. */
import { attribute } from "./attributes.js";
import type { FunctionBuilder } from "./function-builder.js";
import { fuseAdditions } from "./fuse-additions.js";
import { fuseNormalization } from "./fuse-normalization.js";
import { type GraphNode, NodeList, type Output, type OutputSpec } from "./node-list.js";
import { packKernels } from "./pack-kernels.js";
import type { FunctionDef, GraphDef } from "./proto.js";
import type { ElementType } from "./types.js";

// 1087 is what TensorFlow 2.9 writes; 2.21 accepts it, and 2.9.1 is the oldest runtime we load.
const producer = 1087;

/** A graph as it was written, for those who run it: TensorFlow, or a compiler. */
export interface Graph {
  /** In TensorFlow's own form. */
  readonly def: GraphDef;
  /** The same nodes with types and shapes, inputs before users, before any node was fused into another. */
  readonly nodes: readonly GraphNode[];
}

export class GraphBuilder extends NodeList {
  private readonly functions: FunctionDef[] = [];
  private readonly fed = new Map<string, OutputSpec>();
  private readonly fetched = new Map<string, OutputSpec>();

  /** What runs feed so far, by name. */
  get feeds(): ReadonlyMap<string, OutputSpec> {
    return this.fed;
  }

  /** What runs may fetch so far, by name. */
  get fetches(): ReadonlyMap<string, OutputSpec> {
    return this.fetched;
  }

  protected override reference(output: Output): string {
    return output.index === 0 ? output.node : `${output.node}:${output.index}`;
  }

  /** A value that every run feeds. `name` is what the session's `run` calls it. */
  placeholder(name: string, type: ElementType, shape: readonly number[] | undefined): Output {
    const attrs = { dtype: attribute.type(type), shape: attribute.shape(shape) };
    const made = this.one("Placeholder", [], attrs, { type, shape }, { name });
    if (made.node !== name) throw new Error(`two nodes of the graph are called ${name}`);
    this.fed.set(name, { type, shape });
    return made;
  }

  /**
   * A value that a run may fetch by `name`.
   * @param after what a run that fetches it does besides
   */
  fetchable(name: string, value: Output, after: readonly Output[] = []): Output {
    const attrs = { T: attribute.type(value.type) };
    const made = this.one("Identity", [value], attrs, value, { name, after });
    if (made.node !== name) throw new Error(`two nodes of the graph are called ${name}`);
    this.fetched.set(name, { type: value.type, shape: value.shape });
    return made;
  }

  /** Puts a function into the graph's library, where attributes name it. */
  define(definition: FunctionBuilder): void {
    this.functions.push(definition.build());
  }

  build(): Graph {
    const def = {
      node: packKernels(fuseNormalization(fuseAdditions(this.nodes))),
      library: { function: this.functions },
      versions: { producer, minConsumer: 0 },
    };
    return { def, nodes: this.typedNodes };
  }
}
