/** Opens a SavedModel on the engine as TensorFlow's own readers do: its graph, which restores its variables. */
import { join } from "node:path";
import type { Engine, HostTensor, Session } from "../../engine/session.js";
import { decodeSavedModel, type MetaGraphDef, savedModelTag } from "../../graph/saved-model.js";
import { type ClassifierFacts, parseFacts } from "../../record/classifier-facts.js";
import { readJson } from "../../record/versioned-json.js";
import { damagedExport, readExported } from "../damaged-export.js";
import { nodeOf, openExportedGraph, refusedBy, runningGraph } from "../exported-graph.js";
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
  const { labels, size, resize } = await readFacts(folder);
  const metaGraph = await readGraph(folder);
  const graph = { def: metaGraph.graphDef, nodes: [] };
  const session = openExportedGraph(engine, join(folder, graphFile), graph);
  try {
    await restore(session, metaGraph, folder);
    const { inputs, outputs } = metaGraph.signatureDef![imageSignature]!;
    const image = nodeOf(inputs["image"]!.name);
    const logits = nodeOf(outputs["logits"]!.name);
    return { classNames: labels, size, resize, ...runningGraph(session, { image, logits }) };
  } catch (error) {
    session.close();
    throw error;
  }
}

async function readFacts(folder: string): Promise<ClassifierFacts> {
  const path = join(folder, extraFolder, factsFile);
  const facts = parseFacts(await readJson(path));
  if (facts === undefined) throw damagedExport(path, "does not tell of a classifier");
  return facts;
}

async function readGraph(folder: string): Promise<MetaGraphDef> {
  const path = join(folder, graphFile);
  const metaGraph = decoded(path, await readExported(path)).find(({ metaInfoDef }) =>
    metaInfoDef?.tags.includes(savedModelTag),
  );
  if (metaGraph?.saverDef === undefined || metaGraph.signatureDef?.[imageSignature] === undefined)
    throw damagedExport(path, "holds no graph to serve");
  return metaGraph;
}

function decoded(path: string, bytes: Uint8Array): readonly MetaGraphDef[] {
  try {
    return decodeSavedModel(bytes);
  } catch (error) {
    throw damagedExport(path, error instanceof Error ? error.message : String(error));
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
    throw refusedBy(join(folder, variablesFolder), error);
  }
}
