/** Which models lie in a folder, whole or in part, and what is still to be fetched. */
import { stat } from "node:fs/promises";
import { freeBytesOf } from "../disk/disk-room.js";
import { archiveProblem } from "./check-archive.js";
import { modelBytes, modelPath, type ZooModel } from "./models.js";

/**
 * `here`: whole, as far as its directory tells; `partly`: a download under way or broken off;
 * `damaged`: an archive that cannot be read; `other`: something else under its name.
 */
export type Presence = "here" | "partly" | "missing" | "damaged" | "other";

/** A model as it is in a folder. */
export interface LocalModel {
  readonly model: ZooModel;
  /** Where it lies, or will. */
  readonly path: string;
  readonly presence: Presence;
  /** Bytes of it that are there. */
  readonly sizeBytes: number;
}

/** Looks for a model in a folder. Reads an archive's directory, not its values. */
export async function localModel(model: ZooModel, folder: string): Promise<LocalModel> {
  const path = modelPath(folder, model.name);
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) {
    const sizeBytes = (await stat(partPath(path)).catch(() => undefined))?.size ?? 0;
    return { model, path, presence: sizeBytes > 0 ? "partly" : "missing", sizeBytes };
  }
  const sizeBytes = found.size;
  if (!found.isFile()) return { model, path, presence: "other", sizeBytes };
  const problem = await archiveProblem(path, model);
  if (problem === undefined) return { model, path, presence: "here", sizeBytes };
  return { model, path, presence: problem.damaged ? "damaged" : "other", sizeBytes };
}

/** Where a download lies until it is complete. */
export function partPath(path: string): string {
  return `${path}.part`;
}

export interface PlanOptions {
  readonly folder: string;
  /** Fetch also what is there. */
  readonly force?: boolean | undefined;
  /** Bytes free on a folder's disk; default asks the system. */
  readonly freeBytesOf?: ((folder: string) => Promise<number | undefined>) | undefined;
}

export interface DownloadPlan {
  readonly models: readonly LocalModel[];
  /** What is to be fetched. */
  readonly missing: readonly LocalModel[];
  /** What that adds to the disk. */
  readonly missingBytes: number;
  /** What the folder's disk has free; undefined where the system does not tell. */
  readonly freeBytes: number | undefined;
}

/** What a download of these models would fetch, and whether there is room for it. */
export async function planDownload(
  wanted: readonly ZooModel[],
  { folder, force = false, freeBytesOf: free = freeBytesOf }: PlanOptions,
): Promise<DownloadPlan> {
  const models: LocalModel[] = [];
  for (const model of wanted) models.push(await localModel(model, folder));
  const missing = models.filter(({ presence }) => {
    return force || presence === "missing" || presence === "partly" || presence === "damaged";
  });
  const missingBytes = missing.reduce((sum, one) => sum + bytesToCome(one), 0);
  return { models, missing, missingBytes, freeBytes: await free(folder) };
}

/** What is there of a file that is replaced stays until the new one is whole. */
function bytesToCome({ model, presence, sizeBytes }: LocalModel): number {
  return Math.max(0, modelBytes(model) - (presence === "partly" ? sizeBytes : 0));
}
