/** `bit-setup` from end to end, with small wheels and a pip and a compiler of a few lines. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { kernelsPath } from "../../src/engine/native-kernels.js";
import { addonPath, OWN_ADDONS } from "../../src/engine/own-addon.js";
import { engineName } from "../../src/engine/recipe.js";
import {
  bitSetup,
  compileFakeBinding,
  FAKE_COMPILER,
  FAKE_PYTHON,
  fakeNvidiaSmi,
  startBitSetup,
  TENSORFLOW_FILES,
  temporaryFolder,
  writeTool,
  writeWheel,
} from "./fakes.js";

let tools: string;
let env: NodeJS.ProcessEnv;

before(async () => {
  tools = await mkdtemp(join(tmpdir(), "bit-setup-tools-"));
  await writeTool(tools, "python3", FAKE_PYTHON);
  await writeTool(tools, "c++", FAKE_COMPILER);
  const wheels = join(tools, "wheels");
  await writeWheel(join(wheels, "tensorflow-cpu.whl"), TENSORFLOW_FILES);
  await writeWheel(join(wheels, "jax-cuda12-pjrt.whl"), {
    "jax_plugins/xla_cuda12/xla_cuda_plugin.so": { content: "another" },
  });
  env = {
    PATH: `${tools}:/usr/bin:/bin`,
    FAKE_WHEELS: wheels,
    FAKE_BINDING: await compileFakeBinding(tools),
  };
});

after(() => rm(tools, { recursive: true, force: true }));

/** An empty cache, and a file in which pip's calls are written down. */
function withCache(cache: string): NodeJS.ProcessEnv {
  return { ...env, BIT_CACHE: cache, FAKE_LOG: `${cache}/pip-calls` };
}

async function pipCalls(cache: string): Promise<string[]> {
  return (await readFile(`${cache}/pip-calls`, "utf8")).trim().split("\n");
}

test("sets up, uses what is there, tells it, and makes it anew by --force", async (context) => {
  const cache = await temporaryFolder(context);
  const own = withCache(cache);
  const first = await bitSetup(["--cpu"], own);
  assert.equal(first.status, 0, first.output);
  assert.match(first.stdout, /The engine is ready: TensorFlow 2\.21\.0-fake \(cpu\)/);
  assert.match(first.output, /unpacking tensorflow-cpu: 0 MB in [\d.]+ s/);

  const engine = join(cache, "engine", engineName("cpu"));
  assert.deepEqual(await readdir(join(cache, "engine")), [engineName("cpu")], "no leftovers");
  const names = (await readdir(engine)).sort();
  assert.deepEqual(names, [
    ...OWN_ADDONS.map((addon) => basename(addonPath(addon, engine))).sort(),
    "engine.json",
    "include",
    "lib",
    "tfjs_binding.node",
  ]);
  assert.equal(
    await readFile(join(engine, "lib/libtensorflow.so"), "utf8"),
    TENSORFLOW_FILES["tensorflow/libtensorflow_cc.so.2"]?.content,
  );
  assert.ok(existsSync(join(engine, "include/tensorflow/c/c_api.h")));
  assert.ok(!existsSync(join(engine, "include/Eigen")), "only what compiling needs");

  assert.equal((await bitSetup([], own)).status, 0);
  assert.deepEqual(await pipCalls(cache), ["tensorflow-cpu==2.21.0"], "fetched once");
  const check = await bitSetup(["--check"], own);
  assert.equal(check.status, 0);
  assert.match(check.stdout, /TensorFlow +2\.21\.0-fake\ndevice +CPU: .*\nlies in +\/.*\n/);

  const made = (await stat(join(engine, "engine.json"))).mtimeMs;
  assert.equal((await bitSetup(["--force"], own)).status, 0);
  assert.ok((await stat(join(engine, "engine.json"))).mtimeMs > made);
  assert.deepEqual(await readdir(join(cache, "engine")), [engineName("cpu")]);
});

