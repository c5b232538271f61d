/** `bit-data`: looks a dataset over. */
import { perhaps } from "../close-names.js";
import { UserError } from "../errors.js";
import { checkDataset } from "../report/check-dataset.js";
import type { Call } from "./command.js";
import { describeDataset } from "./dataset-report.js";
import { ImageProgress } from "./image-progress.js";
import { interruptible } from "./interrupt.js";
import { openHostEngine } from "./open-engine.js";
import { output, USER_ERROR_EXIT } from "./output.js";

/** Runs the command. */
export async function run({ settings, positional }: Call<"check">): Promise<number> {
  const [verb, dataset, ...rest] = positional;
  if (verb !== "check" || dataset === undefined || rest.length > 0) {
    const near = verb === undefined ? undefined : perhaps(verb, ["check", "convert"], 1);
    const meant = near === undefined || verb === "check" ? "" : `${near}: `;
    throw new UserError(
      `bit-data ${positional.join(" ")}`.trim(),
      "not a command",
      `${meant}bit-data check, and one dataset; or bit-data convert`,
      "type for example: npx bit-data check FOLDER",
    );
  }
  const { datadir, seed, workers, fast, json } = settings;
  const engine = fast ? undefined : openHostEngine();
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
  output.result(json ? JSON.stringify(report) : describeDataset(report, words).join("\n"));
  return report.trainable ? 0 : USER_ERROR_EXIT;
}
