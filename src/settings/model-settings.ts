/** Settings of which model is meant, where it is, and how what is missing is fetched. */
import { resizeMethods } from "../input/resize-method.js";
import { precisions, testTimeAugmentations } from "./choices.js";
import type { SettingTable } from "./setting.js";

const runOr = "the run's, or";

export const modelSettings = {
  model: {
    kind: "text",
    otherNames: ["arch", "model_name", "model_name_or_path"],
    help: "The model's name",
    otherwise: `${runOr} the file's name`,
    decides: true,
    commands: {
      train: { help: "BiT-M-R50x1, BiT-S-R101x3, R14x0.5, ...", otherwise: "that of the weights" },
      eval: {},
      predict: {},
      find: {},
      check: { help: "With --features: the model's name" },
      export: {},
      serve: {},
      bench: { help: "R50x1, BiT-M-R101x3, R14x0.5, ...", default: "R50x1" },
    },
  },
  bitPretrainedDir: {
    kind: "path",
    help: "Folder of <model>.npz",
    default: ".",
    decides: false,
    commands: {
      ...{ train: {}, eval: {}, predict: {}, find: {}, export: {}, serve: {}, reproduce: {} },
      check: { default: undefined, otherwise: "here" },
      download: { help: "Folder to put <model>.npz into" },
    },
  },
  offline: {
    kind: "boolean",
    help: "Download nothing; what is missing is an error",
    default: false,
    decides: false,
    commands: { train: {}, eval: {}, predict: {}, find: {}, export: {}, serve: {}, reproduce: {} },
  },
  baseUrl: {
    kind: "text",
    help: "A mirror of the models",
    environment: "BIT_BASE_URL",
    decides: false,
    commands: {
      train: {},
      eval: {},
      predict: {},
      find: {},
      export: {},
      serve: {},
      reproduce: {},
      download: {},
    },
  },
  dataUrl: {
    kind: "text",
    help: "A mirror of the datasets",
    environment: "BIT_DATA_URL",
    decides: false,
    commands: { train: {}, eval: {}, reproduce: {} },
  },
  trustMirror: {
    kind: "boolean",
    help: "Hold its files to its own MD5SUMS, not to their publishers' sums",
    default: false,
    decides: false,
    commands: { train: {}, eval: {}, reproduce: {} },
  },
  run: {
    kind: "path",
    help: "The run whose checkpoint predicts",
    commands: { predict: {}, find: { help: "The run whose features are compared" } },
  },
  weights: {
    kind: "path",
    otherNames: ["pretrained", "checkpoint", "ckpt", "initial_checkpoint"],
    help: "What to start from instead of <model>.npz: an .npz, safetensors, or a run",
    // An archive may have moved; whether there is one may not change.
    decides: true,
    commands: {
      train: {},
      find: { help: "The archive whose features are compared, or a published model" },
      check: { help: "With --features: a run, an archive or a published model" },
      predict: { help: "The archive that predicts, or a published model" },
    },
  },
  fromScratch: {
    kind: "boolean",
    help: "Start from random weights",
    default: false,
    decides: true,
    commands: { train: {} },
  },
  best: {
    kind: "boolean",
    help: "The run's best checkpoint, not its newest",
    default: false,
    commands: { eval: {}, predict: {}, find: {}, export: {}, serve: {} },
  },
  crop: {
    kind: "integer",
    least: 1,
    otherNames: ["image_size", "img_size", "imgsz", "input_size"],
    help: "Side of the crop, and of images in evaluation",
    decides: true,
    commands: {
      train: {},
      eval: { help: "Side to which images are resized", otherwise: `${runOr} the BiT-HyperRule's` },
    },
  },
  size: {
    kind: "integer",
    least: 1,
    help: "Side to which images are resized",
    otherwise: `${runOr} the BiT-HyperRule's`,
    commands: { predict: {}, find: {}, check: {}, export: {}, serve: {} },
  },
  resize: {
    kind: "choice",
    choices: resizeMethods,
    help: "Resize as Pillow (antialiased) or as TensorFlow does",
    default: "pillow",
    decides: true,
    recorded: true,
    commands: {
      train: {},
      eval: { default: undefined, otherwise: `${runOr} pillow` },
      predict: { default: undefined, otherwise: `${runOr} pillow` },
      find: { default: undefined, otherwise: `${runOr} pillow` },
      export: { default: undefined, otherwise: `${runOr} pillow` },
      serve: { default: undefined, otherwise: `${runOr} pillow` },
    },
  },
  tta: {
    kind: "choice",
    choices: testTimeAugmentations,
    help: "Show the model each image mirrored, too, and take the mean of its logits",
    since: "0.2.0",
    commands: { eval: {} },
  },
  device: {
    kind: "text",
    otherNames: ["gpu", "gpus", "cuda"],
    help: "cpu, gpu, gpu:0,2, or all (every GPU)",
    otherwise: "a GPU that bit-setup serves, else the CPU",
    // A run that began on a CPU goes on on a GPU; its log says so.
    decides: false,
    commands: {
      ...{
        train: {},
        sample: {},
        eval: {},
        predict: {},
        find: {},
        serve: {},
        bench: {},
        reproduce: {},
      },
      report: { help: "What computes where a run is to be evaluated: as in bit-eval" },
    },
  },
  precision: {
    kind: "choice",
    otherNames: ["amp", "fp16", "bf16", "half"],
    choices: precisions,
    help: "Type of convolutions and of the activations between them",
    otherwise: "the device's fastest",
    decides: true,
    commands: {
      ...{ train: {}, bench: {}, reproduce: { default: "fp32" } },
      eval: { otherwise: `${runOr} the device's fastest` },
      predict: { otherwise: `${runOr} the device's fastest` },
      find: { otherwise: `${runOr} the device's fastest` },
      serve: { otherwise: `${runOr} the device's fastest` },
    },
  },
  workers: {
    kind: "integer",
    least: 1,
    otherNames: ["num_workers", "jobs", "dataloader_num_workers"],
    help: "Threads that prepare images",
    otherwise: "the number of cores",
    decides: false,
    commands: {
      ...{ train: {}, eval: {}, predict: {}, find: {}, serve: {}, reproduce: {} },
      check: { help: "Threads that decode" },
    },
  },
} as const satisfies SettingTable;
