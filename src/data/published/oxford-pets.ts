/**
 * Oxford-IIIT Pet: 37 breeds, in the layout of https://www.robots.ox.ac.uk/~vgg/data/pets/. The
 * official BiT code names the dataset in its rule without giving its parts; these are those of
 * TensorFlow Datasets, `train` (annotations/trainval.txt, 3,680 images) and `test` (3,669).
 *
 * Source: Parkhi et al., "Cats and Dogs", CVPR 2012.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { readError } from "../../disk/file-reading.js";
import { UserError } from "../../errors.js";
import { KNOWN_DATASET_SIZES } from "../../recipe/hyperrule.js";
import type { Dataset } from "../dataset.js";
import { datasetOf } from "../parts/dataset-of.js";
import type { DatasetOptions } from "../parts/dataset-options.js";
import { type LabelledImages, withClasses } from "../parts/listed-dataset.js";
import { findOrFetch, type PublishedDataset } from "./published-dataset.js";
import type { DataFetch } from "./published-file.js";

const ADDRESS = "https://www.robots.ox.ac.uk/~vgg/data/pets/data/";

/** Where the dataset lies. The last place is torchvision's. */
const OXFORD_PETS: PublishedDataset = {
  name: "oxford_iiit_pet",
  places: ["oxford_iiit_pet", ".", "oxford-iiit-pet"],
  parts: [
    {
      url: `${ADDRESS}annotations.tar.gz`,
      md5: "95a8c909bbe2e81eed6a22bccdf3f68f",
      sizeBytes: 19_173_078,
      unpacked: "annotations",
    },
    {
      url: `${ADDRESS}images.tar.gz`,
      md5: "5c4f3ee8e5d25df40f4fd59a7f44e54c",
      sizeBytes: 791_918_971,
      unpacked: "images",
    },
  ],
};

/** A line of a list. */
interface Listed {
  readonly path: string;
  readonly breed: string;
  /** From 1 on. */
  readonly id: number;
}

/** Loads the dataset. Throws UserError where it is missing, cannot be fetched or is damaged. */
export async function loadOxfordPets(
  datadir: string,
  options: DatasetOptions,
  request: DataFetch,
): Promise<Dataset> {
  const folder = await findOrFetch(OXFORD_PETS, datadir, request);
  const train = await readList(folder, "trainval.txt");
  const test = await readList(folder, "test.txt");
  const classNames = breedsOf([...train, ...test], join(folder, "annotations"));
  const listed = withClasses(
    { where: folder, classNames },
    { train: images(train), test: images(test) },
  );
  return datasetOf({ ...listed, typicalSize: KNOWN_DATASET_SIZES["oxford_iiit_pet"] }, options);
}

/** Reads lines such as `Abyssinian_100 1 1 1`: image, class, species, breed within the species. */
async function readList(folder: string, list: string): Promise<Listed[]> {
  const where = join(folder, "annotations", list);
  const text = await readFile(where, "utf8").catch((error: unknown) => {
    throw readError(where, error, NEXT_STEP);
  });
  return text.split(/\r?\n/).flatMap((line, i) => {
    if (line.trim() === "" || line.startsWith("#")) return [];
    const [, image, breed, id] = /^(([^\s/]+)_\d+) (\d+) \d+ \d+\s*$/.exec(line) ?? [];
    if (image !== undefined && breed !== undefined && Number(id) >= 1)
      return [{ path: join(folder, "images", `${image}.jpg`), breed, id: Number(id) }];
    throw new UserError(
      `${where}, line ${i + 1}`,
      JSON.stringify(line.slice(0, 80)),
      "a line such as 'Abyssinian_100 1 1 1'",
      NEXT_STEP,
    );
  });
}

/** The name of each class, which is that of its images without their numbers. */
function breedsOf(rows: readonly Listed[], where: string): string[] {
  const breeds = new Map<number, string>();
  for (const { breed, id } of rows) {
    const known = breeds.get(id) ?? breed;
    if (known !== breed)
      throw new UserError(where, `class ${id} is ${known} and ${breed}`, "one breed", NEXT_STEP);
    breeds.set(id, breed);
  }
  return Array.from({ length: breeds.size }, (_, label) => {
    const breed = breeds.get(label + 1);
    if (breed !== undefined) return breed;
    throw new UserError(where, `no image of class ${label + 1}`, "some of each class", NEXT_STEP);
  });
}

function images(rows: readonly Listed[]): LabelledImages {
  return { paths: rows.map(({ path }) => path), labels: Int32Array.from(rows, ({ id }) => id - 1) };
}

const NEXT_STEP = "unpack the official annotations.tar.gz again, or remove the folder";
