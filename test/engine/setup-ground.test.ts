import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import {
  checkDisk,
  checkMachine,
  checkWritable,
  explainFullDisk,
} from "../../src/engine/setup/ground.js";
import { recipeFor } from "../../src/engine/setup/recipe.js";
import { setUpEngine } from "../../src/engine/setup/set-up.js";
import { findCompiler } from "../../src/engine/setup/tools.js";
import { bitSetup, temporaryFolder, writeTool } from "./setup-fakes.js";

const PYTHON = '[ "$1" = --version ] && echo "Python 3.12.1" && exit 0; echo pip 24; exit 0';

test("without Python: what is missing, what to type, exit 2, nothing made", async (context) => {
  const folder = await temporaryFolder(context);
  const env = { PATH: folder, BIT_CACHE: join(folder, "cache") };
  const { status, output } = await bitSetup(["--cpu"], env);
  assert.equal(status, 2);
  assert.match(output, /Python 3 was not found/);
  assert.match(output, /sudo apt install python3 python3-pip .*Debian.*sudo dnf install/);
  assert.doesNotMatch(output, /^ +at /m, "a user's mistake has no stack");
  assert.ok(!existsSync(env.BIT_CACHE));
});

test("a Python without pip", async (context) => {
  const folder = await temporaryFolder(context);
  const noPip = `[ "$1" = --version ] && echo "Python 3.12.1" && exit 0
echo "/usr/bin/python3: No module named pip" >&2; exit 1`;
  await writeTool(folder, "python3", noPip);
  const { status, output } = await bitSetup(["--cpu"], { PATH: folder, BIT_CACHE: folder });
  assert.equal(status, 2);
  assert.match(output, /pip is missing:\n +.*No module named pip/);
  assert.match(output, /sudo apt install python3-pip/);
});

test("Python 2 alone is not enough", async (context) => {
  const folder = await temporaryFolder(context);
  await writeTool(folder, "python", 'echo "Python 2.7.18"');
  const { output } = await bitSetup(["--cpu"], { PATH: folder, BIT_CACHE: folder });
  assert.match(output, /Python 3 was not found/);
});

test("without a C++ compiler", async (context) => {
  const folder = await temporaryFolder(context);
  await writeTool(folder, "python3", PYTHON);
  const { status, output } = await bitSetup(["--cpu"], { PATH: folder, BIT_CACHE: folder });
  assert.equal(status, 2);
  assert.match(output, /none of c\+\+, g\+\+ and clang\+\+ was found/);
  assert.match(output, /sudo apt install g\+\+ .*sudo dnf install gcc-c\+\+/);
});

test("CXX wins, may carry arguments, and is named when it does not run", async (context) => {
  const folder = await temporaryFolder(context);
  await writeTool(folder, "wrapper", '[ "$1" = my-g++ ] && [ "$2" = --version ]');
  const found = await findCompiler({ PATH: folder, CXX: "wrapper my-g++" });
  assert.deepEqual(found, ["wrapper", "my-g++"]);
  await assert.rejects(findCompiler({ PATH: folder, CXX: "no-such-compiler" }), {
    name: "UserError",
    message: /CXX is "no-such-compiler"/,
  });
});

test("pip that fails: its last lines, and what to do about the network", async (context) => {
  const folder = await temporaryFolder(context);
  const failing = `case "$*" in --version) echo "Python 3.11.0";; "-m pip --version") ;;
*) echo "ERROR: Could not find a version that satisfies the requirement" >&2; exit 1;; esac`;
  await writeTool(folder, "python3", failing);
  await writeTool(folder, "c++", "exit 0");
  const cache = join(folder, "cache");
  const { status, output } = await bitSetup(["--cpu"], { PATH: folder, BIT_CACHE: cache });
  assert.equal(status, 2);
  assert.match(output, /pip could not download it:\n +ERROR: Could not find a version/);
  assert.match(output, /HTTPS_PROXY[\s\S]*pip config set global\.index-url/);
});

test("too little disk is told before anything is fetched", async (context) => {
  const folder = await temporaryFolder(context);
  const cpu = recipeFor("cpu");
  await checkDisk(folder, cpu, async () => cpu.peakDiskBytes);
  await assert.rejects(
    checkDisk(folder, cpu, async () => cpu.peakDiskBytes - 1),
    { name: "UserError", message: /1\.3 GiB is free[\s\S]*1\.3 GiB free[\s\S]*BIT_CACHE=/ },
  );
  const gpu = checkDisk(folder, recipeFor("gpu"), async () => 2 ** 30);
  await assert.rejects(gpu, /1\.0 GiB is free[\s\S]*7\.0 GiB[\s\S]*npx bit-setup --cpu/);
  const all = setUpEngine({ flavour: "cpu", cache: folder, freeBytes: async () => 1000 });
  await assert.rejects(all, /0\.0 GiB is free/);
});

test("a disk that runs full in the midst gets the same advice", () => {
  const error = Object.assign(new Error("write failed"), { code: "ENOSPC" });
  const explained = explainFullDisk(error, "/cache", recipeFor("cpu"));
  assert.match(String(explained), /ran full during the set-up[\s\S]*BIT_CACHE=/);
  const other = new Error("other");
  assert.equal(explainFullDisk(other, "/cache", recipeFor("cpu")), other);
});

test("a cache folder that cannot be written", async (context) => {
  const folder = await temporaryFolder(context);
  const file = join(folder, "file");
  await writeFile(file, "");
  // A file in the way fails for every user; root may write to folders that others may not.
  await assert.rejects(checkWritable(join(file, "engine")), {
    name: "UserError",
    message: /cannot be written \(ENOTDIR\)[\s\S]*set BIT_CACHE/,
  });
  await assert.rejects(checkWritable("/proc/bit-cache"), /cannot be written \(ENOENT\)/);
  await mkdir(join(folder, "new"));
  await checkWritable(join(folder, "new/engine"));
});

test("machines without a build of TensorFlow", () => {
  const linux = { platform: "linux", arch: "x64", musl: false };
  checkMachine("gpu", linux);
  checkMachine("cpu", { ...linux, arch: "arm64" });
  assert.throws(() => checkMachine("gpu", { ...linux, arch: "arm64" }), /no CUDA build/);
  assert.throws(() => checkMachine("cpu", { ...linux, platform: "win32" }), /WSL2/);
  assert.throws(() => checkMachine("cpu", { ...linux, platform: "darwin" }), /not supported yet/);
  assert.throws(() => checkMachine("cpu", { ...linux, arch: "riscv64" }), /x64 or arm64/);
  assert.throws(() => checkMachine("cpu", { ...linux, musl: true }), /musl[\s\S]*Debian/);
});
