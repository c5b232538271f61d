/** The commands that look images and datasets over: rows of the registry. */
import { CONVERTED_FORMATS } from "../data/image-formats/image-format.js";
import { DATASET_NAMES } from "../data/known-datasets.js";
import type { Command } from "./command.js";

export const imageCommands: {
  readonly [Name in "find" | "check" | "convert"]: Command<Name>;
} = {
  find: {
    program: "bit-find",
    summary: "the images of a folder that are like others, or are in the wrong class",
    usage: "bit-find IMAGE ... --in FOLDER --run RUN | --weights FILE [flags]",
    description:
      "The images of a folder that are nearest to one, by the cosine of a model's features, with the class " +
      "folders that they are in; or, with --mislabelled and no image, those whose nearest neighbours are in " +
      "other class folders, the most suspicious first (docs/find.md). Features are kept for the next time. The model " +
      "needs no head: BiT-M-R50x1 serves for any photos.",
    positional: true,
    examples: [
      ["npx bit-find photo.jpg --in photos --weights BiT-M-R50x1", "look-alikes of a photo"],
      [
        "npx bit-find --mislabelled --in photos --run bit_logs/photos --top 50 --csv suspects.csv",
        "photos that may be in the wrong class",
      ],
    ],
    load: () => import("./bit-find.js"),
  },
  check: {
    program: "bit-data",
    summary: "what a dataset holds and what is wrong with it",
    usage: "bit-data check DATASET [flags], or bit-data convert --help",
    description:
      "Says what a dataset holds and what is wrong with it: classes, sizes, images that cannot be " +
      "decoded, copies, images in two classes or in both parts. DATASET is as in bit-train: " +
      `${DATASET_NAMES.join(", ")}, or a path. ` +
      "Exit codes: 0 a training would take it; 2 it would not, and the last line says what to do.",
    positional: true,
    examples: [
      ["npx bit-data check photos", "a folder of images, every one decoded"],
      ["npx bit-data check labels.csv --fast --json", "a table of images, quickly, for a program"],
      ["npx bit-data check imagenet2012 --datadir imagenet", "a dataset by name"],
      [
        "npx bit-data check photos --features --weights BiT-M-R50x1",
        "and other files of one picture (docs/find.md)",
      ],
    ],
    load: () => import("./bit-data.js"),
  },
  convert: {
    program: "bit-data",
    verb: "convert",
    summary: "a copy of a dataset with PNG or JPEG in place of TIFF, AVIF and HEIC",
    usage: "bit-data convert FOLDER --to NEW_FOLDER [flags]",
    description:
      `Copies a folder, or one image, with images of the formats ${CONVERTED_FORMATS.join(", ")} ` +
      "converted to PNG, upright, and their names changed in tables. The source is left as it is; the " +
      "copy takes its name when it is whole. Hidden files are left out.",
    positional: true,
    examples: [["npx bit-data convert photos --to photos-png", "scans and photos of phones"]],
    load: () => import("./bit-data-convert.js"),
  },
};
