/** The making of plugins, with small wheels and a pip of a few lines; and the table of the real ones. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { existsSync } from "node:fs";
import { readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { findPlugin } from "../../src/engine/installed-plugins.js";
import {
  downloadBytesOf,
  PLUGINS,
  type PluginRecipe,
  pluginFolderName,
} from "../../src/engine/plugin-recipes.js";
import { recipeFor } from "../../src/engine/recipe.js";
import { installPlugin } from "../../src/setup/plugins.js";
import { setUpPlugin } from "../../src/setup/set-up-plugins.js";
import { FAKE_PYTHON, temporaryFolder, writeTool, writeWheel } from "./fakes.js";

interface Fakes {
  readonly cache: string;
  readonly wheels: string;
  readonly recipe: PluginRecipe;
  /** What pip was asked for. */
  calls(): Promise<string[]>;
}

/** A recipe in the shape of CUDA's, wheels for it, and a PATH on which pip gives them out. */
async function fakes(context: TestContext): Promise<Fakes> {
  const folder = await temporaryFolder(context);
  const [wheels, bin, log] = ["wheels", "bin", "log"].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  await writeTool(bin, "python3", FAKE_PYTHON);
  const contents = {
    "the-plugin": {
      "jax_plugins/fake/plugin.so": { content: "plugin" },
      "jax_plugins/fake/__init__.py": { content: "# not needed" },
    },
    cublas: {
      "nvidia/cu13/lib/libcublas.so.13": { content: "library" },
      "nvidia/cu13/lib/libnvrtc.alt.so.13": { content: "a second build" },
      "nvidia/cu13/lib/libcudart_static.a": { content: "for linking" },
      "nvidia/cu13/include/cublas.h": { content: "header" },
    },
    nccl: { "nvidia/nccl/lib/libnccl.so.2": { content: "for several" } },
  };
  const pinned = async (name: keyof typeof contents, wanted: RegExp) => {
    const path = join(wheels, `${name}.whl`);
    await writeWheel(path, contents[name]);
    const bytes = await readFile(path);
    const sha256 = createHash("sha256").update(bytes).digest("hex");
    return { package: name, version: "1.0", sha256, sizeBytes: bytes.length, wanted };
  };
  const { wheels: real, severalDevices } = PLUGINS.cuda13;
  const recipe: PluginRecipe = {
    ...PLUGINS.cuda13,
    library: "jax_plugins/fake/plugin.so",
    wheels: [await pinned("the-plugin", real[0]!.wanted), await pinned("cublas", real[1]!.wanted)],
    severalDevices: [
      { ...(await pinned("nccl", severalDevices[0]!.wanted)), folder: "nvidia/nccl" },
    ],
    peakDiskBytes: 1,
  };
  const path = process.env["PATH"];
  Object.assign(process.env, { PATH: `${bin}:/usr/bin:/bin`, FAKE_WHEELS: wheels, FAKE_LOG: log });
  context.after(() => Object.assign(process.env, { PATH: path }));
  const calls = async () =>
    existsSync(log) ? (await readFile(log, "utf8")).trim().split("\n") : [];
  return { cache: join(folder, "cache"), wheels, recipe, calls };
}

test("a plugin is made of its wheels, found, and made once", async (context) => {
  const { cache, recipe, calls } = await fakes(context);
  assert.equal(findPlugin("cuda13", cache, recipe), undefined);
  const plugin = await installPlugin("cuda13", { cache, recipe });
  assert.equal(plugin.path, join(plugin.folder, "jax_plugins/fake/plugin.so"));
  assert.deepEqual(plugin.libraryFolders, [join(plugin.folder, "nvidia/cu13/lib")]);
  assert.deepEqual(await readdir(join(plugin.folder, "nvidia/cu13/lib")), ["libcublas.so.13"]);
  assert.ok(!existsSync(join(plugin.folder, "nvidia/cu13/include")));
  assert.deepEqual(
    await readdir(join(cache, "engine")),
    [pluginFolderName(recipe)],
    "no leftovers",
  );
  assert.deepEqual(await installPlugin("cuda13", { cache, recipe }), plugin);
  assert.deepEqual(await calls(), ["the-plugin==1.0", "cublas==1.0"]);

  await truncate(plugin.path, 3);
  assert.equal(findPlugin("cuda13", cache, recipe), undefined, "cut");
  await installPlugin("cuda13", { cache, recipe });
  assert.equal((await calls()).length, 4, "made anew");
});

test("what several devices need is added to a plugin that stands", async (context) => {
  const { cache, recipe, calls } = await fakes(context);
  const one = await installPlugin("cuda13", { cache, recipe });
  assert.equal(one.severalDevices, false);
  const several = await installPlugin("cuda13", { cache, recipe, severalDevices: true });
  assert.equal(several.severalDevices, true);
  assert.equal(several.made, one.made);
  assert.ok(several.libraryFolders.includes(join(one.folder, "nvidia/nccl/lib")));
  assert.equal((await calls()).length, 3);
});

