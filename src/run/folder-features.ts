/** Images of a folder, with the classes that its folders name, and their features. */
import { relative, sep } from "node:path";
import { partFolders } from "../data/parts/part-names.js";
import { isFolder } from "../disk/file-reading.js";
import { UserError } from "../errors.js";
import { findInputs, type ImageInputs } from "./predict-inputs.js";

/** The images in a folder and below it. */
export interface FolderImages extends ImageInputs {
  /** Of each image the class that its folder names; undefined of one in no class folder. */
  readonly classes: readonly (string | undefined)[];
  /** Median `[height, width]`. */
  readonly typicalSize: readonly [height: number, width: number];
}

/**
 * Lists the images of a folder, without reading any pixel.
 * @throws UserError where it is none, holds no image, or one that cannot be read where these are refused
 */
export async function imagesOfFolder(
  folder: string,
  badImages: "refuse" | "skip",
): Promise<FolderImages> {
  if (!(await isFolder(folder)))
    throw new UserError(
      `--in ${folder}`,
      "no folder lies there",
      "a folder of images",
      "check the path",
    );
  const { groups, typicalSize } = await findInputs([folder], badImages);
  const [images] = groups;
  if (images?.kind !== "images" || typicalSize === undefined)
    throw new UserError(
      `--in ${folder}`,
      "none of its images can be read",
      "a folder with an image that can be read",
      "give another folder",
    );
  return { ...images, typicalSize, classes: classesOf(images.paths, folder) };
}

/**
 * The classes that folders name: as in a dataset the first folder below that of a part, where there are parts
 * (`partFolders`), and below the root otherwise.
 */
export function classesOf(paths: readonly string[], root: string): (string | undefined)[] {
  const folders = paths.map((path) => relative(root, path).split(sep).slice(0, -1));
  const parts = partFolders([...new Set(folders.flatMap(([first]) => first ?? []))]);
  return folders.map(([first, second]) => {
    return first !== undefined && parts.has(first) ? second : first;
  });
}
