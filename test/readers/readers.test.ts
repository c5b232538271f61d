/** The readers themselves: each is there, in the version that is pinned. */
import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { chromium } from "./chromium.js";
import { exported } from "./exported.js";
import { pythonJson } from "./python.js";

test("Chromium opens a page from the disk and computes in it", async () => {
  const folder = await mkdtemp(join(tmpdir(), "bit-train-test-"));
  const browser = await chromium();
  try {
    const file = join(folder, "page.html");
    await writeFile(file, "<!doctype html><title>photo</title><p>four</p>");
    const page = await browser.newPage();
    await page.goto(pathToFileURL(file).href);
    const seen = await page.evaluate("[document.title, innerWidth > 0, 2 + 2, typeof WebAssembly]");
    assert.deepEqual(seen, ["photo", true, 4, "object"]);
  } finally {
    await browser.close();
    await rm(folder, { recursive: true });
  }
});

const packages = {
  tensorflow: ["tensorflow", "keras"],
  torch: ["torchvision_without_its_library", "torch", "timm", "transformers", "safetensors"],
  onnx: ["onnxruntime", "onnx", "PIL"],
  "onnx-old": ["onnxruntime"],
  tensorboard: ["tensorboard", "tensorboard_data_server"],
} as const;

const expected = {
  tensorflow: { tensorflow: "2.21.0", keras: "3.15.1" },
  torch: { torch: "2.13.0", timm: "1.0.31", transformers: "5.23.0", safetensors: "0.8.0" },
  onnx: { onnxruntime: "1.31.1", onnx: "1.23.2", PIL: "13.0.0" },
  "onnx-old": { onnxruntime: "1.16.3" },
  tensorboard: { tensorboard: "2.21.0", tensorboard_data_server: "0.7.2" },
} as const;

const script = `import importlib, json, sys
modules = {name: importlib.import_module(name) for name in sys.argv[1:]}
versions = {name: getattr(module, "__version__", None) for name, module in modules.items()}
print(json.dumps({name: version.split("+")[0] for name, version in versions.items() if version}))`;

for (const name of ["tensorflow", "torch", "onnx", "onnx-old", "tensorboard"] as const)
  test(`Python's packages for ${name} can be imported`, async () => {
    assert.deepEqual(await pythonJson(name, script, packages[name]), expected[name]);
  });

test("an export of the sample's run is made once", async () => {
  const [first, second] = await Promise.all([exported("npz"), exported("npz")]);
  assert.equal(first, second);
  assert.ok((await readdir(first)).includes("golden.json"));
});
