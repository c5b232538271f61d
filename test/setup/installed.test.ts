import assert from "node:assert/strict";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { findEngine, requireEngine } from "../../src/engine/installed.js";
import {
  cacheFolder,
  engineName,
  enginesFolder,
  type Flavour,
  recipeFor,
} from "../../src/engine/recipe.js";
import { UserError } from "../../src/errors.js";
import { temporaryFolder } from "./fakes.js";

async function putEngine(cache: string, flavour: Flavour): Promise<string> {
  const folder = join(enginesFolder(cache), engineName(flavour));
  await mkdir(join(folder, "lib"), { recursive: true });
  await writeFile(join(folder, "lib/libtensorflow_cc.so.2"), "12345");
  await writeFile(join(folder, "tfjs_binding.node"), "123");
  const manifest = {
    version: "2.21.0",
    flavour,
    source: "a test",
    made: "2025-01-01T00:00:00Z",
    binding: "tfjs_binding.node",
    files: { "lib/libtensorflow_cc.so.2": 5, "tfjs_binding.node": 3 },
  };
  await writeFile(join(folder, "engine.json"), JSON.stringify(manifest));
  return folder;
}

const withDriver = () => true;
const withoutDriver = () => false;

test("an engine that is set up is found, with its binding's path", async (context: TestContext) => {
  const cache = await temporaryFolder(context);
  assert.equal(findEngine(undefined, cache, withoutDriver), undefined);
  const folder = await putEngine(cache, "cpu");
  const engine = findEngine(undefined, cache, withoutDriver);
  assert.equal(engine?.bindingPath, join(folder, "tfjs_binding.node"));
  assert.equal(engine.version, "2.21.0");
  assert.equal(engine.flavour, "cpu");
});

test("the prebuilt comes first where only it computes on the GPU, else cpu", async (context) => {
  const cache = await temporaryFolder(context);
  await putEngine(cache, "prebuilt");
  await putEngine(cache, "cpu");
  assert.equal(findEngine(undefined, cache, withDriver)?.flavour, "prebuilt");
  assert.equal(findEngine(undefined, cache, withoutDriver)?.flavour, "cpu");
  assert.equal(findEngine("prebuilt", cache, withDriver)?.flavour, "prebuilt");
});

test("a folder that lacks its manifest, a file or a part of one is no engine", async (context) => {
  const cache = await temporaryFolder(context);
  const spoil: readonly ((folder: string) => Promise<void>)[] = [
    (folder) => rm(join(folder, "engine.json")),
    (folder) => writeFile(join(folder, "engine.json"), '{"version":'),
    (folder) => rm(join(folder, "tfjs_binding.node")),
    (folder) => writeFile(join(folder, "lib/libtensorflow_cc.so.2"), "1234"),
  ];
  for (const change of spoil) {
    const folder = await putEngine(cache, "cpu");
    assert.ok(findEngine("cpu", cache));
    await change(folder);
    assert.equal(findEngine("cpu", cache), undefined);
  }
});

test("requireEngine says what to type", async (context) => {
  const cache = await temporaryFolder(context);
  assert.throws(() => requireEngine(undefined, cache), {
    name: "UserError",
    message: /engine is not set up[\s\S]*type: npx bit-setup$/,
  });
  assert.throws(() => requireEngine("prebuilt", cache), UserError);
});

test("finding takes under 20 ms", async (context) => {
  const cache = await temporaryFolder(context);
  await putEngine(cache, "cpu");
  findEngine(undefined, cache);
  const start = performance.now();
  for (let i = 0; i < 20; i++) findEngine(undefined, cache);
  // Twenty calls, so that one pause of a busy machine does not decide.
  assert.ok((performance.now() - start) / 20 < 20);
});

test("the cache folder: BIT_CACHE, else XDG_CACHE_HOME, else ~/.cache", () => {
  assert.equal(cacheFolder({ BIT_CACHE: "/a", XDG_CACHE_HOME: "/b" }), "/a");
  assert.equal(cacheFolder({ BIT_CACHE: "", XDG_CACHE_HOME: "/b" }), "/b/bit-train");
  assert.match(cacheFolder({}), /\/\.cache\/bit-train$/);
});

test("an engine's name tells version, flavour, platform and recipe apart", () => {
  assert.match(
    engineName("cpu", "linux", "x64"),
    /^tensorflow-2\.21\.0-cpu-linux-x64-[0-9a-f]{8}$/,
  );
  assert.match(engineName("prebuilt", "linux", "x64"), /^tensorflow-2\.9\.1-prebuilt-linux-x64-/);
  const names = [engineName("cpu"), engineName("prebuilt")];
  assert.equal(new Set(names.map((name) => name.slice(-8))).size, 2);
  assert.equal(recipeFor("cpu", "x64").requirement, "tensorflow-cpu==2.21.0");
  assert.equal(recipeFor("cpu", "arm64").requirement, "tensorflow==2.21.0");
});
