/** One version, wherever it is told: that of the changelog's newest section. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { packageVersion } from "../src/package-root.js";
import type { Setting } from "../src/settings/setting.js";
import { settingTable } from "../src/settings/table.js";
import { repositoryRoot } from "./fixture-path.js";

const read = (path: string) => readFileSync(join(repositoryRoot, path), "utf8");

/** The versions of the changelog's sections, newest first. */
const sections = [...read("CHANGELOG.md").matchAll(/^## \[(\d+\.\d+\.\d+)\]/gm)].map(([, v]) => v!);

test("commands, package, lock file, citation and changelog tell one version", () => {
  const version = packageVersion();
  assert.equal(sections[0], version);
  assert.match(read("CITATION.cff"), new RegExp(`^version: ${version}$`, "m"));
  const lock = JSON.parse(read("package-lock.json"));
  assert.deepEqual([lock.version, lock.packages[""].version], [version, version]);
});

test("settings came with a version that the changelog knows", () => {
  const rows: readonly (readonly [string, Setting])[] = Object.entries(settingTable);
  for (const [name, { since }] of rows)
    assert.ok(since === undefined || sections.includes(since), `${name}: since ${since}`);
});
