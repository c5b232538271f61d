/** Settings of what is printed and written, and of the commands beside training. */
import { PLUGIN_NAMES } from "../engine/plugin-recipes.js";
import { benchImplementations, benchModes } from "./choices.js";
import type { SettingTable } from "./setting.js";

export const toolSettings = {
  top: {
    kind: "integer",
    least: 1,
    help: "How many classes of each image",
    default: 5,
    commands: { predict: {} },
  },
  logits: {
    kind: "path",
    help: "A .npy to write all logits to, float32 [images, classes], in the order of the rows",
    commands: { predict: {} },
  },
  mode: {
    kind: "choice",
    choices: benchModes,
    help: "What a step does",
    default: "train",
    commands: { bench: {} },
  },
  classes: {
    kind: "integer",
    least: 1,
    help: "Outputs of the head",
    default: 10,
    commands: { bench: {} },
  },
  warmup: {
    kind: "integer",
    least: 0,
    help: "Steps after the first that are not timed",
    default: 2,
    commands: { bench: {} },
  },
  memory: {
    kind: "boolean",
    help: "Run nothing: say how much memory a training step needs",
    default: false,
    commands: { bench: {} },
  },
  devices: {
    kind: "integer",
    least: 2,
    help: "Measure on 1, 2, 4 ... up to so many of the device's kind, which share the batch",
    since: "0.2.0",
    commands: { bench: {} },
  },
  implementation: {
    kind: "choice",
    choices: benchImplementations,
    help: "bit-train's traced graph, or TF.js code with textbook operations",
    default: "graph",
    commands: { bench: {} },
  },
  vtab: {
    kind: "boolean",
    help: "All 285 models fine-tuned on VTAB-1k, in addition to those named",
    default: false,
    commands: { download: {} },
  },
  list: {
    kind: "boolean",
    help: "Print all models, or those named: size, parameters, whether they are here",
    default: false,
    commands: { download: {} },
  },
  dryRun: {
    kind: "boolean",
    help: "Fetch nothing: print what would be fetched, and whether the disk has room",
    default: false,
    commands: { download: {} },
  },
  verify: {
    kind: "boolean",
    help: "Fetch nothing: read what is here and check every byte, also against SHA256SUMS",
    default: false,
    commands: { download: {} },
  },
  parallel: {
    kind: "integer",
    least: 1,
    help: "How many files at a time",
    default: 2,
    commands: { download: {} },
  },
  cpu: {
    kind: "boolean",
    help: "TensorFlow for the CPU alone, also where there is a GPU",
    commands: { setup: {} },
  },
  gpu: {
    kind: "boolean",
    help: "And XLA with NVIDIA's libraries for the driver's CUDA (1.1 to 1.3 GB more)",
    commands: { setup: {} },
  },
  plugin: {
    kind: "choice",
    choices: PLUGIN_NAMES,
    help: "And this plugin of XLA, whatever was found (cpu: to try XLA without a GPU)",
    commands: { setup: {} },
  },
  prebuilt: {
    kind: "boolean",
    help: "TensorFlow 2.9.1 for CUDA 11.2, as the makers of TensorFlow.js host it",
    commands: { setup: {} },
  },
  check: {
    kind: "boolean",
    help: "Change nothing; say what is there",
    default: false,
    commands: { setup: {} },
  },
  json: {
    kind: "boolean",
    help: "Print one JSON object and nothing else",
    default: false,
    commands: {
      ...{ eval: {}, predict: {}, runs: {}, check: {}, convert: {}, bench: {} },
      download: { help: "Print the list as JSON" },
      setup: { help: "With --check: the report as JSON" },
    },
  },
} as const satisfies SettingTable;
