/** The commands in a project that has the package installed, which is not a clone of it. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { cp, mkdir, readdir, readFile, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { packageVersion } from "../../src/package-root.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { repositoryRoot } from "../fixture-path.js";

/** A project as `npm install bit-train-X.tgz` leaves it: packages side by side. */
async function project(root: string): Promise<string> {
  const packages = join(root, "node_modules");
  const own = join(packages, "bit-train");
  await mkdir(own, { recursive: true });
  await writeFile(join(root, "package.json"), '{ "name": "photos", "version": "7.8.9" }');
  for (const name of ["package.json", "bin", "assets", "sample", join("dist", "src")])
    await cp(join(repositoryRoot, name), join(own, name), { recursive: true });
  // A link would lead back to the clone; of yargs that matters, which looks around where it lies.
  await cp(join(repositoryRoot, "node_modules", "yargs"), join(packages, "yargs"), {
    recursive: true,
  });
  for (const name of await readdir(join(repositoryRoot, "node_modules")))
    if (!name.startsWith(".") && !["yargs", "bit-train"].includes(name))
      await symlink(join(repositoryRoot, "node_modules", name), join(packages, name));
  return own;
}

test("every command of an installed package tells its own version, and its help", async (t) => {
  const root = await temporaryFolder(t);
  const own = await project(root);
  const { bin } = JSON.parse(await readFile(join(own, "package.json"), "utf8"));
  const run = async (script: string, ...args: string[]) => {
    const call = promisify(execFile)(process.execPath, [join(own, script), ...args], { cwd: root });
    return (await call).stdout.trim();
  };
  for (const script of Object.values<string>(bin))
    assert.equal(await run(script, "--version"), packageVersion(), script);
  assert.match(await run(bin["bit-train"], "--help"), /^bit-train --model MODEL/);
  await mkdir(join(root, "bit_logs"));
  assert.equal(await run(bin["bit-train"], "runs"), "No runs in bit_logs");
});
