/** What later commands need to know of a run: a part of its `config.json`. */
import { z } from "zod";
import { UserError } from "../errors.js";
import { type ModelRecord, modelRecord } from "./model-record.js";
import type { RunFolder } from "./run-folder.js";
import { readJson } from "./versioned-json.js";

const runRecord = modelRecord.extend({
  dataset: z.string(),
  datadir: z.string().nullable(),
  badImages: z.enum(["refuse", "skip"]).default("refuse"),
});

/** How a model was judged in its run, and on what. */
export type RunRecord = Readonly<z.infer<typeof runRecord>>;

/** The same of a model of which the archive may be all there is: it does not tell on what. */
export type KnownRecord = ModelRecord & Partial<Omit<RunRecord, keyof ModelRecord>>;

/**
 * Reads a run's record.
 * @throws UserError where it has none, or a damaged one
 */
export async function readRun(folder: RunFolder): Promise<RunRecord> {
  const record = runRecord.safeParse(await readJson(folder.config));
  if (record.success) return record.data;
  const [issue] = record.error.issues;
  throw new UserError(
    folder.config,
    `${issue!.path.join(".")}: ${issue!.message}`,
    "a config.json that bit-train wrote",
    "give a copy of the run's checkpoint.npz that lies elsewhere",
  );
}
