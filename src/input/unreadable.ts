/** Which image was it? TensorFlow's decoding errors do not say. */
import { exampleName, type FileSource, takeFiles, type UnreadableImage } from "../data/dataset.js";
import { type Engine, SessionError } from "../engine/session.js";
import { type Graph, GraphBuilder } from "../graph/graph-builder.js";
import { row, shapeOf } from "../graph/ops.js";
import type { Target } from "../graph/target.js";
import { defineDecoders } from "./decoders.js";
import { fileColumns, fileFeeds, fileInputs } from "./file-table.js";
import { decodeFile } from "./image-functions.js";

/** What decodes images. */
export type DecodingEngine = Pick<Engine, "open" | "target">;

/** An image that the engine cannot decode, and why. */
export interface UndecodableImage extends UnreadableImage {
  /** Into its source. */
  readonly index: number;
}

/** Decodes the images at `indices` one by one; returns the first that cannot be, if any. */
export async function findUnreadable(
  engine: DecodingEngine,
  source: FileSource,
  indices: Iterable<number>,
): Promise<UndecodableImage | undefined> {
  for await (const found of unreadableAmong(engine, source, indices)) return found;
  return undefined;
}

/** Decodes the images at `indices` one by one; yields those that cannot be. */
export async function* unreadableAmong(
  engine: DecodingEngine,
  source: FileSource,
  indices: Iterable<number>,
): AsyncGenerator<UndecodableImage> {
  const session = engine.open(decoderGraph(source, engine.target));
  try {
    for (const index of new Set(indices)) {
      try {
        await session.run(fileFeeds(takeFiles(source, [index])), ["shape"]);
      } catch (error) {
        if (!(error instanceof SessionError)) throw error;
        const path = exampleName(source, index);
        yield { index, path, reason: firstLine(error.message), kind: "corrupt" };
      }
    }
  } finally {
    session.close();
  }
}

/** A graph that decodes the one image whose columns are fed, and gives its `shape`. */
function decoderGraph(source: FileSource, target: Target): Graph {
  const builder = new GraphBuilder();
  defineDecoders(builder, target);
  const feeds = Object.entries(fileFeeds(takeFiles(source, [0])));
  const fed = new Map(
    feeds.map(([key, { type, shape }]) => [key, builder.placeholder(key, type, shape)]),
  );
  const values = fileColumns(source).map((key) => row(builder, fed.get(key)!, builder.ints(0)));
  const image = decodeFile(builder, fileInputs(values));
  builder.fetchable("shape", shapeOf(builder, image, 3));
  return builder.build();
}

/** What TensorFlow says in the first line of an error, without the places in its graph. */
export function firstLine(message: string): string {
  const line = message.split("\n", 1)[0]!;
  return line.replace(/^Session fail to run with error: /, "").replace(/\{\{.*?\}\}\s*/g, "");
}
