/**
 * Debian's Chromium without root: apt fetches the packages by lists and a state of its own, dpkg unpacks them
 * into a folder. Nothing is installed; the system's apt is only asked for its sources and keys.
 */
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Ending, run } from "../../bench/suite/child.js";
import { UserError } from "../../src/errors.js";
import { withLock } from "../../src/setup/staging.js";
import { note, readersCache } from "./cache.js";

const wanted = "chromium-headless-shell";

/** Another C library than the one that runs cannot be loaded beside it. */
const isSystems = /^(libc6|libc-bin|gcc-12-base)_/;

/** How a fetched browser is started. */
export interface FetchedBrowser {
  readonly program: string;
  readonly environment: Readonly<Record<string, string>>;
}

/**
 * The browser in the cache folder; fetched where it is not there. About 170 MB.
 * @throws UserError where apt or dpkg is missing or fails
 */
export async function debianChromium(): Promise<FetchedBrowser> {
  const folder = join(readersCache, `chromium-debian-${await codename()}`);
  const complete = join(folder, "complete");
  if (!existsSync(complete))
    await withLock(join(readersCache, ".chromium-making"), async () => {
      if (existsSync(complete)) return;
      await fetchInto(folder);
      await mustStart(await started(folder));
      await writeFile(complete, "");
    });
  return await started(folder);
}

/** What a package misses, a library for one, is said once: not by each test that would use the browser. */
async function mustStart({ program, environment }: FetchedBrowser): Promise<void> {
  const args = ["--no-sandbox", "--version"];
  must(await run({ program, args, environment }).catch(missing), program);
}

async function codename(): Promise<string> {
  const release = await readFile("/etc/os-release", "utf8").catch(() => "");
  return /^VERSION_CODENAME="?([a-z]+)/m.exec(release)?.[1] ?? "unknown";
}

async function fetchInto(folder: string): Promise<void> {
  note(`Fetching Debian's ${wanted} into ${folder} ...`);
  await rm(folder, { recursive: true, force: true });
  const apt = join(folder, "apt");
  for (const part of ["state", "lists/partial", "cache/archives/partial"])
    await mkdir(join(apt, part), { recursive: true });
  // As on a system with nothing installed: all that the browser needs is fetched, whatever is here.
  await writeFile(join(apt, "status"), "");
  const config = join(apt, "apt.conf");
  const settings = {
    "Dir::State": "state",
    "Dir::State::lists": "lists",
    "Dir::State::status": "status",
    "Dir::Cache": "cache",
  };
  const lines = Object.entries(settings).map(([key, part]) => `${key} "${join(apt, part)}";`);
  await writeFile(config, `${lines.join("\n")}\nAPT::Sandbox::User "";\n`);
  const environment = { APT_CONFIG: config };
  // A source that does not answer is no reason to stop: the next command says what is missing.
  await run({ program: "apt-get", args: ["-q", "update"], environment }).catch(() => undefined);
  const args = ["-q", "-y", "--no-install-recommends", "--download-only", "install", wanted];
  must(await run({ program: "apt-get", args, environment }).catch(missing), "apt-get");
  const archives = join(apt, "cache", "archives");
  for (const name of await readdir(archives)) {
    if (!name.endsWith(".deb") || isSystems.test(name)) continue;
    const extraction = ["-x", join(archives, name), join(folder, "root")];
    must(await run({ program: "dpkg", args: extraction }).catch(missing), "dpkg");
  }
  await rm(apt, { recursive: true, force: true });
}

function missing(error: unknown): Ending {
  return { status: null, signal: null, stdout: "", stderr: String(error) };
}

function must({ status, stdout, stderr }: Ending, program: string): void {
  if (status === 0) return;
  throw new UserError(
    `${program}, for ${wanted}`,
    `failed:\n${(stdout + stderr).trimEnd().split("\n").slice(-6).join("\n")}`,
    "Chromium from Debian's packages, or one on the PATH",
    "install Chromium (sudo apt install chromium), or set CHROMIUM to a browser's path",
  );
}

async function started(folder: string): Promise<FetchedBrowser> {
  const root = join(folder, "root");
  const fonts = join(folder, "fonts.conf");
  await writeFile(
    fonts,
    `<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd"><fontconfig><dir>${root}/usr/share/fonts</dir></fontconfig>\n`,
  );
  const libraries = await librariesIn(root);
  return {
    program: join(root, "usr/lib/chromium/chromium-headless-shell"),
    environment: { LD_LIBRARY_PATH: libraries.join(":"), FONTCONFIG_FILE: fonts },
  };
}

/**
 * Folders of libraries under a root. Those in folders of their own (PulseAudio's are) name them by the path
 * on an installed system, where they are not.
 */
async function librariesIn(root: string): Promise<string[]> {
  const triplet = process.arch === "arm64" ? "aarch64-linux-gnu" : "x86_64-linux-gnu";
  const parents = [join(root, "usr/lib", triplet), join(root, "lib", triplet)];
  const children = await Promise.all(
    parents.map(async (parent) => {
      const entries = await readdir(parent, { withFileTypes: true }).catch(() => []);
      return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(parent, name));
    }),
  );
  return [...parents, ...children.flat()];
}
