/**
 * EuroSAT and NWPU-RESISC45: satellite and aerial images in class folders, published without a
 * division into parts. A fifth of each class is held out by the run's seed, as with any such folder.
 * TensorFlow Datasets and VTAB divide them by the order of their own records, so that results are not
 * comparable to the last digit.
 *
 * Sources: Helber et al., "EuroSAT"; Cheng et al., "Remote Sensing Image Scene Classification".
 */
import { join, resolve } from "node:path";
import { exists } from "../../disk/file-reading.js";
import { UserError } from "../../errors.js";
import type { Dataset } from "../dataset.js";
import { listFolder } from "../files/class-folders.js";
import { loadImageFolder } from "../files/image-folder.js";
import type { DatasetOptions } from "../parts/dataset-options.js";
import { findOrFetch, type PublishedDataset } from "./published-dataset.js";
import type { DataFetch } from "./published-file.js";

/**
 * Where EuroSAT lies: its archive brings a folder 2750. Its publisher's own server has had no valid
 * certificate since 2023; this is the copy that torchvision fetches. The last place is torchvision's.
 */
const EUROSAT: PublishedDataset = {
  name: "eurosat",
  places: ["EuroSAT", ".", "eurosat"],
  parts: [
    {
      url:
        "https://huggingface.co/datasets/torchgeo/eurosat/resolve/" +
        "c877bcd43f099cd0196738f714544e355477f3fd/EuroSAT.zip",
      md5: "c8fa014336c82ac7804f0398fcb19387",
      sizeBytes: 94_280_567,
      unpacked: "2750",
    },
  ],
};

const EUROSAT_CLASSES = 10;
const RESISC_CLASSES = 45;

/**
 * Loads EuroSAT in its three visible bands: 27,000 images of 10 kinds of land.
 * @throws UserError where it is missing, cannot be fetched or is damaged
 */
export async function loadEuroSat(
  datadir: string,
  options: DatasetOptions,
  request: DataFetch,
): Promise<Dataset> {
  // In some copies the class folders lie without the folder 2750 around them.
  for (const root of [join(datadir, "EuroSAT"), join(datadir, "EuroSAT_RGB"), datadir])
    if (await exists(join(root, "AnnualCrop"))) return loadClasses(root, EUROSAT_CLASSES, options);
  const folder = await findOrFetch(EUROSAT, datadir, request);
  return loadClasses(join(folder, "2750"), EUROSAT_CLASSES, options);
}

/**
 * Loads NWPU-RESISC45: 31,500 images of 45 scenes. It is never fetched: its publisher offers it on a
 * cloud drive, as a RAR archive, and not by an address of its own.
 * @throws UserError where it is missing or damaged
 */
export async function loadResisc45(datadir: string, options: DatasetOptions): Promise<Dataset> {
  for (const root of [join(datadir, "NWPU-RESISC45"), datadir])
    if (await exists(join(root, "airplane"))) return loadClasses(root, RESISC_CLASSES, options);
  throw new UserError(
    resolve(datadir),
    "no resisc45 there",
    "NWPU-RESISC45/<class>/*.jpg, 45 classes of 700 images",
    "get NWPU-RESISC45.rar by way of https://www.tensorflow.org/datasets/catalog/resisc45 and " +
      "unpack it here (it cannot be fetched by an address), or name the folder that it lies in with --datadir",
  );
}

async function loadClasses(
  root: string,
  classes: number,
  options: DatasetOptions,
): Promise<Dataset> {
  const { folders } = await listFolder(root);
  if (folders.length === classes) return loadImageFolder(root, options);
  throw new UserError(
    root,
    `${folders.length} class folders`,
    `the ${classes} class folders of ${options.name}`,
    "unpack the whole archive again, or use --dataset folder for a part of it",
  );
}
