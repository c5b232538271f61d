/** A setting's values as a schema of JSON. */
import { z } from "zod";
import type { Setting } from "./setting.js";
import { expectedOf, isValue } from "./values.js";

/** What `isValue` takes, as zod checks it. */
export function settingShape(row: Setting) {
  return z.custom<string | number | boolean>((value) => isValue(row, value), {
    error: `expected ${expectedOf(row)}`,
  });
}
