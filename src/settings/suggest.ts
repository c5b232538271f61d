/** Which setting is meant by a name that is none's. */
import { perhaps, perhapsOne } from "../close-names.js";
import { settingsOf } from "./table.js";

/**
 * `perhaps base_lr`: the settings of a command that other tools call so, whose names are near, or have it for
 * one of their words.
 * @param name in snake_case or kebab-case
 * @returns undefined where there is none
 */
export function suggestedSettings(command: string, name: string): string | undefined {
  const asked = name.replaceAll("-", "_").toLowerCase();
  const settings = settingsOf(command);
  const called = settings.filter(({ row }) => row.otherNames?.includes(asked) === true);
  const flags = settings.map(({ flag }) => flag);
  const within = flags.filter((flag) => flag.split("_").includes(asked)).slice(0, 3);
  return perhapsOne(called.map(({ flag }) => flag)) ?? perhaps(asked, flags) ?? perhapsOne(within);
}
