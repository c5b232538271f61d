/** Which file was it? TensorFlow's decoding errors do not say. */
import type { FileSource } from "../data/dataset.js";
import { type Session, SessionError } from "../engine/session.js";
import { attribute } from "../graph/attributes.js";
import { GraphBuilder } from "../graph/graph-builder.js";
import type { GraphDef } from "../graph/proto.js";
import { decodeFile, defineDecoders } from "./image-functions.js";

/** A file that the engine cannot decode, and why. */
export interface UnreadableFile {
  readonly path: string;
  readonly reason: string;
}

/** Decodes the files at `indices` one by one; returns the first that cannot be, if any. */
export async function findUnreadable(
  open: (graph: GraphDef) => Session,
  source: FileSource,
  indices: Iterable<number>,
): Promise<UnreadableFile | undefined> {
  const builder = new GraphBuilder();
  defineDecoders(builder);
  const path = builder.placeholder("path", "string", []);
  const anyImage = builder.placeholder("any_image", "bool", []);
  const image = decodeFile(builder, path, anyImage, builder.ints(1));
  const attrs = { T: attribute.type("uint8"), out_type: attribute.type("int32") };
  const shape = builder.one("Shape", [image], attrs, { type: "int32", shape: [3] });
  builder.fetchable("shape", shape);
  const session = open(builder.build());
  try {
    for (const index of new Set(indices)) {
      const file = source.paths[index]!;
      const any = source.decoders[index] === "any-image" ? 1 : 0;
      try {
        await session.run(
          {
            path: { type: "string", shape: [], data: [new TextEncoder().encode(file)] },
            any_image: { type: "bool", shape: [], data: Uint8Array.of(any) },
          },
          ["shape"],
        );
      } catch (error) {
        if (!(error instanceof SessionError)) throw error;
        return { path: file, reason: firstLine(error.message) };
      }
    }
    return undefined;
  } finally {
    session.close();
  }
}

function firstLine(message: string): string {
  const line = message.split("\n", 1)[0]!;
  return line.replace(/^Session fail to run with error: /, "").replace(/\{\{.*?\}\}\s*/g, "");
}
