/**
 * Imagenette, ten classes of ImageNet that are easily told apart, in its second division: 9,469 images to
 * train on, 3,925 to evaluate on, the shorter side 160 pixels. The parts are the archive's folders, as in
 * torchvision (size `160px`) and TensorFlow Datasets (`160px-v2`); classes have ImageNet's numbers for names,
 * as its folders do.
 *
 * Source: https://github.com/fastai/imagenette; the sum is torchvision's.
 */
import { join } from "node:path";
import type { Dataset } from "../dataset.js";
import { loadImageFolder } from "../files/image-folder.js";
import type { DatasetOptions } from "../parts/dataset-options.js";
import { findOrFetch, type PublishedDataset } from "./published-dataset.js";
import type { DataFetch } from "./published-file.js";

const FOLDER = "imagenette2-160";

/** Where the dataset lies: its archive brings a folder of its own, also for torchvision. */
const IMAGENETTE: PublishedDataset = {
  name: "imagenette",
  places: ["."],
  parts: [
    {
      url: `https://s3.amazonaws.com/fast-ai-imageclas/${FOLDER}.tgz`,
      md5: "e793b78cc4c9e9a4ccc0c1155377a412",
      sizeBytes: 99_003_388,
      unpacked: FOLDER,
    },
  ],
};

/** Loads the dataset. Throws UserError where it is missing, cannot be fetched or is damaged. */
export async function loadImagenette(
  datadir: string,
  options: DatasetOptions,
  request: DataFetch,
): Promise<Dataset> {
  const folder = await findOrFetch(IMAGENETTE, datadir, request);
  return loadImageFolder(join(folder, FOLDER), options);
}
