/** What is to be predicted: image files, folders of them, and batches of arrays, in order. */

import { stat } from "node:fs/promises";
import { readNpyHeader } from "../archive/npy.js";
import { counted } from "../counted.js";
import type { Split } from "../data/dataset.js";
import { hasImageExtension, type ImageHeader } from "../data/files/image-header.js";
import {
  checkReadable,
  faultOf,
  medianSize,
  otherwiseSkip,
  readHeaders,
} from "../data/files/readable-images.js";
import { systemErrorCode, UserError } from "../errors.js";
import { filesBelow, filesOfPattern, isPattern } from "./input-files.js";

/** Image files that follow each other. */
export interface ImageInputs {
  readonly kind: "images";
  readonly images: Split & { readonly images: { readonly kind: "files" } };
  readonly paths: readonly string[];
  /** Why some cannot be predicted, going by their headers, by their index. Those are not to be decoded. */
  readonly faults: ReadonlyMap<number, string>;
}

/** Batches of one image size that follow each other, float32 `[count,height,width,3]` each. */
export interface ArrayInputs {
  readonly kind: "arrays";
  readonly height: number;
  readonly width: number;
  readonly files: readonly { readonly path: string; readonly count: number }[];
}

export interface PredictInputs {
  /** In the order in which they were given. */
  readonly groups: readonly (ImageInputs | ArrayInputs)[];
  /** Images in all. */
  readonly count: number;
  /** Median `[height, width]` of the image files; undefined where there are none. */
  readonly typicalSize: readonly [height: number, width: number] | undefined;
}

/**
 * Looks at all inputs, without reading any pixel. A folder stands for the images in it and below it, and
 * a pattern (`*`, `**`, `?`, `[ab]`, `{a,b}`) for the images that it means.
 * @param badImages what becomes of image files that cannot be read
 * @throws UserError where one is missing or unfit, or there is none
 */
export async function findInputs(
  inputs: readonly string[],
  badImages: "refuse" | "skip",
): Promise<PredictInputs> {
  const files: string[] = [];
  for (const input of inputs) files.push(...(await expand(input)));
  const imagePaths = files.filter((path) => !isBatch(path));
  const headers = await readHeaders(imagePaths);
  const readable =
    badImages === "refuse"
      ? checkReadable(imagePaths, headers, otherwiseSkip)
      : headers.filter((header) => header.kind === "readable");

  const groups: (ImageInputs | ArrayInputs)[] = [];
  let count = 0;
  let imagesBefore = 0;
  for (let i = 0; i < files.length; ) {
    let end = i + 1;
    if (isBatch(files[i]!)) {
      const first = await batchSize(files[i]!);
      const batches = [{ path: files[i]!, count: first.count }];
      for (; end < files.length && isBatch(files[end]!); end++) {
        const next = await batchSize(files[end]!);
        if (next.height !== first.height || next.width !== first.width) break;
        batches.push({ path: files[end]!, count: next.count });
      }
      groups.push({ kind: "arrays", height: first.height, width: first.width, files: batches });
      for (const batch of batches) count += batch.count;
    } else {
      while (end < files.length && !isBatch(files[end]!)) end++;
      const paths = files.slice(i, end);
      groups.push(imageInputs(paths, headers.slice(imagesBefore, imagesBefore + paths.length)));
      imagesBefore += paths.length;
      count += paths.length;
    }
    i = end;
  }
  if (count === 0) {
    throw new UserError(
      inputs.join(" ") || "bit-predict",
      "no image to predict",
      "images, folders of images, or .npy batches",
      "give their paths",
    );
  }
  return { groups, count, typicalSize: readable.length > 0 ? medianSize(readable) : undefined };
}

function imageInputs(paths: readonly string[], headers: readonly ImageHeader[]): ImageInputs {
  const faults = new Map<number, string>();
  const known = headers.map((header, index) => {
    if (header.kind === "readable") return header;
    faults.set(index, faultOf(header)!);
    // Its place is kept, so that every image has the index of its path.
    return { orientation: 1, decoder: "any-image" } as const;
  });
  const images = {
    kind: "files",
    paths,
    orientations: Uint8Array.from(known, ({ orientation }) => orientation),
    decoders: known.map(({ decoder }) => decoder),
  } as const;
  const labels = new Int32Array(paths.length);
  return { kind: "images", images: { images, labels }, paths, faults };
}

/**
 * The images and batches that a pattern means.
 * @throws UserError where there is none
 */
async function imagesOfPattern(pattern: string): Promise<string[]> {
  const files = await filesOfPattern(pattern);
  const images = files.filter((path) => hasImageExtension(path) || isBatch(path));
  if (images.length > 0) return images;
  throw new UserError(
    pattern,
    files.length === 0
      ? "a pattern that no file has"
      : `${counted(files.length, "file")}, none an image`,
    "a pattern of images or .npy batches, such as 'photos/**/*.jpg'",
    "correct it, or give a folder",
  );
}

function isBatch(path: string): boolean {
  return path.toLowerCase().endsWith(".npy");
}

/** A file itself; of a folder the images in it, then those of its folders, sorted by code point. */
async function expand(input: string): Promise<string[]> {
  if (await isPattern(input)) return imagesOfPattern(input);
  if (/\.(npz|safetensors)$/i.test(input)) {
    throw new UserError(
      input,
      "an archive of weights among the inputs",
      "an image, a folder of images, or an .npy batch",
      `to predict with it, type --weights ${input}`,
    );
  }
  try {
    if (!(await stat(input)).isDirectory()) return [input];
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === undefined) throw error;
    throw new UserError(
      input,
      `cannot be found (${code})`,
      "an image, a folder of images, or an .npy batch",
      "check the path",
      { cause: error },
    );
  }
  const paths = (await filesBelow(input)).filter(hasImageExtension);
  if (paths.length > 0) return paths;
  throw new UserError(
    input,
    "a folder without an image",
    "a folder that holds images, itself or in its folders",
    "give another folder",
  );
}

async function batchSize(path: string): Promise<{ count: number; height: number; width: number }> {
  const { shape, dtype } = await readNpyHeader(path);
  const refuse = (got: string, nextStep: string) => {
    return new UserError(path, got, "float32 [N, H, W, 3] with values in [-1, 1]", nextStep);
  };
  if (!/^[<>]f4$/.test(dtype)) {
    throw refuse(
      `values of type ${dtype}`,
      "save it from Python: np.save(path, batch.astype(np.float32)), pixels as (x - 127.5) / 127.5",
    );
  }
  const [count, height, width, channels] = shape;
  if (shape.length === 4 && channels === 3 && !shape.includes(0))
    return { count: count!, height: height!, width: width! };
  const got = `shape [${shape.join(", ")}]`;
  if (shape.length === 3 && shape[2] === 3)
    throw refuse(got, "save it as a batch of one: np.save(path, image[None])");
  if (shape.length === 4 && height === 3)
    throw refuse(got, "put the channels last: np.save(path, batch.transpose(0, 2, 3, 1))");
  throw refuse(got, "save the batch in this shape");
}
