/** transformers and timm: they read our folders, and we read theirs. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { readNpy } from "../../src/archive/npy.js";
import { largestDifference } from "../../src/export/golden.js";
import { networkLogits } from "../../src/export/network-logits.js";
import { findTrainedModel } from "../../src/run/trained-model.js";
import { predictionsIn } from "../cli/command.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { imageValues } from "../deterministic.js";
import { engine } from "../engine-for-tests.js";
import { writeDeterministic } from "../export/hub-model.js";
import { sampleImagePaths } from "../export/sample-images.js";
import { repositoryRoot } from "../fixture-path.js";
import { exported, program, sampleRun } from "./exported.js";
import { pythonJson } from "./python.js";

/** Shares of the logits' spread, for sums in another order, and for weights rounded to float16. */
const tolerances = { f32: 1e-4, f16: 5e-2 };

interface Predicted {
  readonly paths: readonly string[];
  readonly logits: Float32Array;
  readonly classes: number;
}

/** What `bit-predict` makes of images, in the order of its rows. */
async function predicted(
  folder: string,
  inputs: readonly string[],
  flags: readonly string[],
): Promise<Predicted> {
  const file = join(folder, "logits.npy");
  const args = [...inputs, ...flags, "--precision", "fp32", "--logits", file, "--json"];
  const told = predictionsIn(await program("bit-predict", args));
  const { data, shape } = await readNpy(file);
  const paths = told.predictions.map(({ source }) => source);
  return { paths, logits: data as Float32Array, classes: shape[1]! };
}

const photos = ["cat", "coffee"].map((name) =>
  join(repositoryRoot, "sample", "golden", `${name}.jpg`),
);

const judge = `
def judge(paths, pixels, model):
    from PIL import Image, ImageOps
    images = [ImageOps.exif_transpose(Image.open(path)).convert("RGB") for path in paths]
    with torch.no_grad():
        parts = torch.stack([pixels(image) for image in images]).split(50)
        return [row for part in parts for row in model(part).tolist()]
`;

const transformersScript = `import json, sys, torch
import torchvision_without_its_library
from transformers import AutoImageProcessor, AutoModelForImageClassification
folder, paths = sys.argv[1:]
model, told = AutoModelForImageClassification.from_pretrained(folder, output_loading_info=True)
processor = AutoImageProcessor.from_pretrained(folder, backend="pil")
${judge}
rows = judge(json.load(open(paths)),
    lambda image: processor(image, return_tensors="pt")["pixel_values"][0],
    lambda batch: model.eval()(batch).logits)
print(json.dumps({"rows": rows, "names": list(model.config.id2label.values()),
    "type": [type(model).__name__, type(processor).__name__, str(model.dtype)],
    "wrong": sorted(str(name) for names in told.values() for name in names)}))`;

const timmScript = `import json, sys, torch
import torchvision_without_its_library
import timm
folder, paths = sys.argv[1:]
model = timm.create_model("local-dir:" + folder, pretrained=True).eval()
config = timm.data.resolve_model_data_config(model)
transform = timm.data.create_transform(**config, is_training=False)
${judge}
rows = judge(json.load(open(paths)), transform, model)
print(json.dumps({"rows": rows, "config": config, "labels": model.pretrained_cfg.get("label_names"),
    "dtype": str(next(model.parameters()).dtype)}))`;

interface Rows {
  readonly rows: readonly (readonly number[])[];
}

/** Their logits are ours; in float32 every top-1 too. */
function assertSame(t: TestContext, told: Rows, { logits, classes }: Predicted, f16: boolean) {
  assert.equal(told.rows.length, logits.length / classes);
  const difference = largestDifference(Float32Array.from(told.rows.flat()), [...logits], classes);
  t.diagnostic(`largest difference ${difference}`);
  assert.ok(difference <= (f16 ? tolerances.f16 : tolerances.f32), `${difference}`);
  if (f16) return;
  const top = (row: ArrayLike<number>) => Array.from(row).indexOf(Math.max(...Array.from(row)));
  told.rows.forEach((row, i) => {
    assert.equal(top(row), top(logits.subarray(i * classes, (i + 1) * classes)), `image ${i}`);
  });
}

