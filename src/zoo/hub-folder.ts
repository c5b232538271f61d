/** A folder as transformers' `save_pretrained`, timm and the Hub's repositories have it. */
import { dirname, join } from "node:path";
import type { ArrayArchive } from "../archive/array-entry.js";
import { NpzReader } from "../archive/npz-reader.js";
import { exists, readError, readWhole } from "../disk/file-reading.js";
import { UserError } from "../errors.js";
import { type Architecture, publishedVariants } from "../model/architecture.js";
import { headClasses } from "../model/checkpoint.js";
import { type HubConfig, parseHubConfig } from "../model/hub-config.js";
import { recognizeArchitecture } from "../model/recognize-architecture.js";

/** Names of a folder's files. */
export const hubFiles = {
  config: "config.json",
  preprocessor: "preprocessor_config.json",
  weights: "model.safetensors",
  index: "model.safetensors.index.json",
} as const;

/** What is known of a model in safetensors. */
export interface HubModel extends Partial<Pick<HubConfig, "classNames" | "size" | "resize">> {
  readonly architecture: Architecture;
  readonly notes: readonly string[];
}

/** 21,843 classes with long names have some two megabytes. */
const MAX_JSON_BYTES = 32 * 2 ** 20;

/** The weights in a folder: one file, or the index of several; undefined where there are none. */
export async function hubWeights(folder: string): Promise<string | undefined> {
  for (const name of [hubFiles.weights, hubFiles.index]) {
    const path = join(folder, name);
    if (await exists(path)) return path;
  }
  return undefined;
}

/**
 * What an open archive's model is, by the configuration beside it, else by its shapes; undefined for an
 * .npz, which has neither.
 * @throws UserError where the configuration is of another network, names other classes than the head
 *   has, or is damaged; or where nothing tells the architecture
 */
export async function hubModel(archive: ArrayArchive): Promise<HubModel | undefined> {
  if (archive instanceof NpzReader) return undefined;
  const { path } = archive;
  const arrays = archive.names.map((name) => archive.entry(name));
  const config = await readHubConfig(dirname(path));
  const classes = headClasses(arrays);
  const named = config?.classNames?.length;
  if (named !== undefined && classes !== undefined && named !== classes)
    throw new UserError(
      join(dirname(path), hubFiles.config),
      `names ${named} classes, where ${path} has a head of ${classes}`,
      "as many names as classes",
      "give the files as they were written together",
    );
  if (config !== undefined) return config;
  const architecture = recognizeArchitecture(arrays);
  if (architecture !== undefined) return { architecture, notes: [] };
  throw new UserError(
    path,
    `${arrays.length} arrays, by whose names and shapes it is no BiT (the first: ${arrays[0]?.name})`,
    `weights of a BiT (${publishedVariants.join(", ")}, R14x0.5, ...) as timm or transformers write them`,
    "give the path of another file",
  );
}

/**
 * The configuration in a folder; undefined where there is none, or another program's.
 * @throws UserError as `parseHubConfig`, and where a file is damaged
 */
export async function readHubConfig(folder: string): Promise<HubConfig | undefined> {
  const config = await jsonAt(join(folder, hubFiles.config));
  if (config === undefined) return undefined;
  const preprocessor = await jsonAt(join(folder, hubFiles.preprocessor));
  return parseHubConfig({ config, preprocessor });
}

async function jsonAt(path: string) {
  if (!(await exists(path))) return undefined;
  const nextStep = "download or save it again, or remove it";
  const bytes = await readWhole(path, MAX_JSON_BYTES).catch((error: unknown) => {
    throw readError(path, error, nextStep);
  });
  try {
    const json: unknown = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
    if (typeof json === "object" && json !== null && !Array.isArray(json))
      return { path, json: json as Readonly<Record<string, unknown>> };
  } catch {
    // Said below.
  }
  throw new UserError(path, "is no JSON object", "a configuration", nextStep);
}
