/** Downloads many models, several at a time. */

import { counted } from "../counted.js";
import { FileLocked } from "../disk/file-lock.js";
import { UserError } from "../errors.js";
import { FileFailed, FileRefused } from "../fetch/connection.js";
import { type DownloadedModel, type DownloadOptions, downloadModel } from "./download-model.js";
import type { ZooModel } from "./models.js";

/** A server that fails at so many files, one after the other, is not asked for more. */
const MOST_FAILED_IN_A_ROW = 3;

/** Follows one model's download. */
export interface DownloadWatcher extends Pick<DownloadOptions, "progress" | "checking" | "note"> {
  /** With what became of it, or why it was passed over; not called where its failure ends all. */
  finished(result: DownloadedModel | UserError): void;
}

export interface ManyOptions extends Omit<DownloadOptions, keyof DownloadWatcher> {
  /** How many at a time; default 2. */
  readonly parallel?: number | undefined;
  /** Called as each download begins. */
  readonly watch?: ((model: ZooModel) => DownloadWatcher) | undefined;
}

/**
 * Downloads models. One that another process is downloading, or that cannot be had, does not keep
 * the others from coming: it is named at the end. What stands in the way of all (no connection, a
 * full disk, a server that fails at one file after the other) ends the downloads under way, which keep
 * what they have.
 * @throws UserError for a single model's failure as it is; for several, one that names the models
 */
export async function downloadModels(
  models: readonly ZooModel[],
  { parallel = 2, watch, signal, ...options }: ManyOptions = {},
): Promise<void> {
  const failed: { model: ZooModel; error: UserError }[] = [];
  const stop = new AbortController();
  const anyStop = signal === undefined ? stop.signal : AbortSignal.any([signal, stop.signal]);
  const waiting = [...models];
  let failedInARow = 0;
  const work = async () => {
    for (let model = waiting.shift(); model !== undefined; model = waiting.shift()) {
      anyStop.throwIfAborted();
      const watcher = watch?.(model);
      try {
        const { progress, checking, note } = watcher ?? {};
        const own = { ...options, progress, checking, note, signal: anyStop };
        watcher?.finished(await downloadModel(model, own));
        failedInARow = 0;
      } catch (error) {
        const ofOneFile = error instanceof FileLocked || error instanceof FileRefused;
        if (models.length === 1 || !ofOneFile) throw error;
        failedInARow = error instanceof FileFailed ? failedInARow + 1 : 0;
        watcher?.finished(error);
        failed.push({ model, error });
        if (failedInARow === MOST_FAILED_IN_A_ROW)
          throw notAll(models.length, failed, waiting.length);
      }
    }
  };
  const workers = Array.from({ length: Math.min(parallel, models.length) }, () =>
    work().catch((error: unknown) => stop.abort(error)),
  );
  // All must have come to rest before the first failure is passed on.
  await Promise.all(workers);
  anyStop.throwIfAborted();
  if (failed.length > 0) throw notAll(models.length, failed);
}

function notAll(
  count: number,
  failed: readonly { model: ZooModel; error: UserError }[],
  notAskedFor = 0,
) {
  const each = failed.map(({ model, error }) => `\n    ${model.name}: ${error.got}`);
  if (notAskedFor > 0) each.push(`\n    ${notAskedFor} more were not asked for`);
  return new UserError(
    "bit-download",
    `${failed.length} of ${counted(count, "model")} did not come:${each.join("")}`,
    "all of them",
    "type the same command again: what is here is not fetched again",
  );
}
