import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { OWN_ADDONS } from "../../src/engine/own-addon.js";
import { PLUGINS } from "../../src/engine/plugin-recipes.js";
import { engineName, recipeFor } from "../../src/engine/recipe.js";
import { explainCompiler, explainNpm, explainPip } from "../../src/setup/failures.js";
import {
  checkDisk,
  checkMachine,
  checkPluginMachine,
  checkWritable,
  explainFullDisk,
} from "../../src/setup/preflight.js";
import { setUpEngine } from "../../src/setup/set-up.js";
import { findCompiler, findPip } from "../../src/setup/tools.js";
import {
  bitSetup,
  compileFakeBinding,
  FAKE_COMPILER,
  FAKE_PYTHON,
  TENSORFLOW_FILES,
  temporaryFolder,
  writeTool,
  writeWheel,
} from "./fakes.js";

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

/** A python3 of some kind, whose `-m pip --version` says and ends as it is told. */
function python(kind: string, pip: string, status: number): string {
  return `case "$1" in --version) echo "Python 3.12.1"; exit 0;; -c) echo ${kind}; exit 0;; esac
echo "${pip}"; exit ${status}`;
}

test("a pip that is missing, too old or broken, and what to type for each kind of Python", async (context) => {
  const missing = "/x/bin/python3: No module named pip";
  const old = "pip 20.2.4 from /x/lib/python3.8/site-packages/pip (python 3.8)";
  for (const [kind, pip, status, message] of [
    ["system", missing, 1, /pip is missing:\n.*No module named pip[\s\S]*apt install python3-pip/],
    [
      "venv",
      missing,
      1,
      /pip is missing:[\s\S]*type: .*python3 -m ensurepip --upgrade .*deactivate/,
    ],
    ["uv", missing, 1, /as in environments that uv makes[\s\S]*uv pip install --python .*python3/],
    [
      "system",
      old,
      0,
      /it is pip 20.2.4, which is too old[\s\S]*-m pip install --user --upgrade pip/,
    ],
    ["venv", old, 0, /too old\n.*pip 20.3 or newer[\s\S]*-m pip install --upgrade pip/],
    ["system", "ImportError: cannot import name Mapping", 1, /pip does not run:\n +ImportError/],
  ] as const) {
    const folder = await temporaryFolder(context);
    await writeTool(folder, "python3", python(kind, pip, status));
    const { status: exit, output } = await bitSetup(["--cpu"], { PATH: folder, BIT_CACHE: folder });
    assert.equal(exit, 2);
    assert.match(output, message);
  }
  for (const fine of ["pip 20.3 from /x", "pip 26.1.2 from /x", "pip 100 from /x", "pip"]) {
    const folder = await temporaryFolder(context);
    await writeTool(folder, "python3", python("system", fine, 0));
    assert.equal(await findPip(undefined, { PATH: folder }), join(folder, "python3"), fine);
  }
});

