/** The part of scripts/ that runs before there are packages. */
import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { temporaryFolder } from "./fakes.js";

const { checkNode, packagesAreInstalled } = (await import(
  new URL("../../../scripts/install.mjs", import.meta.url).href
)) as {
  checkNode(version?: string): void;
  packagesAreInstalled(root: string): boolean;
};

test("an old Node is told so", () => {
  checkNode("20.0.0");
  checkNode("24.1.0");
  assert.throws(() => checkNode("18.19.1"), /Node 18\.19\.1 is too old: Node 20/);
});

test("packages are installed when npm's record agrees with package-lock.json", async (context) => {
  const root = await temporaryFolder(context);
  const lock = {
    packages: {
      "": { name: "x", version: "1.0.0", optionalDependencies: { native: "2.0.0" } },
      "node_modules/a": { version: "1.0.0" },
      "node_modules/native": { version: "2.0.0", optional: true },
      "node_modules/for-windows": { version: "3.0.0", optional: true, os: ["win32"] },
      "node_modules/for-that": { version: "4.0.0", optional: true },
    },
  };
  const installed: Record<string, { version: string }> = {
    "node_modules/a": { version: "1.0.0" },
    "node_modules/native": { version: "2.0.0" },
  };
  const record = () =>
    writeFile(
      join(root, "node_modules/.package-lock.json"),
      JSON.stringify({ packages: installed }),
    );
  await writeFile(join(root, "package-lock.json"), JSON.stringify(lock));
  assert.equal(packagesAreInstalled(root), false, "no node_modules");
  await mkdir(join(root, "node_modules"));
  assert.equal(packagesAreInstalled(root), false, "broken off: npm writes its record last");
  await record();
  assert.equal(packagesAreInstalled(root), true, "a package for another system may be absent");
  installed["node_modules/a"] = { version: "0.9.0" };
  await record();
  assert.equal(packagesAreInstalled(root), false, "another version");
  installed["node_modules/a"] = { version: "1.0.0" };
  delete installed["node_modules/native"];
  await record();
  assert.equal(packagesAreInstalled(root), false, "an optional package that was left out");
});
