/** The README names every command, and the flags of `bit-train`, as they are. */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { main as train } from "../../src/cli/bit-train.js";
import { repositoryRoot } from "../fixture-path.js";
import { runHere } from "./command.js";

const readme = await readFile(join(repositoryRoot, "README.md"), "utf8");

test("bit-train's row has the flags of --help, and no others", async () => {
  const { stdout } = await runHere(train, ["--help"]);
  const asked = ["version", "help"];
  const flags = [...stdout.matchAll(/^ {2}--(\w+)(?=[, ])/gm)].map(([, flag]) => flag!);
  const known = flags.filter((flag) => !asked.includes(flag));
  const row = readme.split("\n").find((line) => line.startsWith("| `bit-train`  "))!;
  const told = [...row.matchAll(/--(\w+(?:-\w+)*)/g)].map(([, flag]) => flag!.replace(/^no-/, ""));
  assert.deepEqual(told.toSorted(), known.toSorted());
});

test("every script of bin/, and both commands of bit-data, have a row", async () => {
  const scripts = (await readdir(join(repositoryRoot, "bin"))).map((name) => name.slice(0, -3));
  const commands = scripts.flatMap((name) =>
    name === "bit-data" ? ["bit-data check", "bit-data convert"] : [name],
  );
  for (const command of commands) assert.ok(readme.includes(`\n| \`${command}\` `), command);
});