test("a Python without pip does not hide the next one's", async (context) => {
  const folder = await temporaryFolder(context);
  const bins = ["venv", "old", "system"].map((name) => join(folder, name));
  await writeTool(bins[0]!, "python3", python("uv", "No module named pip", 1));
  await writeTool(bins[1]!, "python3", python("system", "pip 9.0.3 from /x", 0));
  await writeTool(bins[2]!, "python3", PYTHON);
  const env = { PATH: bins.join(":") };
  assert.equal(await findPip(undefined, env), join(bins[2]!, "python3"));
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

// What pip 23.2, GCC 12 and npm 11 say.
for (const [what, explain, output, message] of [
  [
    "hashes that pip is told to require",
    explainPip,
    "ERROR: Hashes are required in --require-hashes mode, but they are missing from some requirements.",
    /PIP_REQUIRE_HASHES, or require-hashes[\s\S]*next: .*PIP_REQUIRE_HASHES=0 npx bit-setup/,
  ],
  [
    "constraints that are not there",
    explainPip,
    "ERROR: Could not open requirements file: [Errno 2] No such file or directory: '/nope.txt'",
    /pip's own settings are wrong:\n.*nope.txt[\s\S]*pip config list/,
  ],
  [
    "a setting that is none",
    explainPip,
    "An error occurred during configuration: option timeout: invalid floating-point value: 'abc'",
    /pip's own settings are wrong/,
  ],
  [
    "a full disk, pip",
    explainPip,
    "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
    /ran full[\s\S]*BIT_CACHE=/,
  ],
  [
    "a full disk, the compiler",
    explainCompiler,
    "<stdin>:3:65: fatal error: error writing to /c/ccvptlAE.s: No space left on device",
    /ran full[\s\S]*BIT_CACHE=/,
  ],
  [
    "a full disk, the linker",
    explainCompiler,
    "/usr/bin/ld: final link failed: No space left on device",
    /ran full/,
  ],
  [
    "a folder that is read-only",
    explainCompiler,
    "/usr/bin/ld: cannot open output file /c/x.node: Read-only file system",
    /cannot be written[\s\S]*BIT_CACHE=/,
  ],
  [
    "too little memory",
    explainCompiler,
    "g++: fatal error: Killed signal terminated program cc1plus",
    /out of memory[\s\S]*1 GB/,
  ],
  [
    "headers that are missing",
    explainCompiler,
    "binding.cc:1:10: fatal error: string: No such file or directory",
    /could not build the binding:\n.*string[\s\S]*apt install g\+\+/,
  ],
  [
    "npm's own cache read-only",
    explainNpm,
    "npm error code EROFS\nnpm error path /home/me/.npm/_cacache",
    /or npm's own, cannot be written[\s\S]*npm_config_cache=/,
  ],
] as const)
  test(`named as such: ${what}`, () => {
    const ended = { status: 1, killedBy: undefined, startError: undefined, stdout: "", output };
    assert.match(explain("it", ended).message, message);
  });

test("the compiler's temporary files lie beside the engine, whatever TMPDIR says", async (context) => {
  const folder = await temporaryFolder(context);
  const cache = join(folder, "cache");
  const wheels = join(folder, "wheels");
  await writeWheel(join(wheels, "tensorflow-cpu.whl"), TENSORFLOW_FILES);
  const bin = join(folder, "bin");
  await writeTool(bin, "python3", FAKE_PYTHON);
  await writeTool(
    bin,
    "c++",
    `echo "$TMPDIR" >> ${folder}/seen\ntouch "$TMPDIR/x.s"\n${FAKE_COMPILER}`,
  );
  const { status, output } = await bitSetup(["--cpu"], {
    PATH: `${bin}:/usr/bin:/bin`,
    BIT_CACHE: cache,
    TMPDIR: join(folder, "not-there"),
    FAKE_WHEELS: wheels,
    FAKE_LOG: join(folder, "log"),
    FAKE_BINDING: await compileFakeBinding(folder),
  });
  assert.equal(status, 0, output);
  const seen = (await readFile(join(folder, "seen"), "utf8")).trim().split("\n");
  const built = seen.filter((path) => path.startsWith(join(cache, "engine/.new-")));
  assert.equal(built.length, 1 + OWN_ADDONS.length, seen.join());
  assert.deepEqual(await readdir(join(cache, "engine")), [engineName("cpu")]);
});

test("too little disk is told before anything is fetched", async (context) => {
  const folder = await temporaryFolder(context);
  const cpu = recipeFor("cpu");
  await checkDisk(folder, cpu, async () => cpu.peakDiskBytes);
  await assert.rejects(
    checkDisk(folder, cpu, async () => cpu.peakDiskBytes - 1),
    { name: "UserError", message: /1\.3 GiB is free[\s\S]*1\.3 GiB free[\s\S]*BIT_CACHE=/ },
  );
  const gpu = checkDisk(folder, PLUGINS.cuda13, async () => 2 ** 30);
  await assert.rejects(gpu, /1\.0 GiB is free[\s\S]*3\.2 GiB[\s\S]*npx bit-setup --cpu/);
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
  checkMachine(linux);
  checkPluginMachine(PLUGINS.cuda13, linux);
  checkMachine({ ...linux, arch: "arm64" });
  assert.throws(
    () => checkPluginMachine(PLUGINS.cuda13, { ...linux, arch: "arm64" }),
    /XLA for CUDA 13: it is not set up for linux arm64[\s\S]*--cpu/,
  );
  assert.throws(() => checkMachine({ ...linux, platform: "win32" }), /WSL2/);
  assert.throws(() => checkMachine({ ...linux, platform: "darwin" }), /not supported yet/);
  assert.throws(() => checkMachine({ ...linux, arch: "riscv64" }), /x64 or arm64/);
  assert.throws(() => checkMachine({ ...linux, musl: true }), /musl[\s\S]*Debian/);
});
