/**
 * SVHN, the street view house numbers, cropped to single digits, in the layout of
 * http://ufldl.stanford.edu/housenumbers/: 73,257 images to train on, 26,032 to evaluate on. The extra
 * training images are left out, as VTAB does.
 *
 * Source: Netzer et al., "Reading Digits in Natural Images with Unsupervised Feature Learning".
 */
import { join } from "node:path";
import type { Dataset, Split } from "../dataset.js";
import { datasetOf } from "../parts/dataset-of.js";
import type { DatasetOptions } from "../parts/dataset-options.js";
import { MatDatasetFile } from "./mat-dataset-file.js";
import { findOrFetch, type PublishedDataset } from "./published-dataset.js";
import type { DataFetch } from "./published-file.js";

const ADDRESS = "http://ufldl.stanford.edu/housenumbers/";
const SIDE = 32;
const IMAGE_BYTES = SIDE * SIDE * 3;

/** Where the dataset lies. */
export const SVHN: PublishedDataset = {
  name: "svhn",
  places: ["svhn", "."],
  parts: [
    {
      url: `${ADDRESS}train_32x32.mat`,
      md5: "e26dedcc434d2e4c54c9b2d4a06d8373",
      sizeBytes: 182_040_794,
    },
    {
      url: `${ADDRESS}test_32x32.mat`,
      md5: "eb5a983be6a315427106f1b164d9cef3",
      sizeBytes: 64_275_384,
    },
  ],
};

/** Loads the dataset. Throws UserError where it is missing, cannot be fetched or is damaged. */
export async function loadSvhn(
  datadir: string,
  options: DatasetOptions,
  request: DataFetch,
): Promise<Dataset> {
  const folder = await findOrFetch(SVHN, datadir, request);
  const classNames = Array.from({ length: 10 }, (_, digit) => String(digit));
  const part = (file: string) => async () => {
    const where = join(folder, file);
    return { where, classNames, images: await readPart(where) };
  };
  const parts = { train: part("train_32x32.mat"), test: part("test_32x32.mat") };
  return datasetOf({ where: folder, parts }, options);
}

/** A file with X, uint8 `[32, 32, 3, n]` in Fortran order, and y, `[n, 1]`, where 10 is digit 0. */
async function readPart(path: string): Promise<Split> {
  const file = await MatDatasetFile.open(path);
  const images = file.numbers("X");
  const digits = file.numbers("y").values;
  const n = digits.length;
  const fits = `${images.shape}` === `${[SIDE, SIDE, 3, n]}`;
  if (!fits || !(images.values instanceof Uint8Array) || n === 0)
    throw file.fault(
      `X of [${images.shape}] and ${n} labels in y`,
      "X, uint8 [32,32,3,n], and as many labels",
    );
  const wrong = digits.findIndex((digit) => !(digit >= 1 && digit <= 10));
  if (wrong >= 0) throw file.fault(`image ${wrong} has label ${digits[wrong]}`, "labels 1 to 10");
  return {
    images: { kind: "pixels", pixels: rowMajor(images.values, n), height: SIDE, width: SIDE },
    labels: Int32Array.from(digits, (digit) => digit % 10),
  };
}

/** From `[32, 32, 3, n]` in Fortran order, where rows lie closest, to `[n, 32, 32, 3]`. */
function rowMajor(from: Uint8Array, n: number): Uint8Array {
  const to = new Uint8Array(from.length);
  const plane = SIDE * SIDE;
  for (let image = 0, at = 0; image < n; image++) {
    const start = image * IMAGE_BYTES;
    for (let row = 0; row < SIDE; row++)
      for (let pixel = start + row; pixel < start + plane; pixel += SIDE) {
        to[at++] = from[pixel]!;
        to[at++] = from[pixel + plane]!;
        to[at++] = from[pixel + 2 * plane]!;
      }
  }
  return to;
}
