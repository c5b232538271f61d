/**
 * Oxford Flowers 102, in the layout of https://www.robots.ox.ac.uk/~vgg/data/flowers/102/. The
 * official BiT code names the dataset in its rule without giving its parts; these are those of
 * TensorFlow Datasets, `train` (setid.mat's trnid, 1,020 images) and `test` (tstid, 6,149). The 1,020
 * of `valid` are not used; VTAB adds them to the training set.
 *
 * Source: Nilsback and Zisserman, "Automated Flower Classification over a Large Number of Classes".
 */
import { join } from "node:path";
import { KNOWN_DATASET_SIZES } from "../../recipe/hyperrule.js";
import type { Dataset } from "../dataset.js";
import { datasetOf } from "../parts/dataset-of.js";
import type { DatasetOptions } from "../parts/dataset-options.js";
import { type LabelledImages, withClasses } from "../parts/listed-dataset.js";
import { FLOWER_NAMES } from "./flower-names.js";
import { MatDatasetFile } from "./mat-dataset-file.js";
import { findOrFetch, type PublishedDataset } from "./published-dataset.js";
import type { DataFetch } from "./published-file.js";

const ADDRESS = "https://www.robots.ox.ac.uk/~vgg/data/flowers/102/";

/** Where the dataset lies. The last place is torchvision's. */
const OXFORD_FLOWERS: PublishedDataset = {
  name: "oxford_flowers102",
  places: ["oxford_flowers102", ".", "flowers-102"],
  parts: [
    {
      url: `${ADDRESS}imagelabels.mat`,
      md5: "e0620be6f572b9609742df49c70aed4d",
      sizeBytes: 502,
    },
    { url: `${ADDRESS}setid.mat`, md5: "a5357ecc9cb78c4bef273ce3793fc85c", sizeBytes: 14_989 },
    {
      url: `${ADDRESS}102flowers.tgz`,
      md5: "52808999861908f626f3c1f4e79d11fa",
      sizeBytes: 344_862_509,
      unpacked: "jpg",
    },
  ],
};

/** Loads the dataset. Throws UserError where it is missing, cannot be fetched or is damaged. */
export async function loadOxfordFlowers(
  datadir: string,
  options: DatasetOptions,
  request: DataFetch,
): Promise<Dataset> {
  const folder = await findOrFetch(OXFORD_FLOWERS, datadir, request);
  const labels = await MatDatasetFile.open(join(folder, "imagelabels.mat"));
  const parts = await MatDatasetFile.open(join(folder, "setid.mat"));
  const classes = labels.numbers("labels").values;
  const wrong = classes.findIndex((id) => !(id >= 1 && id <= FLOWER_NAMES.length));
  if (wrong >= 0)
    throw labels.fault(
      `image ${wrong + 1} is of class ${classes[wrong]}`,
      `classes from 1 to ${FLOWER_NAMES.length}`,
    );
  const partOf = (name: string): LabelledImages => {
    const ids = Array.from(parts.numbers(name).values);
    const unknown = ids.find((id) => classes[id - 1] === undefined);
    if (unknown !== undefined)
      throw parts.fault(`${name} has image ${unknown}`, `images from 1 to ${classes.length}`);
    return {
      paths: ids.map((id) => join(folder, "jpg", `image_${String(id).padStart(5, "0")}.jpg`)),
      labels: Int32Array.from(ids, (id) => classes[id - 1]! - 1),
    };
  };
  const listed = withClasses(
    { where: folder, classNames: FLOWER_NAMES },
    { train: partOf("trnid"), test: partOf("tstid") },
  );
  return datasetOf({ ...listed, typicalSize: KNOWN_DATASET_SIZES["oxford_flowers102"] }, options);
}
