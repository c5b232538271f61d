/**
 * `timm`: a folder for `timm.create_model('local-dir:FOLDER', pretrained=True)`, and a repository of
 * timm's on the Hub. timm has the six published variants; a configuration without `pretrained_cfg` would
 * silently get ImageNet's mean, bicubic and a crop.
 * Source: timm, models/_hub.py (`save_config_for_hf`, `_parse_model_cfg`).
 */
import { UserError } from "../../errors.js";
import { featureChannels, publishedVariants } from "../../model/architecture.js";
import { timmName } from "../../model/hub-config.js";
import { timmLayout } from "../../model/name-layouts.js";
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

export const timmFormat: ExportFormat = {
  notes: (model) => resizeNotes(model, "timm"),
  write: async (model, folder, { f16 }) => {
    const name = timmName(model.architecture.name);
    if (name === undefined) throw notOfTimm(model);
    await writeHubJson(folder, hubFiles.config, configOf(model, name));
    await writeModelCard(model, folder, {
      library: "timm",
      loading: [
        "import timm",
        "model = timm.create_model('local-dir:FOLDER', pretrained=True).eval()",
        "config = timm.data.resolve_model_data_config(model)",
        "transform = timm.data.create_transform(**config, is_training=False)",
      ].join("\n"),
    });
    await writeHubWeights(model, folder, { layout: timmLayout, headAxes: 4 }, f16);
  },
  open: openTrainedModel,
};

function configOf(model: ExportModel, name: string): object {
  const { architecture, classes, classNames, size } = model;
  const cells = Math.ceil(size / 32);
  return {
    architecture: name,
    num_classes: classes,
    num_features: featureChannels(architecture),
    global_pool: "avg",
    ...ownSettings(model),
    ...(classNames === undefined ? {} : { label_names: classNames }),
    pretrained_cfg: {
      custom_load: false,
      input_size: [3, size, size],
      fixed_input_size: false,
      interpolation: "bilinear",
      crop_pct: 1,
      crop_mode: "squash",
      mean: [0.5, 0.5, 0.5],
      std: [0.5, 0.5, 0.5],
      num_classes: classes,
      pool_size: [cells, cells],
      first_conv: "stem.conv",
      classifier: "head.fc",
    },
  };
}

function notOfTimm({ model, architecture }: ExportModel): UserError {
  return new UserError(
    "--to timm",
    `${model} is of architecture ${architecture.name}, which timm does not have`,
    publishedVariants.join(", "),
    "type --to hf, which takes every architecture",
  );
}