test("what this version lacks is told by --check, and added without a download", async (context) => {
  const cache = await temporaryFolder(context);
  const own = withCache(cache);
  assert.equal((await bitSetup(["--cpu"], own)).status, 0);
  const engine = join(cache, "engine", engineName("cpu"));
  for (const addon of OWN_ADDONS) {
    await rm(addonPath(addon, engine));
    const check = await bitSetup(["--check"], own);
    assert.equal(check.status, 2);
    assert.match(check.stdout, /wrong +this engine .* another version.* type: npx bit-setup\n/);
    const added = await bitSetup([], own);
    assert.equal(added.status, 0, added.output);
    assert.match(added.output, /Building this version's own operations/);
    assert.equal((await bitSetup(["--check"], own)).status, 0);
  }
  assert.equal((await pipCalls(cache)).length, 1);
});

test("operations that do not load are not kept", async (context) => {
  const cache = await temporaryFolder(context);
  const own = withCache(cache);
  assert.equal((await bitSetup(["--cpu"], own)).status, 0);
  const kernels = kernelsPath({ folder: join(cache, "engine", engineName("cpu")) });
  await rm(kernels);
  const broken = join(tools, "broken.node");
  await writeFile(broken, "no library");
  const { status, output } = await bitSetup([], { ...own, FAKE_BINDING: broken });
  assert.equal(status, 2);
  assert.match(output, /own operations: .*(too short|invalid ELF)[\s\S]*bit-setup --force --cpu/);
  assert.ok(!existsSync(kernels));
});

test("with a GPU the plugin for its driver is set up, and refused where its content differs", async (context) => {
  if (process.arch !== "x64") return context.skip("plugins for GPUs are for x64");
  const cache = await temporaryFolder(context);
  const bin = await temporaryFolder(context);
  await fakeNvidiaSmi(bin, ["0, GPU-a, NVIDIA GeForce RTX 4090, 24564, 550.54.15, 8.9"]);
  const own = { ...withCache(cache), PATH: `${bin}:${env["PATH"]}` };
  const { status, output } = await bitSetup([], own);
  assert.equal(status, 2, output);
  assert.match(output, /The engine is ready/, "the CPU's part stands");
  assert.match(output, /driver 550\.54\.15: NVIDIA GeForce RTX 4090, 24 GiB/);
  assert.match(output, /Setting up XLA for CUDA 12 in .*: 1199 MB to fetch/);
  assert.match(output, /error: jax-cuda12-pjrt==0\.11\.2: .*SHA-256 [0-9a-f]{64}/);
  assert.deepEqual(await readdir(join(cache, "engine")), [engineName("cpu")]);
  assert.deepEqual(await pipCalls(cache), ["tensorflow-cpu==2.21.0", "jax-cuda12-pjrt==0.11.2"]);

  const check = await bitSetup(["--check"], own);
  assert.equal(check.status, 0, "the CPU serves");
  assert.match(check.stdout, /driver +NVIDIA 550\.54\.15, CUDA 13\.0\n/);
  assert.match(
    check.stdout,
    /device +GPU 0: NVIDIA GeForce RTX 4090, 24 GiB, compute cap.* 8\.9\n/,
  );
  assert.match(
    check.stdout,
    /note +the GPU is not used: .*not set up; type: npx bit-setup --gpu\n/,
  );
  // Who asked for the CPU's part alone is not asked again.
  assert.equal((await bitSetup(["--cpu"], own)).status, 0);
  assert.equal((await pipCalls(cache)).length, 2);
});

/** An npm whose package has run its install script, in the layout that tfjs-node-gpu leaves. */
const FAKE_NPM = `
while [ $# -gt 1 ]; do
  [ "$1" = --prefix ] && made="$2/node_modules/@tensorflow/tfjs-node-gpu"
  shift
done
mkdir -p "$made/lib/napi-v8" "$made/deps/lib"
cp "$FAKE_BINDING" "$made/lib/napi-v8/tfjs_binding.node"
echo library > "$made/deps/lib/libtensorflow.so.2.9.1"
ln -s libtensorflow.so.2.9.1 "$made/deps/lib/libtensorflow.so"`;

test("--prebuilt takes what the package's own install script brings", async (context) => {
  const cache = await temporaryFolder(context);
  const bin = await temporaryFolder(context);
  await writeTool(bin, "npm", FAKE_NPM);
  const own = { ...withCache(cache), PATH: `${bin}:${env["PATH"]}` };
  const { status, output } = await bitSetup(["--prebuilt"], own);
  assert.equal(status, 0, output);
  const engine = join(cache, "engine", engineName("prebuilt"));
  // The binding looks for the library at $ORIGIN/../../deps/lib.
  assert.ok(existsSync(join(engine, "lib/napi-v8/../../deps/lib/libtensorflow.so")));
  const check = await bitSetup(["--check", "--prebuilt"], own);
  assert.equal(check.status, 0);
  assert.match(
    check.stdout,
    /note +this engine is the official prebuilt, without.*bit-setup --cpu/,
  );
});

test("--prebuilt whose host does not answer: one error, and what to type instead", async (context) => {
  const cache = await temporaryFolder(context);
  const bin = await temporaryFolder(context);
  await writeTool(bin, "npm", "echo 'Error: getaddrinfo ENOTFOUND' >&2; exit 1");
  const own = { ...withCache(cache), PATH: `${bin}:${env["PATH"]}` };
  const { status, output } = await bitSetup(["--prebuilt"], own);
  assert.equal(status, 2);
  assert.match(output, /ENOTFOUND[\s\S]*npx bit-setup --cpu, or npx bit-setup --gpu/);
  assert.deepEqual(await readdir(join(cache, "engine")), []);
});

test("--check with a plugin that is not there: exit 2 and what to type", async (context) => {
  const own = withCache(await temporaryFolder(context));
  assert.equal((await bitSetup(["--cpu"], own)).status, 0);
  const plain = await bitSetup(["--check"], own);
  assert.equal(plain.status, 0, plain.output);
  for (const name of ["cpu", "cuda13"]) {
    const check = await bitSetup(["--check", "--plugin", name], own);
    assert.equal(check.status, 2, check.output);
    assert.match(
      check.stdout,
      RegExp(`wrong .*not set up; type: npx bit-setup --plugin ${name}\\n`),
    );
    assert.match(check.stdout, /usable +no/);
  }
  const gpu = await bitSetup(["--check", "--gpu"], own);
  assert.equal(gpu.status, 2, gpu.output);
  assert.match(gpu.stdout, /wrong +no GPU can be used: /);
});

test("--check without an engine and with a spoilt one: exit 2 and what to type", async (context) => {
  const cache = await temporaryFolder(context);
  const own = withCache(cache);
  const none = await bitSetup(["--check", "--json"], own);
  assert.equal(none.status, 2);
  const report = JSON.parse(none.stdout) as { usable: boolean; problems: string[] };
  assert.equal(report.usable, false);
  assert.match(report.problems.join(), /type: npx bit-setup/);

  assert.equal((await bitSetup(["--cpu"], own)).status, 0);
  const binding = join(cache, "engine", engineName("cpu"), "tfjs_binding.node");
  const { size } = await stat(binding);
  await writeFile(binding, Buffer.alloc(size));
  const spoilt = await bitSetup(["--check"], own);
  assert.equal(spoilt.status, 2);
  assert.match(spoilt.stdout, /wrong +.*invalid ELF[\s\S]*bit-setup --force/);
  await truncate(binding, 10);
  assert.equal((await bitSetup([], own)).status, 0, "a cut engine is made anew");
  assert.equal((await bitSetup(["--check"], own)).status, 0);
});

test("a library that does not load leaves no engine", async (context) => {
  const cache = await temporaryFolder(context);
  const broken = join(tools, "broken.node");
  await writeFile(broken, "no library");
  const { status, output } = await bitSetup(["--cpu"], {
    ...withCache(cache),
    FAKE_BINDING: broken,
  });
  assert.equal(status, 2);
  assert.match(output, /error: TensorFlow 2\.21\.0 \(cpu\): .*(too short|invalid ELF)/);
  assert.deepEqual(await readdir(join(cache, "engine")), []);
});

test("two set-ups at once: one works, the other waits and uses it", async (context) => {
  const cache = await temporaryFolder(context);
  const own = { ...withCache(cache), FAKE_DELAY: "1" };
  const both = await Promise.all([bitSetup(["--cpu"], own), bitSetup(["--cpu"], own)]);
  for (const { status, output } of both) assert.equal(status, 0, output);
  assert.equal((await pipCalls(cache)).length, 1);
  assert.deepEqual(await readdir(join(cache, "engine")), [engineName("cpu")]);
  assert.match(both.map(({ output }) => output).join(""), /Another set-up is at work/);
});

for (const signal of ["SIGINT", "SIGTERM"] as const)
  test(`${signal} during the download: nothing half made, pip is ended`, async (context) => {
    const cache = await temporaryFolder(context);
    const own = { ...withCache(cache), FAKE_DELAY: "61" };
    const { child, ended } = startBitSetup(["--cpu"], own);
    for (let i = 0; i < 200 && !existsSync(`${cache}/pip-calls`); i++) await sleep(50);
    child.kill(signal);
    assert.equal(await ended, signal === "SIGTERM" ? 143 : 130);
    assert.deepEqual(await readdir(join(cache, "engine")), [], "no temporary folder, no lock");
    assert.ok(!(await processNamesOf(cache)).includes("sleep"));
  });

/** The names of the running processes whose environment holds a text. */
async function processNamesOf(text: string): Promise<string[]> {
  const names: string[] = [];
  for (const pid of (await readdir("/proc")).filter((name) => /^\d+$/.test(name))) {
    const environment = await readFile(`/proc/${pid}/environ`, "latin1").catch(() => "");
    if (environment.includes(text))
      names.push((await readFile(`/proc/${pid}/comm`, "latin1").catch(() => "")).trim());
  }
  return names;
}

test("a killed set-up's folder is swept and its lock taken over by the next", async (context) => {
  const cache = await temporaryFolder(context);
  const own = withCache(cache);
  const { child, ended } = startBitSetup(["--cpu"], { ...own, FAKE_DELAY: "2" });
  for (let i = 0; i < 200 && !existsSync(`${cache}/pip-calls`); i++) await sleep(50);
  child.kill("SIGKILL");
  await ended;
  const left = await readdir(join(cache, "engine"));
  assert.ok(left.includes(".lock") && left.some((name) => name.startsWith(".new-")));
  assert.equal((await bitSetup(["--cpu"], own)).status, 0);
  assert.deepEqual(await readdir(join(cache, "engine")), [engineName("cpu")]);
});

test("flags that cannot be: exit 2", async (context) => {
  const cache = await temporaryFolder(context);
  const own = withCache(cache);
  const two = await bitSetup(["--cpu", "--gpu"], own);
  assert.equal(two.status, 2);
  assert.match(two.output, /at most one of --cpu, --gpu, --prebuilt, --plugin/);
  const unknown = await bitSetup(["--cuda"], own);
  assert.equal(unknown.status, 2);
  assert.match(unknown.output, /Unknown argument: cuda[\s\S]*npx bit-setup --help/);
  const help = await bitSetup(["--help"], own);
  assert.equal(help.status, 0);
  assert.match(help.stdout, /--prebuilt[\s\S]*Examples:/);
  assert.deepEqual(await readdir(cache), []);
});