test("a set-up that broke off goes on with the wheel that is missing", async (context) => {
  const { cache, wheels, recipe, calls } = await fakes(context);
  const cublas = join(wheels, "cublas.whl");
  const whole = await readFile(cublas);
  await rm(cublas);
  await assert.rejects(installPlugin("cuda13", { cache, recipe }), { name: "UserError" });
  assert.deepEqual(await readdir(join(cache, "engine")), [".wheels"]);
  await writeFile(cublas, whole);
  await installPlugin("cuda13", { cache, recipe });
  assert.deepEqual(await calls(), ["the-plugin==1.0", "cublas==1.0", "cublas==1.0"]);
  assert.deepEqual(await readdir(join(cache, "engine")), [pluginFolderName(recipe)]);
});

test("a wheel of another content is refused, and what is kept is checked again", async (context) => {
  const { cache, wheels, recipe, calls } = await fakes(context);
  const cublas = join(wheels, "cublas.whl");
  const whole = await readFile(cublas);
  await writeWheel(cublas, { "nvidia/cu13/lib/libcublas.so.13": { content: "another" } });
  const refused = installPlugin("cuda13", { cache, recipe });
  await assert.rejects(refused, {
    name: "UserError",
    message: /cublas==1\.0: .* SHA-256 [0-9a-f]{64}\n[\s\S]*[0-9a-f]{64}/,
  });
  const kept = join(cache, "engine/.wheels");
  const [name] = await readdir(kept);
  await truncate(join(kept, name!), 10);
  await writeFile(cublas, whole);
  await installPlugin("cuda13", { cache, recipe });
  assert.equal((await calls()).filter((call) => call === "the-plugin==1.0").length, 2);
});

test("too little disk is told before anything is fetched", async (context) => {
  const { cache, recipe, calls } = await fakes(context);
  const making = installPlugin("cuda13", { cache, recipe, freeBytes: async () => 0 });
  await assert.rejects(making, /0\.0 GiB is free[\s\S]*npx bit-setup --cpu/);
  assert.deepEqual(await calls(), []);
});

test("the wish: a plugin where a GPU is, and reasons where none is", async (context) => {
  if (process.arch !== "x64") return context.skip("plugins for GPUs are for x64");
  const { cache, recipe } = await fakes(context);
  const lines: string[] = [];
  const reporter = {
    line: (text: string) => void lines.push(text),
    bytes: () => ({ update() {}, done() {} }),
  };
  const gpu = { index: 0, uuid: "GPU-a", memoryBytes: 24 * 2 ** 30 };
  const driver =
    (version: string, capability: number, count = 1) =>
    () => ({
      version,
      gpus: Array.from({ length: count }, () => ({ ...gpu, name: "Card", capability })),
      complaint: undefined,
    });
  const opening = { usable: true, platform: "cuda", api: "0.1", devices: ["Card"] } as const;
  const options = { cache, recipe, reporter, probe: async () => opening };
  const none = { ...options, driver: () => undefined };
  assert.equal(await setUpPlugin("if-gpu", none), undefined);
  assert.deepEqual(lines, []);

  const old = { ...options, driver: driver("470.1", 8.6) };
  assert.equal(await setUpPlugin("if-gpu", old), undefined);
  assert.match(lines.join("\n"), /470\.1: Card, 24 GiB[\s\S]*on the CPU: .*470\.1 is too old/);
  await assert.rejects(setUpPlugin("gpu", old), {
    name: "UserError",
    message: /--gpu: the NVIDIA driver 470\.1 is too old[\s\S]*--cpu/,
  });

  const found = await setUpPlugin("if-gpu", { ...options, driver: driver("580.65.06", 8.9) });
  assert.equal(found?.name, "cuda13");
  assert.equal(found.severalDevices, false);
  const two = await setUpPlugin("gpu", { ...options, driver: driver("580.65.06", 8.9, 2) });
  assert.equal(two?.severalDevices, true);
  assert.match(lines.join("\n"), /It opens: cuda, Card\./);
  const failing = { usable: false, reason: "no kernel image" } as const;
  const broken = { ...options, driver: driver("580.65.06", 8.9), probe: async () => failing };
  await assert.rejects(setUpPlugin("gpu", broken), {
    name: "UserError",
    message: /no kernel image[\s\S]*--check[\s\S]*--device cpu/,
  });
  const without = await setUpPlugin("gpu", none);
  assert.equal(without?.name, "cuda13");
  assert.match(lines.join("\n"), /No NVIDIA driver was found/);
});

test("a GPU's set-up fetches under 1.5 GB, all of it pinned", () => {
  for (const recipe of [PLUGINS.cuda13, PLUGINS.cuda12])
    assert.ok(downloadBytesOf(recipe) + recipeFor("cpu", "x64").downloadBytes < 1.5e9, recipe.name);
  for (const { wheels, severalDevices } of Object.values(PLUGINS))
    for (const wheel of [...wheels, ...severalDevices])
      assert.match(wheel.sha256, /^[0-9a-f]{64}$/, wheel.package);
});
