/** What a killed process left half made is swept by the next one; what a living one is at is not. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readdir, utimes, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { test } from "node:test";
import { makePlace } from "../../src/disk/kept-files.js";
import { makeFolderAtomically } from "../../src/disk/new-folder.js";
import { requireReplaceable } from "../../src/disk/replaceable.js";
import {
  isTemporaryName,
  LEFT_FOR_MS,
  sweepLeftovers,
  temporaryName,
} from "../../src/disk/temporary-name.js";
import { temporaryFolder } from "../data/temporary-folder.js";

const module = (name: string) => new URL(`../../src/disk/${name}.js`, import.meta.url).href;

/** The names of a file and of a folder with contents that a process left half made when it was killed. */
async function leftIn(folder: string): Promise<string[]> {
  const script = `
    import { writeFileAtomically } from ${JSON.stringify(module("atomic-file"))};
    import { makeFolderAtomically } from ${JSON.stringify(module("new-folder"))};
    import { writeFileSync } from "node:fs";
    const folder = process.argv[1];
    const forever = new Promise(() => setInterval(() => {}, 1000));
    void writeFileAtomically(folder + "/table.npz", () => forever);
    void makeFolderAtomically(folder + "/export", "--out", async (made) => {
      writeFileSync(made + "/model.bin", "half");
      console.log("made");
      await forever;
    });`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script, folder], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  await once(child.stdout, "data");
  const left = (await readdir(folder)).filter(isTemporaryName);
  assert.equal(left.length, 2);
  // Both are a living process's as yet.
  await sweepLeftovers(folder, 0);
  assert.deepEqual((await readdir(folder)).filter(isTemporaryName), left);
  child.kill("SIGKILL");
  await once(child, "exit");
  return left;
}

test("whoever makes something beside it sweeps what a killed process left", async (t) => {
  const ways: Readonly<Record<string, (folder: string) => Promise<void>>> = {
    "a folder that is made": (folder) =>
      makeFolderAtomically(join(folder, "other"), "--out", async () => undefined),
    "an output's place": (folder) =>
      requireReplaceable(join(folder, "out.csv"), { name: "table", matches: () => true }, "--csv"),
    "a kept file's place": (folder) => makePlace(folder, ".npz"),
  };
  for (const [way, sweep] of Object.entries(ways))
    await t.test(way, async (t) => {
      const folder = await temporaryFolder(t);
      await leftIn(folder);
      await writeFile(join(folder, ".notes.tmp"), "a user's");
      await sweep(folder);
      const names = await readdir(folder);
      assert.deepEqual(names.filter(isTemporaryName), []);
      assert.ok(names.includes(".notes.tmp"));
    });
});

test("of another machine's processes only time tells, and in folders of ours alone", async (t) => {
  const folder = await temporaryFolder(t);
  const own = basename(temporaryName(join(folder, "table.npz")));
  const [, machine] = /\.\d+-([0-9a-f]{8})-[0-9a-f]{8}\.tmp$/.exec(own)!;
  const other = own.replace(`-${machine}-`, "-00000000-");
  const earlier = ".table.npz.1-0123abcd.tmp";
  for (const name of [other, earlier]) await writeFile(join(folder, name), "");
  await sweepLeftovers(folder, LEFT_FOR_MS);
  assert.equal((await readdir(folder)).length, 2, "just made");
  for (const name of [other, earlier])
    await utimes(join(folder, name), new Date(0), new Date(Date.now() - LEFT_FOR_MS - 1000));
  await sweepLeftovers(folder);
  assert.equal((await readdir(folder)).length, 2, "a folder that people share");
  await sweepLeftovers(folder, LEFT_FOR_MS);
  assert.deepEqual(await readdir(folder), []);
});

test("a folder in the place of a kept file goes, others stay", async (t) => {
  const folder = join(await temporaryFolder(t), "features");
  await makePlace(folder, ".npz");
  for (const name of ["0123.npz", "mine"]) {
    await mkdir(join(folder, name));
    await writeFile(join(folder, name, "file"), "");
  }
  await writeFile(join(folder, "4567.npz"), "");
  await makePlace(folder, ".npz");
  assert.deepEqual((await readdir(folder)).sort(), ["4567.npz", "mine"]);
});
