/** `bit-data`: looks a dataset over. */
import { perhaps } from "../close-names.js";
import { UserError } from "../errors.js";
import { checkDataset } from "../report/check-dataset.js";
import { findCopyModel, findNearCopies, requireNearCopyOptions } from "../run/near-copies.js";
import type { Call } from "./command.js";
import { describeDataset } from "./dataset-report.js";
import { ImageProgress } from "./image-progress.js";
import { interruptible } from "./interrupt.js";
import { openEngine, openHostEngine } from "./open-engine.js";
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
  requireNearCopyOptions(settings);
  const networks = settings.features ? openEngine() : undefined;
  const engine = fast ? undefined : (networks ?? openHostEngine());
  const bars = {
    decoding: new ImageProgress("decoding"),
    reading: new ImageProgress("reading"),
    features: new ImageProgress("making features"),
    comparing: new ImageProgress("comparing"),
  };
  const ended = await interruptible(
    async (signal) => {
      const request = { dataset, datadir, seed, offline: true, signal };
      const progress = (step: keyof typeof bars, done: number, total: number) => {
        bars[step].update(done, total);
        if (done === total) bars[step].close();
      };
      try {
        const told = { signal, progress, line: (text: string) => output.note(text) };
        // Before every image is decoded.
        const model = networks && (await findCopyModel(settings, told));
        const report = await checkDataset(request, engine, { workers, signal, progress });
        if (networks === undefined || model === undefined) return { report };
        const near = await findNearCopies(request, report, model, settings, networks, told);
        return { report, near };
      } finally {
        for (const bar of Object.values(bars)) bar.close();
      }
    },
    () => "Stopped; nothing was changed.",
  );
  if (ended.stopped) return ended.exit;
  const { report, near } = ended.value;
  const words = datadir === "." ? [dataset] : [dataset, "--datadir", datadir];
  const whole = near === undefined ? report : { ...report, nearCopies: near };
  output.result(json ? JSON.stringify(whole) : describeDataset(whole, words).join("\n"));
  return report.trainable ? 0 : USER_ERROR_EXIT;
}
