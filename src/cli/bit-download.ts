/** `bit-download`: brings published models to this machine. */
import type { ByteCounter } from "../engine/setup/reporter.js";
import { UserError } from "../errors.js";
import { downloadModel } from "../zoo/download-model.js";
import { findZooModel, ZOO, ZOO_URL } from "../zoo/models.js";
import { type CommandSpec, parseFlags } from "./flags.js";
import { INTERRUPTED_EXIT, interruptible } from "./interrupt.js";
import { setupProgress } from "./setup-progress.js";

const flags = {
  bit_pretrained_dir: { type: "string", default: ".", describe: "Where <model>.npz is to lie" },
  list: { type: "boolean", default: false, describe: "Print the names of all models" },
  force: { type: "boolean", default: false, describe: "Fetch also what is there" },
} as const;

const spec: CommandSpec<typeof flags> = {
  name: "bit-download",
  usage: "bit-download MODEL ... [flags]",
  description:
    `Downloads pretrained models from ${ZOO_URL}, or from the address in ` +
    "the environment variable BIT_MODELS_URL. What was interrupted goes on where it stopped.",
  positional: true,
  flags,
  examples: [
    ["npx bit-download BiT-M-R50x1", "pretrained on ImageNet-21k, to ./BiT-M-R50x1.npz"],
    ["npx bit-download BiT-M-R101x3 BiT-S-R50x1 --bit_pretrained_dir models", "two models"],
    ["npx bit-download --list", "all names"],
  ],
};

/** Runs the command. `argv` is without node and script. */
export async function main(argv: readonly string[] = process.argv.slice(2)): Promise<number> {
  const flag = parseFlags(spec, argv);
  if (flag.list === true) {
    console.log(list());
    return 0;
  }
  if (flag.positional.length === 0) {
    throw new UserError(
      "bit-download",
      "no model is named",
      "one or more names, such as BiT-M-R50x1",
      "type npx bit-download --list for all names",
    );
  }
  const models = flag.positional.map(findZooModel);
  const options = {
    folder: flag.bit_pretrained_dir as string,
    baseUrl: process.env["BIT_MODELS_URL"] || undefined,
    force: flag.force as boolean,
  };
  const again = `npx bit-download ${argv.join(" ")}`;
  const done = await interruptible(
    async (signal) => {
      for (const model of models) {
        const progress = new DownloadProgress(model.name);
        const { path, sizeBytes, fetched } = await downloadModel(model, {
          ...options,
          signal,
          progress: progress.update,
          note: progress.note,
        }).finally(() => progress.close());
        const size = `${(sizeBytes / 1e6).toFixed(1)} MB`;
        console.log(`${path}: ${fetched ? `downloaded, ${size}` : `there already, ${size}`}`);
      }
      return true;
    },
    () => `Stopped; what was fetched is kept. To go on, type: ${again}`,
  );
  return done === true ? 0 : INTERRUPTED_EXIT;
}

function list(): string {
  const width = Math.max(...ZOO.map(({ name }) => name.length));
  return ZOO.map(({ name, classes, trainedOn }) => {
    return `${name.padEnd(width)}  ${String(classes).padStart(6)} classes  ${trainedOn}`;
  }).join("\n");
}

/** A bar on a terminal, plain lines elsewhere; on standard error. */
class DownloadProgress {
  private counter: ByteCounter | undefined;

  constructor(private readonly label: string) {}

  readonly update = (doneBytes: number, totalBytes: number | undefined): void => {
    this.counter ??= setupProgress(process.stderr).bytes(this.label, totalBytes);
    this.counter.update(doneBytes);
  };

  readonly note = (line: string): void => {
    this.close();
    console.error(line);
  };

  close(): void {
    this.counter?.done();
    this.counter = undefined;
  }
}
