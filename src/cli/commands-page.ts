/** docs/commands.md: every command and its settings, out of the registry and the table. */

import { markdownTable } from "../bench/markdown.js";
import { type CommandSetting, settingsOf } from "../settings/table.js";
import { expectedOf } from "../settings/values.js";
import { commands } from "./commands.js";
import { commandNames, type RegisteredName } from "./find-command.js";

const introduction = `# Commands and their flags

Made by \`npm run docs\` out of the table of settings (\`src/settings/\`) and the registry of commands
(\`src/cli/commands.ts\`).

Every flag may also be written in kebab-case (\`--base-lr\`), and with \`=\`. A flag that is on by default is
switched off by \`--no-\` before its name. \`--help\` of each command says the same, \`--version\` the version.

\`bit-train --config run.yaml\` reads settings from a file of YAML or JSON, by the flags' names:

\`\`\`yaml
# run.yaml; paths are from where the command is started, not from where this file lies
model: BiT-M-R50x1
dataset: photos
batch: 64
base_lr: 0.003 # or base-lr
save: false # as --no-save
name: "007" # quotes where text looks like a number
\`\`\`

Flags on the command line take precedence, and the run's \`config.json\` has the resolved values.

\`npx bit-train completion >> ~/.bashrc\` makes the shell complete flags, of the commands' own names: after \`npx\` it does
not, so install the package globally, or put the project's \`node_modules/.bin\` in \`PATH\`.

A mistake gives one message on standard error that says where, what was found, what was expected and what to type
next, and exits with 2. So does a result that cannot be written completely, on a full disk. A bug shows its stack and
exits with 1. If the reader of the output is gone (\`| head\`), the command ends quietly with 141, as by SIGPIPE.`;

/** The page's text. */
export function commandsPage(): string {
  const contents = commandNames.map((name) => [link(name), commands[name].summary]);
  return [
    introduction,
    markdown(["command", "what it does"], contents),
    ...commandNames.map(section),
    "",
  ]
    .join("\n\n")
    .trimEnd()
    .concat("\n");
}

function link(name: RegisteredName): string {
  const title = titleOf(name);
  return `[\`${title}\`](#${title.replaceAll(" ", "-")})`;
}

function titleOf(name: RegisteredName): string {
  const { program, verb } = commands[name];
  if (verb !== undefined) return `${program} ${verb}`;
  return name === "check" ? `${program} check` : program;
}

function section(name: RegisteredName): string {
  const { usage, description, examples } = commands[name];
  const lines = examples.flatMap(([line, what]) => [`# ${what}`, line]);
  const settings = settingsOf(name);
  const parts = [
    `## ${titleOf(name)}`,
    `\`${usage}\``,
    description.replaceAll("\n", " "),
    ["```sh", ...lines, "```"].join("\n"),
  ];
  if (settings.length > 0) parts.push(table(settings, name === "train"));
  return parts.join("\n\n");
}

/** @param goesOn whether a run may go on, and so whether a setting may change then is to be said */
function table(settings: readonly CommandSetting[], goesOn: boolean): string {
  const head = ["flag", "takes", "if left out", "what it is"];
  if (goesOn) head.push("when a run continues");
  const rows = settings.map((setting) => {
    const { flag, row, help } = setting;
    const since = row.since === undefined ? "" : ` (since ${row.since})`;
    const cells = [`\`--${flag}\``, takes(setting), leftOut(setting), `${help}${since}`];
    if (goesOn)
      cells.push({ true: "must stay", false: "may change", undefined: "" }[`${row.decides}`]);
    return cells;
  });
  return markdown(head, rows);
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const escaped = (cell: string) => cell.replaceAll("|", "\\|").replaceAll("<", "&lt;");
  return markdownTable(
    head,
    rows.map((row) => row.map(escaped)),
    head.length,
  ).join("\n");
}

function takes({ row }: CommandSetting): string {
  if (row.kind === "boolean") return "";
  if (row.kind === "choice") return row.choices.map((choice) => `\`${choice}\``).join(", ");
  return row.kind === "text" ? "text" : expectedOf(row);
}

function leftOut(setting: CommandSetting): string {
  if (setting.required) return "it is required";
  if (setting.default === undefined) return setting.otherwise ?? "";
  if (setting.row.kind === "boolean") return setting.default === true ? "on" : "";
  return `\`${setting.default}\``;
}
