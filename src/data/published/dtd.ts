/**
 * DTD, the Describable Textures Dataset: 47 textures, in the layout of
 * https://www.robots.ox.ac.uk/~vgg/data/dtd/. Of its ten official divisions the first is used, as by
 * TensorFlow Datasets: training is its train1 and val1 together (3,760 images), as where VTAB trains
 * on all there is, evaluation is test1 (1,880).
 *
 * Source: Cimpoi et al., "Describing Textures in the Wild", CVPR 2014.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { exists, readError } from "../../disk/file-reading.js";
import { UserError } from "../../errors.js";
import type { Dataset } from "../dataset.js";
import { byCodePoint } from "../files/class-folders.js";
import { datasetOf } from "../parts/dataset-of.js";
import type { DatasetOptions } from "../parts/dataset-options.js";
import { type LabelledImages, withClasses } from "../parts/listed-dataset.js";
import { findOrFetch, type PublishedDataset } from "./published-dataset.js";
import type { DataFetch } from "./published-file.js";

/** Where the dataset lies: its archive brings a folder dtd, which torchvision has in one more. */
export const DTD: PublishedDataset = {
  name: "dtd",
  places: [".", "dtd"],
  parts: [
    {
      url: "https://www.robots.ox.ac.uk/~vgg/data/dtd/download/dtd-r1.0.1.tar.gz",
      md5: "fff73e5086ae6bdbea199a49dfb8a4c1",
      sizeBytes: 625_239_812,
      unpacked: "dtd",
      // torchvision's dtd/dtd has a folder of this name above it.
      holds: "labels",
    },
  ],
};

/** An image as the lists name it: `banded/banded_0002.jpg`. */
interface Listed {
  readonly texture: string;
  readonly path: string;
}

/** Loads the dataset. Throws UserError where it is missing, cannot be fetched or is damaged. */
export async function loadDtd(
  datadir: string,
  options: DatasetOptions,
  request: DataFetch,
): Promise<Dataset> {
  const isItself = await exists(join(datadir, "labels", "train1.txt"));
  const folder = isItself ? datadir : join(await findOrFetch(DTD, datadir, request), "dtd");
  const train = [
    ...(await readList(folder, "train1.txt")),
    ...(await readList(folder, "val1.txt")),
  ];
  const test = await readList(folder, "test1.txt");
  const classNames = [...new Set([...train, ...test].map(({ texture }) => texture))];
  classNames.sort(byCodePoint);
  const labelOf = new Map(classNames.map((name, label) => [name, label]));
  const images = (part: readonly Listed[]): LabelledImages => ({
    paths: part.map(({ path }) => path),
    labels: Int32Array.from(part, ({ texture }) => labelOf.get(texture)!),
  });
  const parts = { train: images(train), test: images(test) };
  return datasetOf(withClasses({ where: folder, classNames }, parts), options);
}

async function readList(folder: string, list: string): Promise<Listed[]> {
  const where = join(folder, "labels", list);
  const nextStep = "unpack the official archive again, or remove the folder";
  const text = await readFile(where, "utf8").catch((error: unknown) => {
    throw readError(where, error, nextStep);
  });
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== "");
  return lines.map((line) => {
    const [, texture, image] = /^([^/\s]+)\/([^/\s]+)\s*$/.exec(line) ?? [];
    if (texture === undefined || image === undefined)
      throw new UserError(
        where,
        `the line ${JSON.stringify(line.slice(0, 80))}`,
        "lines such as banded/banded_0002.jpg",
        nextStep,
      );
    return { texture, path: join(folder, "images", texture, image) };
  });
}
