/** Which setting is meant by a name that is none's. */
import { perhaps } from "../close-names.js";
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
  if (called.length > 0) return `perhaps ${called.map(({ flag }) => flag).join(" or ")}`;
  const flags = settings.map(({ flag }) => flag);
  const near = perhaps(asked, flags);
  if (near !== undefined) return near;
  const within = flags.filter((flag) => flag.split("_").includes(asked)).slice(0, 3);
  return within.length > 0 ? `perhaps ${within.join(" or ")}` : undefined;
}
