/** `bit-setup`: a flag table and one library call. */
import yargs from "yargs";
import { checkEngine, type EngineReport } from "../engine/setup/check.js";
import { FLAVOURS, type Flavour } from "../engine/setup/recipe.js";
import { setUpEngine } from "../engine/setup/set-up.js";
import { UserError } from "../errors.js";
import { HelpAsked } from "./exit.js";
import { interruptible, signalExit } from "./interrupt.js";
import { output, USER_ERROR_EXIT } from "./output.js";
import { setupProgress } from "./setup-progress.js";

function parser(argv: readonly string[]) {
  return yargs([...argv])
    .scriptName("bit-setup")
    .usage(
      "$0 [options]\n\nPrepares the native TensorFlow engine, once for all clones and runs.\n" +
        "It lies in $BIT_CACHE, else $XDG_CACHE_HOME/bit-train, else ~/.cache/bit-train.\n" +
        "Exit codes: 0 it is usable; 2 it is not, or lacks this version's own operations, and the\n" +
        "message says what to do; 1 a bug.",
    )
    .options({
      cpu: { type: "boolean", describe: "TensorFlow's CPU build, also where there is a GPU" },
      gpu: {
        type: "boolean",
        describe: "its CUDA 12 build and NVIDIA's libraries (3.4 GB to fetch)",
      },
      prebuilt: {
        type: "boolean",
        describe: "TensorFlow 2.9.1 for CUDA 11.2, as the makers of TensorFlow.js host it",
      },
      force: { type: "boolean", default: false, describe: "make it anew even if it is there" },
      check: { type: "boolean", default: false, describe: "change nothing; say what is there" },
      json: { type: "boolean", default: false, describe: "with --check: the report as JSON" },
    })
    .example("$0", "the CUDA build where an NVIDIA driver is found, else the CPU build")
    .example("$0 --check", "version, devices, where it lies, what is wrong if anything")
    .example("$0 --gpu", "the CUDA build, whatever was found")
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
  const chosen = FLAVOURS.filter((flavour) => flags[flavour] === true);
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
      flags.check ? check(flavour, flags.json, signal) : setUp(flavour, flags.force, signal),
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
