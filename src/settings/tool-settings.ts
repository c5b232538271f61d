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
    commands: {
      predict: {},
      find: { help: "How many images are listed", default: 10 },
      serve: { help: "How many classes of each image, where a request does not say (?top=3)" },
    },
  },
  port: {
    kind: "integer",
    least: 0,
    help: "The port to listen at; 0: one that is free",
    default: 8080,
    since: "0.2.0",
    commands: { serve: {} },
  },
  host: {
    kind: "text",
    help: "The address to listen at; 0.0.0.0: all of this machine's, for everybody in the network",
    default: "127.0.0.1",
    since: "0.2.0",
    commands: { serve: {} },
  },
  allowHost: {
    kind: "text",
    help: "More names by which browsers may reach it, as of a proxy; several with commas",
    since: "0.2.0",
    commands: { serve: {} },
  },
  maxBytes: {
    kind: "integer",
    least: 1,
    help: "Bytes of a request's body, at most",
    default: 33554432,
    since: "0.2.0",
    commands: { serve: {} },
  },
  maxPixels: {
    kind: "integer",
    least: 1,
    help: "Pixels of an image, at most: height times width",
    default: 67108864,
    since: "0.2.0",
    commands: { serve: {} },
  },
  maxWaiting: {
    kind: "integer",
    least: 1,
    help: "Images that wait or are computed, at most",
    default: 256,
    since: "0.2.0",
    commands: { serve: {} },
  },
  timeout: {
    kind: "integer",
    least: 1,
    help: "Seconds for a request to come in, and as many for its answer",
    default: 30,
    since: "0.2.0",
    commands: { serve: {} },
  },
  accessLog: {
    kind: "boolean",
    help: "Print a line of JSON for each request",
    default: false,
    since: "0.2.0",
    commands: { serve: {} },
  },
  csv: {
    kind: "path",
    help: "A table to write predictions to",
    since: "0.2.0",
    commands: {
      predict: {
        help: "A table to write: of each image its path, --top classes and probabilities",
      },
      find: { help: "A table to write: the same rows as are printed" },
      eval: { help: "A table to write: of each image its path, truth, top five and probabilities" },
    },
  },
  logits: {
    kind: "path",
    help: "A .npy to write all logits to, float32 [images, classes], in the order of the rows",
    commands: { predict: {} },
  },
  features: {
    kind: "path",
    help: "A .npy to write what the head is given to, float32 [images, channels], in the order of the rows",
    since: "0.2.0",
    commands: {
      predict: {},
      check: {
        kind: "boolean",
        help: "Find near copies, too: other files of one picture, by the features of --weights",
      },
    },
  },
  similarity: {
    kind: "number",
    otherNames: ["threshold", "near_duplicate_threshold"],
    help: "With --features: the cosine from which images count as near copies",
    otherwise: "0.98",
    since: "0.2.0",
    commands: { check: {} },
  },

  out: {
    kind: "path",
    help: "The folder to make, which must not be there yet",
    otherwise: "the source's name with that of the format, here",
    commands: {
      export: {},
      report: {
        help: "The file to write",
        otherwise: "report.html in the run's folder; of several runs comparison.html, here",
      },
    },
  },
  f16: {
    kind: "boolean",
    help: "Store weights in float16: files half as large; they are computed with in float32",
    default: false,
    commands: { export: {} },
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
    decides: false,
    commands: {
      train: {
        help: "Say what the run would do and take, by three timed steps, and write nothing",
      },
      download: {},
    },
  },
  verify: {
    kind: "boolean",
    help: "Fetch nothing: read what is here and check every byte, also against SHA256SUMS",
    default: false,
    commands: {
      download: {},
      export: { help: "Export nothing: check an export's files, and what it computes" },
    },
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
    decides: false,
    commands: {
      ...{
        eval: {},
        predict: {},
        find: {},
        runs: {},
        check: {},
        convert: {},
        bench: {},
        export: {},
      },
      train: { help: "Print each event of the run as a line of JSON, and nothing else" },
      download: { help: "Print the list as JSON" },
      setup: { help: "With --check: the report as JSON" },
    },
  },
} as const satisfies SettingTable;
