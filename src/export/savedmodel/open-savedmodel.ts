/** Opens a SavedModel on the engine as TensorFlow's own readers do: its graph, which restores its variables. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import {
  type Engine,
  floats,
  type HostTensor,
  type Session,
  SessionError,
} from "../../engine/session.js";
import { systemErrorCode, UserError } from "../../errors.js";
import { decodeSavedModel, type MetaGraphDef, savedModelTag } from "../../graph/saved-model.js";
import { readJson } from "../../record/versioned-json.js";
import { type ClassifierFacts, parseFacts } from "../classifier-facts.js";
import type { ExportedModel } from "../format.js";
import {
  extraFolder,
  factsFile,
  graphFile,
  variablesFolder,
  variablesPrefix,
} from "./savedmodel-files.js";
import { imageSignature } from "./serving-graph.js";

/**
 * Opens a SavedModel that was exported.
 * @throws UserError where a file is missing or damaged
 */
export async function openSavedModel(folder: string, engine: Engine): Promise<ExportedModel> {
  const { labels, size } = await readFacts(folder);
  const metaGraph = await readGraph(folder);
  const session = opened(folder, () => engine.open({ def: metaGraph.graphDef, nodes: [] }));
  try {
    await restore(session, metaGraph, folder);
    const { inputs, outputs } = metaGraph.signatureDef![imageSignature]!;
    const input = nodeOf(inputs["image"]!.name);
    const output = nodeOf(outputs["logits"]!.name);
    return {
      ...{ classNames: labels, size },
      logits: async (data, shape) => {
        const [logits] = await session.run({ [input]: { type: "float32", shape, data } }, [output]);
        return floats(logits);
      },
      close: () => session.close(),
    };
  } catch (error) {
    session.close();
    throw error;
  }
}

async function readFacts(folder: string): Promise<ClassifierFacts> {
  const path = join(folder, extraFolder, factsFile);
  const facts = parseFacts(await readJson(path));
  if (facts === undefined) throw damaged(path, "does not tell of a classifier");
  return facts;
}

async function readGraph(folder: string): Promise<MetaGraphDef> {
  const path = join(folder, graphFile);
  let bytes: Uint8Array;
  try {
    bytes = await readFile(path);
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    throw damaged(path, `cannot be read (${systemErrorCode(error)})`);
  }
  const metaGraph = decoded(path, bytes).find(({ metaInfoDef }) =>
    metaInfoDef?.tags.includes(savedModelTag),
  );
  if (metaGraph?.saverDef === undefined || metaGraph.signatureDef?.[imageSignature] === undefined)
    throw damaged(path, "holds no graph to serve");
  return metaGraph;
}

function decoded(path: string, bytes: Uint8Array): readonly MetaGraphDef[] {
  try {
    return decodeSavedModel(bytes);
  } catch (error) {
    throw damaged(path, error instanceof Error ? error.message : String(error));
  }
}

function opened(folder: string, open: () => Session): Session {
  try {
    return open();
  } catch (error) {
    if (!(error instanceof SessionError)) throw error;
    throw damaged(join(folder, graphFile), error.message);
  }
}

async function restore(
  session: Session,
  { saverDef }: MetaGraphDef,
  folder: string,
): Promise<void> {
  const { filenameTensorName, restoreOpName } = saverDef!;
  const prefix = join(folder, variablesFolder, variablesPrefix);
  const filename: HostTensor = {
    ...{ type: "string", shape: [] },
    data: [new TextEncoder().encode(prefix)],
  };
  try {
    await session.run({ [nodeOf(filenameTensorName)]: filename }, [restoreOpName]);
  } catch (error) {
    if (!(error instanceof SessionError)) throw error;
    throw damaged(join(folder, variablesFolder), error.message);
  }
}

/** The node of a tensor that is its only output: `image` of `image:0`. */
function nodeOf(tensor: string): string {
  return tensor.replace(/:0$/, "");
}

function damaged(path: string, what: string): UserError {
  return new UserError(path, what, "as bit-export wrote it", "copy the export again");
}
