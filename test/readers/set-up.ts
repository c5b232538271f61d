/** All readers, before the first test: none waits for a download within its time. */
import { findBrowser } from "./chromium.js";
import { environments, pythonOf } from "./python.js";

/** Sets up what is missing. Throws UserError where that fails. */
export async function setUpReaders(): Promise<void> {
  await findBrowser();
  // One after another: pip is bound by the processor and the disk.
  for (const name of environments) await pythonOf(name);
}
