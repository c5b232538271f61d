/** A real Chromium, driven by playwright-core: `$CHROMIUM`, else the system's, else Debian's, fetched. */
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import { type Browser, chromium as playwright } from "playwright-core";
import { debianChromium, type FetchedBrowser } from "./debian-chromium.js";

const names = ["chromium", "chromium-browser", "google-chrome-stable", "google-chrome"];

/** What a browser does by itself over the network has no place in a test. */
const quiet = [
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-quic",
  "--disable-sync",
  "--no-first-run",
];

/**
 * Starts a browser without a window. Close it when done.
 * @param args more of Chromium's own flags
 * @throws UserError where there is none and none can be fetched
 */
export async function chromium(args: readonly string[] = []): Promise<Browser> {
  const { program, environment } = await findBrowser();
  return await playwright.launch({
    executablePath: program,
    args: [...quiet, ...args],
    // Root, as in most containers, has no sandbox.
    chromiumSandbox: process.getuid?.() !== 0,
    env: { ...process.env, ...environment },
  });
}

/** The browser that `chromium` starts; fetched where there is none. */
export async function findBrowser(): Promise<FetchedBrowser> {
  const chosen = process.env["CHROMIUM"];
  if (chosen) return { program: chosen, environment: {} };
  const program = onPath();
  return program === undefined ? await debianChromium() : { program, environment: {} };
}

function onPath(): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter).filter((folder) => folder !== "");
  const candidates = names.flatMap((name) => folders.map((folder) => join(folder, name)));
  return candidates.find((candidate) => {
    try {
      accessSync(candidate, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
