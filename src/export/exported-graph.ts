/** TensorFlow graphs that exports hold, as they are opened to be verified. */
import {
  type Engine,
  floats,
  type HostTensor,
  type Session,
  SessionError,
} from "../engine/session.js";
import type { Graph } from "../graph/graph-builder.js";
import { damagedExport } from "./damaged-export.js";
import type { ExportedModel } from "./format.js";

/**
 * Opens a session on a graph that an export holds.
 * @param path the file that holds it
 * @throws UserError where TensorFlow refuses it
 */
export function openExportedGraph(engine: Engine, path: string, graph: Graph): Session {
  try {
    return engine.open(graph);
  } catch (error) {
    throw refusedBy(path, error);
  }
}

/** Of what TensorFlow refuses of a file, that it is damaged; other errors as they are. */
export function refusedBy(path: string, error: unknown): unknown {
  if (!(error instanceof SessionError) || error.outOfMemory) return error;
  return damagedExport(path, error.message, error);
}

/**
 * What an open graph computes.
 * @param nodes the names by which images are fed and logits fetched
 * @param weights what each run is fed beside the images
 */
export function runningGraph(
  session: Session,
  nodes: { readonly image: string; readonly logits: string },
  weights: Readonly<Record<string, HostTensor>> = {},
): Pick<ExportedModel, "logits" | "close"> {
  return {
    logits: async (data, shape) => {
      const feeds = { ...weights, [nodes.image]: { type: "float32", shape, data } as const };
      const [logits] = await session.run(feeds, [nodes.logits]);
      return floats(logits);
    },
    close: () => session.close(),
  };
}

/** The node of a tensor that is its first output: `image` of `image:0`. */
export function nodeOf(tensor: string): string {
  return tensor.replace(/:0$/, "");
}
