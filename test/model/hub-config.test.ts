import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { UserError } from "../../src/errors.js";
import { publishedVariants } from "../../src/model/architecture.js";
import { parseHubConfig, timmName } from "../../src/model/hub-config.js";
import { fixturePath } from "../fixture-path.js";

type Json = Record<string, unknown>;

function fixture(...path: string[]): Json {
  return JSON.parse(readFileSync(fixturePath("safetensors", ...path), "utf8"));
}

const bit = fixture("transformers", "config.json");
const processor = fixture("transformers", "preprocessor_config.json");
const timm = fixture("timm", "config.json");

function parse(config: Json, preprocessor?: Json) {
  return parseHubConfig({
    config: { path: "config.json", json: config },
    preprocessor: preprocessor && { path: "preprocessor_config.json", json: preprocessor },
  });
}

function refused(words: RegExp, config: Json, preprocessor?: Json): void {
  assert.throws(
    () => parse(config, preprocessor),
    (error: Error) => {
      assert.ok(error instanceof UserError, error.stack);
      assert.match(error.message, words);
      return true;
    },
  );
}

const names = ["café", "eagle", "fox"];

test("transformers' configuration, and what it leaves out", () => {
  const { architecture, ...rest } = parse(bit, processor)!;
  assert.equal(architecture.name, "R14x0.5");
  const told = { tool: "transformers", classNames: names, size: 64, resize: undefined, notes: [] };
  assert.deepEqual(rest, told);
  // Defaults are google/bit-50's.
  const plain = parse({ model_type: "bit" })!;
  assert.equal(plain.architecture.name, "R50x1");
  assert.equal(plain.classNames, undefined);
  assert.equal(plain.size, undefined);
  assert.equal(parse({ ...bit, id2label: { 0: "LABEL_0", 1: "LABEL_1" } })!.classNames, undefined);
});

test("another network of the same weights is refused", () => {
  refused(/global_padding.*SAME/, { ...bit, global_padding: "SAME" });
  refused(/global_padding.*VALID/, { ...bit, global_padding: "VALID" });
  refused(/embedding_dynamic_padding/, { ...bit, embedding_dynamic_padding: true });
  refused(/layer_type.*bottleneck/, { ...bit, layer_type: "bottleneck" });
  refused(/num_groups.*16/, { ...bit, num_groups: 16 });
  refused(/hidden_act.*gelu/, { ...bit, hidden_act: "gelu" });
  refused(/output_stride.*16/, { ...bit, output_stride: 16 });
  refused(/width_factor.*2/, { ...bit, width_factor: 2 });
  refused(/num_channels.*1/, { ...bit, num_channels: 1 });
  refused(/depths 1, 2, 1, 1/, { ...bit, depths: [1, 2, 1, 1] });
  refused(/depths 4, 4, 4, 4/, { ...bit, depths: [4, 4, 4, 4] });
  refused(/hidden_sizes 128, 256, 512, 1000/, { ...bit, hidden_sizes: [128, 256, 512, 1000] });
  refused(/embedding_size 40/, { ...bit, embedding_size: 40, hidden_sizes: [160, 320, 640, 1280] });
  refused(/model_type.*vit/, { ...bit, model_type: "vit" });
  refused(/id2label names 2 classes, but not 1/, { ...bit, id2label: { 0: "a", 2: "b" } });
});

test("other pixels are refused, another way of cutting them is told", () => {
  refused(/image_mean/, bit, { ...processor, image_mean: [0.485, 0.456, 0.406] });
  refused(/image_std/, bit, { ...processor, image_std: [0.229, 0.224, 0.225] });
  refused(/image_mean/, bit, {});
  refused(/do_normalize/, bit, { ...processor, do_normalize: false });
  refused(/do_rescale/, bit, { ...processor, do_rescale: false });
  refused(/rescale_factor/, bit, { ...processor, rescale_factor: 1 });
  // As google/bit-50 has it.
  const { size, notes } = parse(bit, {
    ...{ ...processor, do_center_crop: true, crop_size: { height: 448, width: 448 } },
    ...{ size: { shortest_edge: 448 }, resample: 3 },
  })!;
  assert.equal(size, 448);
  assert.match(notes.join(), /crops the centre, keeps proportions, resizes by resample 3; here/);
});

test("timm's configuration, new and old", () => {
  const { architecture, size, notes, classNames } = parse(timm)!;
  assert.equal(architecture.name, "R50x1");
  assert.equal(size, 224);
  assert.deepEqual(classNames, names);
  assert.match(notes.join(), /keeps proportions, crops to 0.875 of the image, resizes by bicubic/);
  const { tag, ...prepared } = timm["pretrained_cfg"] as Json;
  const flat = parse({ architecture: "resnetv2_152x4_bitm", ...prepared, label_names: names })!;
  assert.equal(flat.architecture.name, "R152x4");
  assert.deepEqual(flat.classNames, names);
  for (const variant of publishedVariants) {
    const named = parse({ ...timm, architecture: timmName(variant) });
    assert.equal(named?.architecture.name, variant);
  }
  assert.equal(timmName("R14x0.5"), undefined);
});

test("another network of timm's, or other pixels, are refused", () => {
  refused(/is of timm's resnetv2_50\b/, { ...timm, architecture: "resnetv2_50" });
  refused(/is of timm's resnetv2_50x2_bit/, { ...timm, architecture: "resnetv2_50x2_bit" });
  refused(/model_args/, { ...timm, model_args: { stem_type: "same" } });
  refused(/model_args/, { ...timm, model_args: { in_chans: 1 } });
  refused(/global_pool/, { ...timm, global_pool: "max" });
  const prepared = timm["pretrained_cfg"] as Json;
  const mean = [0.485, 0.456, 0.406];
  refused(/pretrained_cfg.mean/, { ...timm, pretrained_cfg: { ...prepared, mean } });
  refused(/mean/, { architecture: "resnetv2_50x1_bit" });
});

test("another program's config.json is none of theirs", () => {
  assert.equal(parse({ version: 1, model: "BiT-M-R50x1" }), undefined);
});
