/**
 * A fine-tuning with a progress bar of its own. Ctrl-C saves; the same command goes on.
 *
 *   node fine-tune.js photos pets      # class folders, and the run's name
 *   node fine-tune.js                  # the model and the images that come with the package
 */
import { type FineTuneOptions, fineTune } from "bit-train";

const [dataset, name = "example", steps] = process.argv.slice(2);
const controller = new AbortController();
process.once("SIGINT", () => controller.abort());

const options: FineTuneOptions =
  dataset === undefined || dataset === "sample"
    ? { model: "sample-R14x0.5", dataset: "sample", batch: 32, steps: 100, crop: 48 }
    : { model: "BiT-M-R50x1", dataset, batch: 64 };
const run = fineTune({
  ...options,
  name,
  ...(steps === undefined ? {} : { steps: Number(steps) }),
  signal: controller.signal,
});

const bar = (share: number) => "#".repeat(Math.round(30 * share)).padEnd(30, ".");
const percent = (share: number) => `${(100 * share).toFixed(1)} %`;
for await (const event of run) {
  switch (event.type) {
    case "note":
      console.log(event.text);
      break;
    case "fetch":
      process.stdout.write(`\r${event.file}: ${Math.round(event.doneBytes / 1e6)} MB`);
      break;
    case "step": {
      const { step, totalSteps, loss, elapsedMs } = event;
      const done = bar((step + 1) / totalSteps);
      process.stdout.write(`\r${done} loss ${loss.toFixed(3)}, ${elapsedMs.toFixed(0)} ms a step `);
      break;
    }
    case "validation":
      console.log(`\nafter ${event.at}: ${percent(event.top1)} of ${event.count} images right`);
      break;
    case "checkpoint":
      console.log(`\nsaved: ${event.path}`);
      break;
  }
}

const { validation, steps: done, folder } = await run;
if (validation === undefined) console.log(`\nStopped after ${done} steps.`);
console.log(`The run is in ${folder.path}: loadModel(${JSON.stringify(folder.path)})`);
