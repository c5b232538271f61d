/** `bit-report`: the report of a run, or of several side by side. */
import { UserError } from "../errors.js";
import { namedRun } from "../report/near-runs.js";
import { reportRuns } from "../run/report-run.js";
import type { Call } from "./command.js";
import { ImageProgress } from "./image-progress.js";
import { interruptible } from "./interrupt.js";
import { openEngine } from "./open-engine.js";
import { output } from "./output.js";

/** Runs the command. */
export async function run({ settings, positional }: Call<"report">): Promise<number> {
  if (positional.length === 0)
    throw new UserError(
      "bit-report",
      "nothing to report on",
      "a run's folder, or several",
      `type for example: ${await namedRun("npx bit-report")}`,
    );
  const open = () => openEngine(settings.device);
  const progress = new ImageProgress("evaluating");
  const ended = await interruptible(
    async (signal) => {
      const told = {
        line: (text: string) => output.note(text),
        evaluating: progress.update,
        signal,
      };
      try {
        return await reportRuns({ ...settings, runs: positional }, open, told);
      } finally {
        progress.close();
      }
    },
    () => "Stopped; no report was written.",
  );
  if (ended.stopped) return ended.exit;
  output.result(ended.value);
  return 0;
}
