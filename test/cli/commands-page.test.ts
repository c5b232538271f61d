/** docs/commands.md is what the tables say, and the README names every command. */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { commands, programs } from "../../src/cli/commands.js";
import { commandsPage } from "../../src/cli/commands-page.js";
import { commandNames } from "../../src/cli/find-command.js";
import { repositoryRoot } from "../fixture-path.js";

const read = (path: string) => readFile(join(repositoryRoot, path), "utf8");

test("docs/commands.md is up to date (npm run docs)", async () => {
  assert.equal(await read("docs/commands.md"), commandsPage());
});

test("every program has a script in bin/ and in package.json, which is the same line", async () => {
  const scripts = (await readdir(join(repositoryRoot, "bin"))).map((name) => name.slice(0, -3));
  assert.deepEqual(scripts.toSorted(), programs.toSorted());
  const { bin } = JSON.parse(await read("package.json"));
  assert.deepEqual(Object.keys(bin).toSorted(), programs.toSorted());
  for (const program of programs) {
    assert.equal(bin[program], `bin/${program}.js`);
    assert.ok((await read(`bin/${program}.js`)).endsWith(`\nawait start("${program}");\n`));
  }
});

test("the README has a row of every program", async () => {
  const readme = await read("README.md");
  for (const name of commandNames) {
    const { program } = commands[name];
    assert.match(readme, new RegExp(`\\n\\| \`${program}( \\w+)?\` `), program);
  }
});