for (const f16 of [false, true])
  test(`transformers classifies the sample's images as we do${f16 ? ", of F16" : ""}`, async (t) => {
    const folder = await temporaryFolder(t);
    const out = await exported("hf", f16 ? ["--f16"] : []);
    const images = [join(repositoryRoot, "sample", "images", "val"), ...photos];
    const ours = await predicted(folder, images, ["--run", await sampleRun()]);
    const paths = join(folder, "paths.json");
    await writeFile(paths, JSON.stringify(ours.paths));
    const told = (await pythonJson("torch", transformersScript, [out, paths])) as Rows & {
      readonly names: readonly string[];
      readonly type: readonly string[];
      readonly wrong: readonly string[];
    };
    assert.deepEqual(told.type, [
      "BitForImageClassification",
      "BitImageProcessorPil",
      "torch.float32",
    ]);
    assert.deepEqual(told.wrong, []);
    assert.deepEqual(told.names, (await findTrainedModel(await sampleRun())).classNames);
    assertSame(t, told, ours, f16);
  });

for (const f16 of [false, true])
  test(`timm classifies photos as we do${f16 ? ", of F16" : ""}`, async (t) => {
    const folder = await temporaryFolder(t);
    const weights = join(folder, "R50x1.npz");
    await writeDeterministic(weights, "R50x1");
    const out = join(folder, "timm");
    const flags = f16 ? ["--f16"] : [];
    await program("bit-export", [weights, "--to", "timm", "--size", "96", "--out", out, ...flags]);
    const images = [...photos, ...(await sampleImagePaths()).slice(0, 30)];
    const ours = await predicted(folder, images, ["--weights", weights, "--size", "96"]);
    const paths = join(folder, "paths.json");
    await writeFile(paths, JSON.stringify(ours.paths));
    const told = (await pythonJson("torch", timmScript, [out, paths])) as Rows & {
      readonly config: unknown;
      readonly dtype: string;
    };
    assert.deepEqual(told.config, {
      ...{ input_size: [3, 96, 96], interpolation: "bilinear", crop_pct: 1, crop_mode: "squash" },
      ...{ mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
    });
    assert.equal(told.dtype, "torch.float32");
    assertSame(t, told, ours, f16);
  });

const theirs = `import json, sys, numpy as np, torch
import torchvision_without_its_library
import timm
from safetensors.torch import save_file
from transformers import BitConfig, BitForImageClassification
folder, images = sys.argv[1:]
images = torch.from_numpy(np.fromfile(images, np.float32).reshape(2, 64, 64, 3)).permute(0, 3, 1, 2)
torch.manual_seed(1)
rows = {}
def larger(model):
    # Kernels are standardized: their size matters only beside what is added to their variance, 1e-8 there
    # and 1e-10 here.
    with torch.no_grad():
        for module in model.modules():
            if type(module).__name__.endswith("StdConv2d") or "Standardized" in type(module).__name__:
                module.weight.mul_(16)
    return model.eval()
model = larger(timm.create_model("resnetv2_50x1_bit", num_classes=7))
save_file(model.state_dict(), folder + "/timm.safetensors")
timm.models.save_for_hf(model, folder + "/timm", safe_serialization=True)
with torch.no_grad():
    rows["timm.safetensors"] = rows["timm"] = model(images).tolist()
for name, size, more in (("bit", 96, {}), ("shards", 32, {"max_shard_size": "2MB"}), ("half", 64, {})):
    config = BitConfig(embedding_size=size, hidden_sizes=[size * n for n in (4, 8, 16, 32)],
        depths=[2, 2, 2, 2], num_labels=5)
    model = larger(BitForImageClassification(config))
    if name == "half":
        model = model.half()
    model.save_pretrained(folder + "/" + name, **more)
    with torch.no_grad():
        rows[name] = model.float()(images).logits.tolist()
print(json.dumps(rows))`;

test("what timm and transformers save computes the same here", async (t) => {
  const folder = await temporaryFolder(t);
  const images = imageValues(2, 64, 64);
  await writeFile(join(folder, "images"), images);
  const told = await pythonJson("torch", theirs, [folder, join(folder, "images")]);
  const models = {
    ...{ "timm.safetensors": "R50x1", timm: "R50x1" },
    ...{ bit: "R26x1.5", shards: "R26x0.5", half: "R26x1" },
  };
  assert.ok((await readFile(join(folder, "shards", "model.safetensors.index.json"))).length > 0);
  for (const [name, rows] of Object.entries(told as Record<keyof typeof models, number[][]>)) {
    const trained = await findTrainedModel(join(folder, name));
    assert.equal(trained.model, models[name as keyof typeof models], name);
    const logits = await networkLogits(trained, engine, images, [2, 64, 64, 3]);
    const difference = largestDifference(logits, rows.flat(), trained.classes);
    t.diagnostic(`${name}: ${difference}`);
    assert.ok(difference <= tolerances.f32, `${name}: ${difference}`);
  }
});
