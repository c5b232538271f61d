/** `bit-setup`: what a set-up prints. */
import { checkEngine, type EngineReport } from "../engine/setup/check.js";
import { FLAVOURS, type Flavour } from "../engine/setup/recipe.js";
import { setUpEngine } from "../engine/setup/set-up.js";
import { UserError } from "../errors.js";
import type { Call } from "./command.js";
import { interruptible, signalExit } from "./interrupt.js";
import { output, USER_ERROR_EXIT } from "./output.js";
import { setupProgress } from "./setup-progress.js";

/**
 * Runs the command.
 * @throws UserError for a user's mistake and for whatever the machine lacks
 */
export async function run({ settings }: Call<"setup">): Promise<number> {
  const chosen = FLAVOURS.filter((flavour) => settings[flavour] === true);
  if (chosen.length > 1)
    throw new UserError(
      "bit-setup",
      chosen.map((flavour) => `--${flavour}`).join(" with "),
      "at most one of --cpu, --gpu, --prebuilt",
      `type one of them, such as: npx bit-setup --${chosen[0]}`,
    );
  const [flavour] = chosen;
  const ended = await interruptible(
    (signal) =>
      settings.check
        ? check(flavour, settings.json, signal)
        : setUp(flavour, settings.force, signal),
    () => "Interrupted; no engine is left half made. To go on, type the same again.",
    {
      stopped: () => output.note("\nStopping and removing what was begun ..."),
      // It does not wait for the cleaning; the next set-up sweeps what is left.
      again: (name) => process.exit(signalExit(name)),
    },
  );
  return ended.stopped ? ended.exit : ended.value;
}

async function setUp(
  flavour: Flavour | undefined,
  force: boolean,
  signal: AbortSignal,
): Promise<number> {
  const reporter = setupProgress(output.terminal);
  const { engine } = await setUpEngine({ flavour, force, reporter, signal });
  output.line(
    `The engine is ready: TensorFlow ${engine.version} (${engine.flavour}), ${engine.folder}`,
  );
  return 0;
}

async function check(
  flavour: Flavour | undefined,
  json: boolean,
  signal: AbortSignal,
): Promise<number> {
  const report = await checkEngine({ flavour, signal });
  output.result(json ? JSON.stringify(report, undefined, 2) : readable(report));
  return report.usable && report.complete ? 0 : USER_ERROR_EXIT;
}

function readable(report: EngineReport): string {
  const rows: [string, string][] = [];
  if (report.flavour !== undefined)
    rows.push(["engine", `${report.flavour}, from ${report.source}, made ${report.made}`]);
  if (report.tensorflow !== undefined) rows.push(["TensorFlow", report.tensorflow]);
  for (const device of report.devices) rows.push(["device", device]);
  rows.push(["lies in", report.folder ?? `nowhere; looked in ${report.enginesFolder}`]);
  for (const note of report.notes) rows.push(["note", note]);
  for (const problem of report.problems) rows.push(["wrong", problem]);
  const lacking = report.complete ? "yes" : "yes, but not with all of this version";
  rows.push(["usable", report.usable ? lacking : "no"]);
  return rows.map(([name, value]) => `${name.padEnd(11)} ${value}`).join("\n");
}
