/** Settings of which images are meant. */
import { DATASET_NAMES, PATH_KINDS } from "../data/known-datasets.js";
import { classMatchings } from "../data/parts/evaluation.js";
import { partNames } from "../data/parts/part-names.js";
import { badImagesChoices, exportFormats } from "./choices.js";
import type { SettingTable } from "./setting.js";

export const dataSettings = {
  dataset: {
    kind: "text",
    otherNames: ["data", "dataset_name"],
    help: `${DATASET_NAMES.join(", ")}, or a path: ${PATH_KINDS}`,
    // Its fingerprint tells whether it is the same, wherever it is.
    decides: false,
    commands: { train: { required: true }, eval: { otherwise: "the run's" } },
  },
  datadir: {
    kind: "path",
    otherNames: ["data_dir", "data_path", "root"],
    help: "Folder of the dataset; a missing one is downloaded into it",
    decides: false,
    commands: {
      train: { default: "." },
      reproduce: { default: "." },
      eval: { help: "Folder of the dataset", otherwise: "as in the run" },
      check: { help: "Folder of the dataset", default: "." },
    },
  },
  badImages: {
    kind: "choice",
    choices: badImagesChoices,
    help: "Images that cannot be decoded: refuse all, or leave them out",
    default: "refuse",
    decides: true,
    recorded: true,
    commands: {
      train: {},
      predict: {},
      find: { help: "Images of the folder that cannot be decoded: refuse all, or leave them out" },
      eval: { default: undefined },
      convert: {
        help: "Images that cannot be converted: refuse all, or copy these as they are and name them",
      },
    },
  },
  examplesPerClass: {
    kind: "integer",
    least: 1,
    help: "Train on so many examples of each class",
    decides: true,
    recorded: true,
    commands: { train: {}, reproduce: { help: "As many examples of each class as published" } },
  },
  examplesPerClassSeed: {
    kind: "integer",
    least: 0,
    help: "Seed by which they are drawn",
    default: 0,
    decides: true,
    recorded: true,
    commands: { train: {} },
  },
  sameExamples: {
    kind: "boolean",
    help: "With --seeds: train every run on the same examples of each class",
    default: false,
    decides: true,
    since: "0.2.0",
    commands: { train: {} },
  },
  split: {
    kind: "choice",
    choices: partNames,
    help: "Part to evaluate on",
    otherwise: "the held-out one; all of a dataset without parts",
    commands: { eval: {} },
  },
  matchClasses: {
    kind: "choice",
    choices: classMatchings,
    help: "How the dataset's classes are found among the model's",
    default: "name",
    commands: { eval: {} },
  },
  knn: {
    kind: "boolean",
    otherNames: ["knn_eval", "nearest_neighbours", "nearest_neighbors"],
    help: "Evaluate the model's features alone: the nearest images of the training part vote",
    default: false,
    since: "0.2.0",
    commands: { eval: {} },
  },
  knnNeighbours: {
    kind: "integer",
    least: 1,
    otherNames: ["knn_neighbors", "knn_k", "nb_knn", "n_neighbors", "neighbours", "neighbors"],
    help: "With --knn: how many vote",
    otherwise: "20, or all where there are fewer",
    since: "0.2.0",
    commands: { eval: {}, find: { help: "With --mislabelled: how many vote on each image" } },
  },
  in: {
    kind: "path",
    otherNames: ["folder", "gallery", "index"],
    help: "The folder whose images are searched, and those of its folders",
    required: true,
    since: "0.2.0",
    commands: { find: {} },
  },
  mislabelled: {
    kind: "boolean",
    otherNames: ["mislabeled", "label_errors", "suspects"],
    help: "Find the images whose neighbours are in other class folders",
    default: false,
    since: "0.2.0",
    commands: { find: {} },
  },
  realLabels: {
    kind: "path",
    help: "ImageNet-ReaL's real.json: top-1 by these labels, too",
    since: "0.2.0",
    commands: { eval: {} },
  },
  fast: {
    kind: "boolean",
    help: "Read headers only: finds no damage behind them, and needs no engine",
    default: false,
    commands: { check: {} },
  },
  to: {
    kind: "path",
    help: "The copy, which must not be there yet",
    commands: {
      convert: {},
      export: {
        kind: "choice",
        choices: exportFormats,
        help: "The format (docs/export.md)",
      },
    },
  },
  format: {
    kind: "choice",
    choices: ["png", "jpeg"],
    help: "Format of converted images; jpeg (quality 95) is about a tenth as large, and not exact",
    default: "png",
    commands: { convert: {} },
  },
} as const satisfies SettingTable;
