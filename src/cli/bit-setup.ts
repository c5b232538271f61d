/** `bit-setup`: a flag table and one library call. */
import yargs from "yargs";
import { checkEngine, type EngineReport } from "../engine/setup/check.js";
import { PLUGIN_NAMES } from "../engine/setup/plugin-recipes.js";
import type { Flavour } from "../engine/setup/recipe.js";
import { setUpEngine } from "../engine/setup/set-up.js";
import { type PluginWish, setUpPlugin } from "../engine/setup/set-up-plugins.js";
import { UserError } from "../errors.js";
import { HelpAsked } from "./exit.js";
import { interruptible, signalExit } from "./interrupt.js";
import { output, USER_ERROR_EXIT } from "./output.js";
import { setupProgress } from "./setup-progress.js";

/** The flags of which one says what is to be made. */
const WAYS = ["cpu", "gpu", "prebuilt", "plugin"] as const;

function parser(argv: readonly string[]) {
  return yargs([...argv])
    .scriptName("bit-setup")
    .usage(
      "$0 [options]\n\nPrepares the native TensorFlow engine and, for a GPU, XLA; once for all clones and runs.\n" +
        "It lies in $BIT_CACHE, else $XDG_CACHE_HOME/bit-train, else ~/.cache/bit-train.\n" +
        "Exit codes: 0 it is usable; 2 it is not, or lacks this version's own operations, and the\n" +
        "message says what to do; 1 a bug.",
    )
    .options({
      cpu: { type: "boolean", describe: "TensorFlow for the CPU alone, also where there is a GPU" },
      gpu: {
        type: "boolean",
        describe: "and XLA with NVIDIA's libraries for the driver's CUDA (1.1 to 1.2 GB more)",
      },
      plugin: {
        type: "string",
        choices: PLUGIN_NAMES,
        requiresArg: true,
        describe: "and this plugin of XLA, whatever was found (cpu: to try XLA without a GPU)",
      },
      prebuilt: {
        type: "boolean",
        describe: "TensorFlow 2.9.1 for CUDA 11.2, as the makers of TensorFlow.js host it",
      },
      force: { type: "boolean", default: false, describe: "make it anew even if it is there" },
      check: { type: "boolean", default: false, describe: "change nothing; say what is there" },
      json: { type: "boolean", default: false, describe: "with --check: the report as JSON" },
    })
    .example("$0", "TensorFlow for the CPU and, with an NVIDIA GPU, XLA for that")
    .example("$0 --check", "versions, devices, driver, where it lies, what is wrong if anything")
    .example("$0 --gpu", "both, whatever was found")
    .strict()
    .version(false)
    .fail((message, error) => {
      throw (
        error ??
        new UserError(
          "bit-setup",
          message,
          "the flags that --help lists",
          "type: npx bit-setup --help",
        )
      );
    });
}

/**
 * @param argv the arguments after the program's name
 * @returns the exit code
 * @throws UserError for a user's mistake and for whatever the machine lacks
 */
export async function main(argv: readonly string[] = process.argv.slice(2)): Promise<number> {
  let help = "";
  const flags = await parser(argv).parseAsync([...argv], {}, (_error, _flags, text) => {
    help = text;
  });
  if (help !== "") throw new HelpAsked(help);
  const chosen = WAYS.filter((way) => flags[way] === true || typeof flags[way] === "string");
  if (chosen.length > 1)
    throw new UserError(
      "bit-setup",
      chosen.map((way) => `--${way}`).join(" with "),
      `at most one of ${WAYS.map((way) => `--${way}`).join(", ")}`,
      `type one of them, such as: npx bit-setup --${chosen[0] === "plugin" ? "cpu" : chosen[0]}`,
    );
  const [way] = chosen;
  const flavour = way === undefined ? undefined : way === "prebuilt" ? "prebuilt" : "cpu";
  const plugin = flags.plugin === undefined ? undefined : { name: flags.plugin };
  const ended = await interruptible(
    (signal) =>
      flags.check
        ? check(flavour, flags.json, signal)
        : setUp({ flavour, plugin: plugin ?? wishOf(way), force: flags.force, signal }),
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
  readonly force: boolean;
  readonly signal: AbortSignal;
}

async function setUp({ flavour, plugin: wish, force, signal }: SetUpWishes): Promise<number> {
  const reporter = setupProgress(output.terminal);
  const { engine } = await setUpEngine({ flavour, force, reporter, signal });
  output.line(
    `The engine is ready: TensorFlow ${engine.version} (${engine.flavour}), ${engine.folder}`,
  );
  // Beside the prebuilt, which somebody chose for its own way to a GPU, none is brought unasked.
  const isUnasked = wish === "if-gpu" && engine.flavour === "prebuilt";
  if (wish === undefined || isUnasked) return 0;
  const plugin = await setUpPlugin(wish, { force, reporter, signal });
  if (plugin !== undefined)
    output.line(`The plugin is ready: ${plugin.title} (${plugin.name}), ${plugin.folder}`);
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
