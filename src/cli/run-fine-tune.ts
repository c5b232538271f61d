/** One run on the terminal. */
import { describeEngine, openEngine } from "../engine/open.js";
import { type FineTuneResult, fineTune } from "../run/fine-tune.js";
import type { FineTuneOptions } from "../run/options.js";
import { describeResult } from "../run/run-log.js";
import { TrainConsole } from "./train-console.js";

/**
 * One run with progress on the terminal, and a last word on where things are.
 * @param goOn what to type to go on with the run, if not the same command with its name
 */
export async function runFineTune(
  options: FineTuneOptions,
  goOn?: string,
): Promise<FineTuneResult> {
  const engine = openEngine();
  const console = new TrainConsole();
  try {
    console.line(describeEngine(engine));
    const result = await fineTune(options, engine, console);
    const { folder, validation, steps, seconds, config } = result;
    if (validation === undefined) {
      const resume = goOn ?? `the same command with --name ${config.name}`;
      const how = options.save === false ? "Nothing was saved (--no-save)." : `To go on: ${resume}`;
      console.line(`Stopped after ${steps} steps. ${how}`);
    } else {
      console.line(`Done in ${Math.round(seconds)} s: ${describeResult(validation)}`);
    }
    console.line(`The run's files are in ${folder.path}`);
    return result;
  } finally {
    console.close();
  }
}
