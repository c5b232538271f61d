/** A command as people type it, out of the settings that it would be run with. */
import { quoted } from "./shell-word.js";
import { flagOf, settingsOf } from "./table.js";

/**
 * The command with those of its options that differ from what holds without them.
 * @param program as in `bit-train`
 * @param command its name in the table of settings
 * @param environment what stands in for settings that are left out
 */
export function commandLine(
  program: string,
  command: string,
  options: object,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const given = new Map<string, unknown>(Object.entries(options));
  const flags = settingsOf(command).flatMap(({ name, row, default: usual }) => {
    const value = given.get(name);
    const byItself = (row.environment && environment[row.environment]) || usual;
    if (value === undefined || value === byItself) return [];
    const flag = flagOf(name);
    if (value === false) return byItself === undefined ? [] : [`--no-${flag}`];
    // A value that begins with a dash would be taken for a flag.
    if (typeof value === "string" && value.startsWith("-")) return [`--${flag}=${quoted(value)}`];
    return value === true ? [`--${flag}`] : [`--${flag}`, quoted(String(value))];
  });
  return ["npx", program, ...flags].join(" ");
}
