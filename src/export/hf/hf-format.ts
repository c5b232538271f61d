/**
 * `hf`: a folder for transformers' `BitForImageClassification.from_pretrained`, of any depth and width.
 * In one file: of the published models none has the 5 GB from which transformers splits them.
 * Source: transformers, models/bit/configuration_bit.py and image_processing_bit.py.
 */
import { transformersLayout } from "../../model/name-layouts.js";
import { hubFiles } from "../../zoo/hub-folder.js";
import type { ExportModel } from "../export-model.js";
import type { ExportFormat } from "../format.js";
import {
  ownSettings,
  resizeNotes,
  writeHubJson,
  writeHubWeights,
  writeModelCard,
} from "../hub/hub-export.js";
import { openTrainedModel } from "../network-logits.js";

export const hfFormat: ExportFormat = {
  notes: (model) => resizeNotes(model, "transformers"),
  write: async (model, folder, { f16 }) => {
    await writeHubJson(folder, hubFiles.config, bitConfig(model));
    await writeHubJson(folder, hubFiles.preprocessor, imageProcessor(model));
    await writeModelCard(model, folder, {
      library: "transformers",
      loading: [
        "from transformers import AutoImageProcessor, BitForImageClassification",
        "processor = AutoImageProcessor.from_pretrained('FOLDER')",
        "model = BitForImageClassification.from_pretrained('FOLDER')",
      ].join("\n"),
    });
    await writeHubWeights(model, folder, { layout: transformersLayout, headAxes: 2 }, f16);
  },
  open: openTrainedModel,
};

function bitConfig(model: ExportModel): object {
  const { architecture, classes, classNames } = model;
  const root = 64 * architecture.width;
  // The number of labels is known by their names alone: these are what transformers puts for none.
  const names = classNames ?? Array.from({ length: classes }, (_, i) => `LABEL_${i}`);
  return {
    architectures: ["BitForImageClassification"],
    ...ownSettings(model),
    depths: architecture.units,
    drop_path_rate: 0,
    // Computed in whatever is stored.
    dtype: "float32",
    embedding_dynamic_padding: false,
    embedding_size: root,
    global_padding: null,
    hidden_act: "relu",
    hidden_sizes: [4, 8, 16, 32].map((factor) => factor * root),
    id2label: Object.fromEntries(names.entries()),
    label2id: Object.fromEntries(names.map((name, i) => [name, i])),
    layer_type: "preactivation",
    model_type: "bit",
    num_channels: 3,
    num_groups: 32,
    output_stride: 32,
    width_factor: 1,
  };
}

function imageProcessor({ size }: ExportModel): object {
  return {
    do_center_crop: false,
    do_convert_rgb: true,
    do_normalize: true,
    do_rescale: true,
    do_resize: true,
    image_mean: [0.5, 0.5, 0.5],
    image_processor_type: "BitImageProcessor",
    image_std: [0.5, 0.5, 0.5],
    // Pillow's number for bilinear.
    resample: 2,
    rescale_factor: 1 / 255,
    size: { height: size, width: size },
  };
}
