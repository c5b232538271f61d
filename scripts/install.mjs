/**
 * What `npm start` and `npm test` do first in a clone: packages, build, native engine. Each part is done
 * only when it is not done already. Plain Node without packages, since it runs before there are any.
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = fileURLToPath(new URL("..", import.meta.url));

/** Something that the user can mend: printed without a stack. */
export class InstallError extends Error {
  /** @param {string} message @param {number} exitCode */
  constructor(message, exitCode = 2) {
    super(message);
    this.exitCode = exitCode;
  }
}

/** @throws InstallError when Node is too old for the code and its packages */
export function checkNode(version = process.versions.node) {
  if (Number(version.split(".")[0]) >= 20) return;
  throw new InstallError(
    `Node ${version} is too old: Node 20 or newer is needed.\n` +
      "  next: install it from your system's packages or with a version manager (nvm install 22)",
  );
}

/**
 * Runs a program with this terminal as its own. Ctrl-C reaches it by itself and it decides how to end;
 * this process waits for it.
 * @returns {Promise<number>} the exit status; 128 + the signal's number stands for a signal
 */
export async function run(command, args) {
  const child = spawn(command, args, { cwd: ROOT, stdio: ["ignore", "inherit", "inherit"] });
  const wait = () => {};
  const pass = (signal) => child.kill(signal);
  process.on("SIGINT", wait);
  process.on("SIGTERM", pass);
  try {
    return await new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("close", (status, signal) => resolve(status ?? (signal === "SIGINT" ? 130 : 143)));
    });
  } finally {
    process.removeListener("SIGINT", wait);
    process.removeListener("SIGTERM", pass);
  }
}

function readJson(file) {
  try {
    return JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return undefined;
  }
}

/**
 * Whether node_modules is what package-lock.json says, by npm's own record of what it installed: npm
 * writes it last, so an install that was broken off has none.
 */
export function packagesAreInstalled(root = ROOT) {
  const wanted = readJson(join(root, "package-lock.json"))?.packages;
  const installed = readJson(join(root, "node_modules/.package-lock.json"))?.packages;
  if (wanted === undefined || installed === undefined) return false;
  const direct = Object.keys(wanted[""]?.optionalDependencies ?? {});
  return Object.entries(wanted).every(([path, entry]) => {
    // Packages for other systems are in the lock file and not on the disk, nor is what only they need.
    const isDirect = direct.some((name) => path === `node_modules/${name}`);
    const mayBeAbsent = entry.optional === true && !isDirect;
    return path === "" || mayBeAbsent || installed[path]?.version === entry.version;
  });
}

/** Elsewhere than on a terminal npm says nothing until its end. */
function sayPackages() {
  const folder = join(ROOT, "node_modules");
  const count = existsSync(folder) ? readdirSync(folder).length : 0;
  console.log(`... still at it: ${count} folders in node_modules so far`);
}

/** `npm ci`, when packages are missing or the lock file has changed. */
export async function installPackages() {
  if (packagesAreInstalled()) return;
  console.log("Installing npm packages (once; again when package-lock.json changes) ...");
  const heartbeat = process.stdout.isTTY ? undefined : setInterval(sayPackages, 10_000);
  // tfjs-node-gpu's install script fetches from a host of its own; bit-setup does its work instead.
  const status = await run("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"])
    .catch((error) => {
      throw new InstallError(
        `npm does not run (${error.code ?? error.message})\n  next: install npm; it comes with Node`,
      );
    })
    .finally(() => clearInterval(heartbeat));
  if (status >= 128) throw new InstallError("Interrupted.", status);
  if (status !== 0)
    throw new InstallError(
      "npm could not install the packages; its lines above say why.\n" +
        "  next: check the network, the disk and npm's registry (npm config get registry);\n" +
        "        behind a proxy: npm config set https-proxy http://proxy:port; then type it again",
    );
}

/** Paths, sizes and times of all that the compiler reads: when one changes, so does this text. */
function sourceState(root) {
  const lines = [];
  const add = (path) => {
    const { size, mtimeMs } = statSync(join(root, path));
    lines.push(`${path} ${size} ${mtimeMs}`);
  };
  for (const folder of ["src", "test", "scripts"])
    for (const name of readdirSync(join(root, folder), { recursive: true }).sort())
      if (name.endsWith(".ts")) add(join(folder, name));
  for (const name of readdirSync(join(root, "web")).sort()) add(join("web", name));
  for (const file of [
    "scripts/build-page.mjs",
    "tsconfig.json",
    "package.json",
    "package-lock.json",
  ])
    add(file);
  return lines.join("\n");
}

/**
 * Compiles (and so type-checks) src and test to dist and bundles the page of exports, when something has
 * changed since the last time.
 * @returns {Promise<boolean>} whether the types are right
 */
export async function build() {
  const stamp = join(ROOT, "dist/.built-from");
  const before = sourceState(ROOT);
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === before) return true;
  console.log("Compiling ...");
  const tsc = join(ROOT, "node_modules/typescript/bin/tsc");
  for (const args of [[tsc], [tsc, "-p", "web"], [join(ROOT, "scripts/build-page.mjs")]]) {
    const status = await run(process.execPath, args);
    if (status >= 128) throw new InstallError("Interrupted.", status);
    if (status !== 0) return false;
  }
  writeFileSync(stamp, before);
  return true;
}

/** Prepares the native engine, unless findEngine finds one; that check costs no process. */
export async function setUpEngine() {
  const { findEngine } = await import("../dist/src/engine/installed.js");
  const { isComplete } = await import("../dist/src/engine/native-kernels.js");
  const engine = findEngine();
  if (engine !== undefined && isComplete(engine)) return;
  const status = await run(process.execPath, [join(ROOT, "bin/bit-setup.js")]);
  if (status >= 128) throw new InstallError("Interrupted.", status);
  // It has said itself what is wrong.
  if (status !== 0) throw new InstallError("The set-up did not finish.", status);
}

/** All of it, in turn. */
export async function install() {
  checkNode();
  await installPackages();
  if (!(await build())) throw new InstallError("The sources do not compile; see above.", 1);
  await setUpEngine();
}

/** Ends a script: its exit code, and what is said of an error. */
export async function runScript(main) {
  // A reader that has gone, as a `tee` that Ctrl-C ends too, is no reason to end.
  for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});
  try {
    process.exitCode = await main();
  } catch (error) {
    if (error instanceof InstallError) console.error(error.message);
    else console.error(error);
    process.exitCode = error instanceof InstallError ? error.exitCode : 1;
  }
}
