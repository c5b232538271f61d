/** How people and tools call folders of images, and the masks of segmentations beside them. */
import { extname } from "node:path";

/** The folder of all images. */
export const IMAGE_FOLDER =
  /^((jpe?g|png)?[ _-]?(images?|imgs?|photos?|pictures?|data)([ _-]?dir)?|leftImg8bit)$/i;
/** A folder of masks, which may be of any format; `train_masks` is that of `train`. */
export const MASK_FOLDER =
  /(^|[ _-])(masks?|segmentations?|segmentation(class|object)(aug)?|trimaps?)$/i;
/** A folder of labels of whatever kind. */
export const LABEL_FOLDER =
  /^((semantic|instance)[ _-]?)?(labels?|annotations?|anns?|gts?|ground[ _-]?truths?|gt(fine|coarse))([ _-]?dir)?$/i;

/** So much of the masks must have an image's name. */
const PAIRED_SHARE = 0.9;
/** What a mask has in its name beside that of its image, and Cityscapes' images in theirs. */
const OF_MASK =
  /^masks?[ _-]|[ _-](masks?|segmentations?|seg|labels?|gt|l|matte|annotations?)$|_(gt(fine|coarse)_.*|leftimg8bit)$/i;

/** A path without its ending and case. */
export function keyOf(path: string): string {
  return path.slice(0, path.length - extname(path).length).toLowerCase();
}

function imageKeyOf(path: string): string {
  const key = keyOf(path);
  const at = key.lastIndexOf("/") + 1;
  return key.slice(0, at) + key.slice(at).replace(OF_MASK, "");
}

/**
 * Whether the images of a folder may be masks, by its name: JPEG would blur them, so that only a folder which says so
 * has masks as such.
 */
export function isMaskFolder(name: string, images: readonly string[]): boolean {
  if (images.length === 0) return false;
  return (
    MASK_FOLDER.test(name) ||
    (LABEL_FOLDER.test(name) && !images.some((path) => /\.jpe?g$/i.test(path)))
  );
}

/** Whether most of some masks are called as images are, but for words such as `_mask`. */
export function areMasksOf(masks: readonly string[], images: readonly string[]): boolean {
  const keys = new Set(images.flatMap((path) => [keyOf(path), imageKeyOf(path)]));
  const paired = masks.filter((path) => keys.has(keyOf(path)) || keys.has(imageKeyOf(path)));
  return paired.length >= PAIRED_SHARE * masks.length;
}
