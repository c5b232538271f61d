/** `bit-data`: looks a dataset over. */
import { DATASET_NAMES } from "../data/datasets.js";
import { UserError } from "../errors.js";
import { checkDataset } from "../run/check-dataset.js";
import { convertCommand } from "./bit-data-convert.js";
import { describeDataset } from "./dataset-report.js";
import { type CommandSpec, parseFlags, wholeNumber } from "./flags.js";
import { ImageProgress } from "./image-progress.js";
import { interruptible } from "./interrupt.js";
import { openEngine } from "./open-engine.js";
import { output, USER_ERROR_EXIT } from "./output.js";

const flags = {
  datadir: { type: "string", default: ".", describe: "Where the dataset lies" },
  seed: { type: "number", default: 0, describe: "By which a part is held out where none is" },
  fast: {
    type: "boolean",
    default: false,
    describe: "Read headers only: finds no damage behind them, and needs no engine",
  },
  workers: { type: "number", describe: "Threads that decode [default: cores]" },
  json: { type: "boolean", default: false, describe: "Print one JSON object and nothing else" },
} as const;

const spec: CommandSpec<typeof flags> = {
  name: "bit-data",
  usage: "bit-data check DATASET [flags], or bit-data convert --help",
  description:
    "Says what a dataset holds and what is wrong with it: classes, sizes, images that cannot be " +
    "decoded, copies, images in two classes or in both parts. DATASET is as in bit-train: " +
    `${DATASET_NAMES.join(", ")}, or a path. ` +
    "Exit codes: 0 a training would take it; 2 it would not, and the last line says what to do.",
  positional: true,
  flags,
  examples: [
    ["npx bit-data check photos", "a folder of images, every one decoded"],
    ["npx bit-data check labels.csv --fast --json", "a table of images, quickly, for a program"],
    ["npx bit-data check imagenet2012 --datadir imagenet", "a dataset by name"],
  ],
};

/** Runs the command. `argv` is without node and script. */
export async function main(argv: readonly string[] = process.argv.slice(2)): Promise<number> {
  if (argv[0] === "convert") return convertCommand(argv.slice(1));
  const flag = parseFlags(spec, argv);
  const [verb, dataset, ...rest] = flag.positional;
  if (verb !== "check" || dataset === undefined || rest.length > 0) {
    throw new UserError(
      `bit-data ${flag.positional.join(" ")}`.trim(),
      "not a command",
      "bit-data check, and one dataset; or bit-data convert",
      "type for example: npx bit-data check FOLDER",
    );
  }
  const datadir = flag.datadir as string;
  const seed = wholeNumber("seed", flag.seed, 0) ?? 0;
  const workers = wholeNumber("workers", flag.workers, 1);
  const engine = flag.fast ? undefined : openEngine();
  const bars = { decoding: new ImageProgress("decoding"), reading: new ImageProgress("reading") };
  const ended = await interruptible(
    async (signal) => {
      const request = { dataset, datadir, seed, offline: true, signal };
      const progress = (step: keyof typeof bars, done: number, total: number) => {
        bars[step].update(done, total);
        if (done === total) bars[step].close();
      };
      try {
        return await checkDataset(request, engine, { workers, signal, progress });
      } finally {
        for (const bar of Object.values(bars)) bar.close();
      }
    },
    () => "Stopped; nothing was changed.",
  );
  if (ended.stopped) return ended.exit;
  const report = ended.value;
  const words = datadir === "." ? [dataset] : [dataset, "--datadir", datadir];
  output.result(flag.json ? JSON.stringify(report) : describeDataset(report, words).join("\n"));
  return report.trainable ? 0 : USER_ERROR_EXIT;
}
