/** `bit-download`: brings published models to this machine. */

import { counted } from "../counted.js";
import { requireRoom } from "../disk/disk-room.js";
import { sizeText } from "../disk/size-text.js";
import { UserError } from "../errors.js";
import { quoted } from "../settings/shell-word.js";
import {
  downloadHubModel,
  type HubDownloadOptions,
  hubFolder,
  planHubModel,
} from "../zoo/download-hub-model.js";
import { type DownloadWatcher, downloadModels } from "../zoo/download-models.js";
import { type HubRepository, isHubName, parseHubName } from "../zoo/hub-repository.js";
import { localModel, planDownload } from "../zoo/local-models.js";
import { findZooModels, VTAB, ZOO, type ZooModel, zooUrl } from "../zoo/models.js";
import { type Verdict, verifyModel } from "../zoo/verify-model.js";
import type { Call } from "./command.js";
import { listing, listingJson, planText } from "./download-list.js";
import { type DownloadProgress, downloadProgress } from "./download-progress.js";
import { interruptible } from "./interrupt.js";
import { output } from "./output.js";

/** Runs the command. */
export async function run({ settings, positional, argv }: Call<"download">): Promise<number> {
  const { bitPretrainedDir: folder, force, parallel, json } = settings;
  const repositories = positional.filter(isHubName).map(parseHubName);
  const others = positional.filter((name) => !isHubName(name));
  const named = [...findZooModels(others), ...(settings.vtab ? VTAB : [])];
  const models = [...new Set(named)];
  if (repositories.length > 0 && (settings.list || settings.verify)) throw notOfHub(settings.list);
  if (settings.list) {
    const listed = models.length > 0 ? models : ZOO;
    output.result(await (json ? listingJson : listing)(listed, folder));
    return 0;
  }
  const progress = downloadProgress(output.terminal);
  const again = `npx bit-download ${argv.map(quoted).join(" ")}`;
  const ended = await interruptible(
    async (signal) => {
      try {
        if (settings.verify) {
          await verify(models, folder, progress, signal);
          return;
        }
        if (models.length + repositories.length === 0) throw nothingNamed();
        for (const repository of repositories)
          await ofHub(repository, { folder, force, dryRun: settings.dryRun, signal }, progress);
        if (models.length === 0) return;
        const plan = await planDownload(models, { folder, force });
        if (settings.dryRun) {
          output.result(planText(plan));
          return;
        }
        requireRoom(folder, plan.missingBytes, plan.freeBytes);
        const baseUrl = settings.baseUrl ?? zooUrl();
        const watch = (model: ZooModel) => watcher(model, progress);
        await downloadModels(models, { folder, baseUrl, force, parallel, signal, watch });
      } finally {
        progress.close();
      }
    },
    () => `Stopped; what was fetched is kept. To go on, type: ${again}`,
  );
  return ended.stopped ? ended.exit : 0;
}

/** Downloads a model of the Hugging Face Hub, or says what there is of it. */
async function ofHub(
  repository: HubRepository,
  options: Pick<HubDownloadOptions, "folder" | "force" | "signal"> & { readonly dryRun: boolean },
  progress: DownloadProgress,
): Promise<void> {
  const { folder = ".", dryRun, ...others } = options;
  if (dryRun) {
    const { files, sizeBytes } = await planHubModel(repository, others);
    const names = files.map(({ file }) => file).join(", ");
    output.result(`${hubFolder(folder, repository)}: ${sizeText(sizeBytes)} (${names})`);
    return;
  }
  const file = progress.file(repository.name);
  const { path, sizeBytes, fetched } = await downloadHubModel(repository, {
    ...{ folder, ...others, note: file.note },
    progress: file.fetched,
    checking: file.checked,
  });
  file.finish(`${path}: ${fetched ? "downloaded" : "there already"}, ${sizeText(sizeBytes)}`);
}

function notOfHub(list: boolean): UserError {
  return new UserError(
    list ? "--list" : "--verify",
    "stands beside a name of the Hugging Face Hub",
    "names of published archives, or none",
    list ? "leave it out" : "download it again: what is there is compared with the Hub's digests",
  );
}

function watcher({ name }: ZooModel, progress: DownloadProgress): DownloadWatcher {
  const file = progress.file(name);
  return {
    progress: file.fetched,
    checking: file.checked,
    note: file.note,
    finished(result) {
      if (result instanceof UserError) {
        file.note(`${result.got}; passed over`);
        file.close();
        return;
      }
      const { path, sizeBytes, fetched } = result;
      file.finish(`${path}: ${fetched ? "downloaded" : "there already"}, ${sizeText(sizeBytes)}`);
    },
  };
}

/** Checks the models named, or all that are here. Throws UserError that names those not good. */
async function verify(
  named: readonly ZooModel[],
  folder: string,
  progress: DownloadProgress,
  signal: AbortSignal,
): Promise<void> {
  const models = named.length > 0 ? named : await modelsHere(folder);
  const bad: Verdict[] = [];
  for (const model of models) {
    const file = progress.file(model.name);
    const verdict = await verifyModel(model, { folder, signal, progress: file.checked });
    file.finish(verdict.text);
    // What was not asked for by name is not missed.
    if (!verdict.good && (!verdict.unfinished || named.length > 0)) bad.push(verdict);
  }
  if (models.length === 0) output.result(`${folder}: holds no published model`);
  if (bad.length === 0) return;
  const where = folder === "." ? "" : ` --bit_pretrained_dir ${quoted(folder)}`;
  throw new UserError(
    "bit-download --verify",
    `${bad.length} of ${counted(models.length, "model")} ${bad.length === 1 ? "is" : "are"} not good: ${bad.map(({ name }) => name).join(", ")}`,
    "whole archives with the SHA-256 that SHA256SUMS has",
    `fetch them again: npx bit-download --force ${bad.map(({ name }) => quoted(name)).join(" ")}${where}`,
  );
}

async function modelsHere(folder: string): Promise<ZooModel[]> {
  const here: ZooModel[] = [];
  for (const model of ZOO) {
    const { presence } = await localModel(model, folder);
    if (presence !== "missing") here.push(model);
  }
  return here;
}

function nothingNamed(): UserError {
  return new UserError(
    "bit-download",
    "no model is named",
    "one or more names, such as BiT-M-R50x1",
    "type npx bit-download --list for all names",
  );
}
