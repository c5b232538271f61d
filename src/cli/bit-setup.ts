/** `bit-setup`: what a set-up prints. */

import type { Flavour } from "../engine/recipe.js";
import { UserError } from "../errors.js";
import { type CheckOptions, checkEngine, type EngineReport } from "../setup/check.js";
import { setUpEngine } from "../setup/set-up.js";
import { type PluginWish, setUpPlugin } from "../setup/set-up-plugins.js";
import type { Call } from "./command.js";
import { interruptible, signalExit } from "./interrupt.js";
import { output, USER_ERROR_EXIT } from "./output.js";
import { setupProgress } from "./setup-progress.js";

/** The settings of which one says what is to be made. */
const WAYS = ["cpu", "gpu", "prebuilt", "plugin"] as const;

/**
 * Runs the command.
 * @throws UserError for a user's mistake and for whatever the machine lacks
 */
export async function run({ settings }: Call<"setup">): Promise<number> {
  const chosen = WAYS.filter((way) => settings[way] === true || typeof settings[way] === "string");
  if (chosen.length > 1)
    throw new UserError(
      "bit-setup",
      chosen.map((way) => `--${way}`).join(" with "),
      `at most one of ${WAYS.map((way) => `--${way}`).join(", ")}`,
      `type one of them, such as: npx bit-setup --${chosen[0] === "plugin" ? "cpu" : chosen[0]}`,
    );
  const [way] = chosen;
  const flavour = way === undefined ? undefined : way === "prebuilt" ? "prebuilt" : "cpu";
  const plugin = settings.plugin === undefined ? undefined : { name: settings.plugin };
  const wish = plugin ?? wishOf(way);
  const nccl = settings.nccl === true;
  if (nccl && wish === undefined)
    throw new UserError(
      "--nccl",
      `--${way}, which brings no plugin`,
      "a plugin for GPUs, which reach each other by it",
      "type: npx bit-setup --gpu --nccl",
    );
  const ended = await interruptible(
    (signal) =>
      settings.check
        ? check({ flavour, plugin: wish, signal }, settings.json)
        : setUp({ flavour, plugin: wish, nccl, force: settings.force, signal }),
    () => "Interrupted; nothing is left half made. To go on, type the same again.",
    {
      stopped: () => output.note("\nStopping and removing what was begun ..."),
      // It does not wait for the cleaning; the next set-up sweeps what is left.
      again: (name) => process.exit(signalExit(name)),
    },
  );
  return ended.stopped ? ended.exit : ended.value;
}

/** What is asked of the plugins by a flag, or by none. */
function wishOf(way: (typeof WAYS)[number] | undefined): PluginWish | undefined {
  if (way === "gpu") return "gpu";
  return way === undefined ? "if-gpu" : undefined;
}

interface SetUpWishes {
  readonly flavour: Flavour | undefined;
  readonly plugin: PluginWish | undefined;
  readonly nccl: boolean;
  readonly force: boolean;
  readonly signal: AbortSignal;
}

async function setUp({ flavour, plugin: wish, nccl, force, signal }: SetUpWishes): Promise<number> {
  const reporter = setupProgress(output.terminal);
  const { engine } = await setUpEngine({ flavour, force, reporter, signal });
  output.line(
    `The engine is ready: TensorFlow ${engine.version} (${engine.flavour}), ${engine.folder}`,
  );
  // Beside the prebuilt, which somebody chose for its own way to a GPU, none is brought unasked.
  const isUnasked = wish === "if-gpu" && engine.flavour === "prebuilt";
  if (wish === undefined || isUnasked) return 0;
  const several = nccl ? { severalDevices: true } : {};
  const plugin = await setUpPlugin(wish, { ...several, force, reporter, signal });
  if (plugin !== undefined)
    output.line(`The plugin is ready: ${plugin.title} (${plugin.name}), ${plugin.folder}`);
  return 0;
}

async function check(options: CheckOptions, json: boolean): Promise<number> {
  const report = await checkEngine(options);
  output.result(json ? JSON.stringify(report, undefined, 2) : readable(report));
  return report.usable && report.complete ? 0 : USER_ERROR_EXIT;
}

function readable(report: EngineReport): string {
  const rows: [string, string][] = [];
  if (report.flavour !== undefined)
    rows.push(["engine", `${report.flavour}, from ${report.source}, made ${report.made}`]);
  if (report.tensorflow !== undefined) rows.push(["TensorFlow", report.tensorflow]);
  if (report.driver !== undefined) rows.push(["driver", report.driver]);
  for (const [plugin, folder] of Object.entries(report.plugins))
    rows.push(["plugin", `${plugin}, ${folder}`]);
  for (const device of report.devices) rows.push(["device", device]);
  rows.push(["lies in", report.folder ?? `nowhere; looked in ${report.enginesFolder}`]);
  for (const note of report.notes) rows.push(["note", note]);
  for (const problem of report.problems) rows.push(["wrong", problem]);
  const lacking = report.complete ? "yes" : "yes, but not with all of this version";
  rows.push(["usable", report.usable ? lacking : "no"]);
  return rows.map(([name, value]) => `${name.padEnd(11)} ${value}`).join("\n");
}
