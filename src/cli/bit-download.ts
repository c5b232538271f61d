/** `bit-download`: brings published models to this machine. */
import { UserError } from "../errors.js";
import { requireRoom, sizeText } from "../zoo/disk-room.js";
import { type DownloadWatcher, downloadModels } from "../zoo/download-models.js";
import { localModel, planDownload } from "../zoo/local-models.js";
import { findZooModels, VTAB, ZOO, ZOO_URL, type ZooModel, zooUrl } from "../zoo/models.js";
import { type Verdict, verifyModel } from "../zoo/verify-model.js";
import { listing, listingJson, planText } from "./download-list.js";
import { type DownloadProgress, downloadProgress } from "./download-progress.js";
import { type CommandSpec, parseFlags, wholeNumber } from "./flags.js";
import { interruptible } from "./interrupt.js";
import { output } from "./output.js";

const flags = {
  bit_pretrained_dir: { type: "string", default: ".", describe: "Where <model>.npz is to lie" },
  vtab: {
    type: "boolean",
    default: false,
    describe: "All 285 models fine-tuned on VTAB-1k, besides those named",
  },
  list: {
    type: "boolean",
    default: false,
    describe: "Print all models, or those named: size, parameters, whether they are here",
  },
  json: { type: "boolean", default: false, describe: "Print the list as JSON" },
  dry_run: {
    type: "boolean",
    default: false,
    describe: "Fetch nothing: print what would be fetched, and whether the disk has room",
  },
  verify: {
    type: "boolean",
    default: false,
    describe: "Fetch nothing: read what is here and check every byte, also against SHA256SUMS",
  },
  force: { type: "boolean", default: false, describe: "Fetch also what is here" },
  parallel: { type: "number", default: 2, describe: "How many files at a time" },
  base_url: {
    type: "string",
    describe: `Where the models lie [default: $BIT_BASE_URL, or ${ZOO_URL}]`,
  },
} as const;

const spec: CommandSpec<typeof flags> = {
  name: "bit-download",
  usage: "bit-download MODEL ... [flags]",
  description:
    "Downloads pretrained models by name, or by patterns with * ? {a,b} in quotes. What was\n" +
    "interrupted goes on where it stopped. Proxies: HTTPS_PROXY, HTTP_PROXY, NO_PROXY.",
  positional: true,
  flags,
  examples: [
    ["npx bit-download BiT-M-R50x1", "pretrained on ImageNet-21k, to ./BiT-M-R50x1.npz"],
    ["npx bit-download BiT-M-R101x3 BiT-S-R50x1 --bit_pretrained_dir models", "two models"],
    ["npx bit-download 'vtab/BiT-M-R50x1-run0-*' --dry_run", "how much 19 VTAB models are"],
    ["npx bit-download --list 'distill/*'", "the distilled models"],
    ["npx bit-download --verify", "checks all models that are here"],
  ],
};

/** Runs the command. `argv` is without node and script. */
export async function main(argv: readonly string[] = process.argv.slice(2)): Promise<number> {
  const flag = parseFlags(spec, argv);
  const folder = flag.bit_pretrained_dir as string;
  const force = flag.force === true;
  const parallel = wholeNumber("parallel", flag.parallel, 1);
  const named = [...findZooModels(flag.positional), ...(flag.vtab === true ? VTAB : [])];
  const models = [...new Set(named)];
  if (flag.json === true && flag.list !== true)
    throw new UserError("--json", "stands without --list", "both", "add --list");
  if (flag.list === true) {
    const listed = models.length > 0 ? models : ZOO;
    output.result(await (flag.json === true ? listingJson : listing)(listed, folder));
    return 0;
  }
  const progress = downloadProgress(output.terminal);
  const again = `npx bit-download ${argv.map(quoted).join(" ")}`;
  const ended = await interruptible(
    async (signal) => {
      try {
        if (flag.verify === true) {
          await verify(models, folder, progress, signal);
          return;
        }
        if (models.length === 0) throw nothingNamed();
        const plan = await planDownload(models, { folder, force });
        if (flag.dry_run === true) {
          output.result(planText(plan));
          return;
        }
        requireRoom(folder, plan.missingBytes, plan.freeBytes);
        const baseUrl = (flag.base_url as string | undefined) ?? zooUrl();
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
    `${bad.length} of ${models.length} models are not good: ${bad.map(({ name }) => name).join(", ")}`,
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

/** An argument as a shell must be given it. */
function quoted(argument: string): string {
  return /^[\w@%+=:,./-]+$/.test(argument) ? argument : `'${argument.replaceAll("'", `'\\''`)}'`;
}
