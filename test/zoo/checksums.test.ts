/** SHA256SUMS is what sha256sum reads, sorted, and loses nothing where writers overlap. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { readChecksums, recordChecksum } from "../../src/zoo/checksums.js";
import { temporaryFolder } from "../data/temporary-folder.js";

test("writers that overlap lose nothing, and sha256sum agrees", async (t) => {
  const folder = await temporaryFolder(t);
  await mkdir(join(folder, "vtab"));
  const names = Array.from({ length: 12 }, (_, i) => `${i % 2 ? "vtab/" : ""}model-${i}.npz`);
  await Promise.all(
    names.map(async (name) => {
      await writeFile(join(folder, name), name);
      await recordChecksum(folder, name, createHash("sha256").update(name).digest("hex"));
    }),
  );
  const lines = (await readFile(join(folder, "SHA256SUMS"), "utf8")).trimEnd().split("\n");
  assert.deepEqual(
    lines.map((line) => line.slice(66)),
    [...names].sort(),
  );
  const check = spawnSync("sha256sum", ["--check", "--strict", "--quiet", "SHA256SUMS"], {
    cwd: folder,
    encoding: "utf8",
  });
  assert.equal(check.status, 0, check.stderr);
  assert.ok((await readdir(folder)).every((name) => !name.endsWith(".lock")));
});

test("what others wrote is read and kept", async (t) => {
  const folder = await temporaryFolder(t);
  assert.equal((await readChecksums(folder)).size, 0);
  const [a, b] = ["A".repeat(64), "b".repeat(64)];
  await writeFile(join(folder, "SHA256SUMS"), `# from the mirror\r\n${a} *z.npz\r\n`);
  await recordChecksum(folder, "a.npz", b);
  const text = await readFile(join(folder, "SHA256SUMS"), "utf8");
  assert.equal(text, `# from the mirror\n${b}  a.npz\n${a.toLowerCase()}  z.npz\n`);
});
