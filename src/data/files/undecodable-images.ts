/** Images that only decoding tells to be damaged: refused, or left out. */
import { counted } from "../../counted.js";
import { UserError } from "../../errors.js";
import type { Dataset, FileSource, Split, UnreadableImage } from "../dataset.js";
import { takeFiles } from "../dataset.js";
import { takeSplit } from "../few-shot.js";
import { listed } from "../listed.js";
import { checkClasses } from "../parts/usable-images.js";
import { type BadImages, otherwiseSkip } from "./readable-images.js";

/** Finds those of a part's images that the engine cannot decode, by index. */
export type FindUndecodable = (
  images: FileSource,
) => Promise<readonly (UnreadableImage & { readonly index: number })[]>;

/**
 * A dataset without the images that cannot be decoded, which are added to `unreadable`.
 * @param heldOutOnly leave the training images, which are not used, as they are
 * @throws UserError if a class has no image left, unless bad images are to be reported only
 */
export async function withoutUndecodable(
  dataset: Dataset,
  find: FindUndecodable,
  badImages: BadImages = "skip",
  heldOutOnly = false,
): Promise<Dataset> {
  const unreadable = [...(dataset.unreadable ?? [])];
  const decodable = async (split: Split): Promise<Split> => {
    if (split.images.kind !== "files") return split;
    const found = await find(split.images);
    if (found.length === 0) return split;
    for (const { path, reason, kind } of found) unreadable.push({ path, reason, kind });
    const bad = new Set(found.map(({ index }) => index));
    return takeSplit(
      split,
      Int32Array.from(split.labels.keys()).filter((index) => !bad.has(index)),
    );
  };
  const train = heldOutOnly ? dataset.train : await decodable(dataset.train);
  const val = await decodable(dataset.val);
  if (badImages !== "report")
    checkClasses(dataset.classNames, heldOutOnly ? undefined : train, val, dataset.name);
  return { ...dataset, train, val, unreadable };
}

/**
 * Decodes the images whose files do not end as they should, and no others.
 * @throws UserError that lists those that cannot be decoded
 */
export async function refuseUndecodable(
  parts: readonly Split[],
  find: FindUndecodable,
): Promise<void> {
  const bad: string[] = [];
  let total = 0;
  for (const { images } of parts) {
    if (images.kind !== "files") continue;
    total += images.paths.length;
    const { suspect } = images;
    if (suspect === undefined) continue;
    const suspects = takeFiles(
      images,
      [...suspect.keys()].filter((i) => suspect[i] === 1),
    );
    for (const { path, reason } of await find(suspects)) bad.push(`${path} (${reason})`);
  }
  if (bad.length === 0) return;
  throw new UserError(
    `${bad.length} of ${counted(total, "image")}`,
    `cannot be decoded: ${listed(bad)}`,
    "complete images",
    `replace or remove them; or ${otherwiseSkip}`,
  );
}
