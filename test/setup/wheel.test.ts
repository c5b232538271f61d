import assert from "node:assert/strict";
import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { pipDownloadArguments } from "../../src/setup/download.js";
import { silentReporter } from "../../src/setup/reporter.js";
import { unpackWheel } from "../../src/setup/wheel.js";
import { temporaryFolder, writeWheel } from "./fakes.js";

/** Unpacks each of a wheel's entries as `place` says, and tells nobody. */
function unpackInto(into: string, wheel: string, place = (name: string) => name) {
  return unpackWheel({ wheel, into, place, label: "", reporter: silentReporter });
}

test("pip is asked for this processor's wheel, whichever Python runs it", () => {
  const x64 = pipDownloadArguments("tensorflow-cpu==2.21.0", "/there", "x64");
  assert.ok(x64.includes("manylinux_2_27_x86_64") && x64.includes("manylinux2014_x86_64"));
  assert.equal(x64.at(-1), "tensorflow-cpu==2.21.0");
  assert.equal(x64[x64.indexOf("--dest") + 1], "/there");
  assert.ok(pipDownloadArguments("x", "/there", "arm64").includes("manylinux_2_27_aarch64"));
});

test("only the placed entries are unpacked, with their modes and counted bytes", async (context) => {
  const folder = await temporaryFolder(context);
  const wheel = join(folder, "fake.whl");
  await writeWheel(
    wheel,
    {
      "nvidia/nvcc/bin/ptxas": { content: "tool", mode: 0o100755 },
      "nvidia/nvcc/include/cuda.h": { content: "header" },
      "nvidia/nvcc/lib/a,b.so": { content: "library" },
    },
    "Name: nvcc\n",
  );
  const counts: number[] = [];
  const reporter = {
    line() {},
    bytes(_label: string, total: number | undefined) {
      assert.equal(total, 4);
      return { update: (bytes: number) => void counts.push(bytes), done: () => counts.push(-1) };
    },
  };
  const { fileCount } = await unpackWheel({
    wheel,
    into: join(folder, "out"),
    place: (name) => (name.includes("/bin/") ? name : undefined),
    label: "unpacking",
    reporter,
  });
  assert.equal(fileCount, 1);
  assert.deepEqual(counts, [4, -1]);
  const tool = join(folder, "out/nvidia/nvcc/bin/ptxas");
  assert.equal(await readFile(tool, "utf8"), "tool");
  assert.equal((await stat(tool)).mode & 0o111, 0o111, "still executable");
  await assert.rejects(stat(join(folder, "out/nvidia/nvcc/include")), { code: "ENOENT" });
});

test("a file that is not what RECORD says is refused", async (context) => {
  const folder = await temporaryFolder(context);
  const wheel = join(folder, "fake.whl");
  await writeWheel(wheel, { "a/b": { content: "changed", recorded: "original" } });
  const unpacking = unpackInto(join(folder, "out"), wheel);
  await assert.rejects(unpacking, { name: "UserError", message: /a\/b is not what.*RECORD/ });
});

test("a cut wheel and a page of HTML are refused", async (context) => {
  const folder = await temporaryFolder(context);
  const wheel = join(folder, "fake.whl");
  await writeWheel(wheel, { "a/b": { content: "x".repeat(5000) } });
  const whole = await readFile(wheel);
  for (const content of [whole.subarray(0, whole.length - 40), Buffer.from("<html>login</html>")]) {
    await writeFile(wheel, content);
    const unpacking = unpackInto(join(folder, "out"), wheel);
    await assert.rejects(unpacking, { name: "UserError", message: /^wheel fake\.whl: / });
  }
});

test("no entry lands outside the folder", async (context) => {
  const folder = await temporaryFolder(context);
  const wheel = join(folder, "fake.whl");
  await writeWheel(wheel, { "a/b": { content: "x" } });
  const unpacking = unpackInto(join(folder, "out"), wheel, () => "../outside");
  await assert.rejects(unpacking, { name: "UserError" });
  await assert.rejects(stat(join(folder, "outside")), { code: "ENOENT" });
});
