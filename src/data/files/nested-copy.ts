/** A dataset that lies once more in one of its own folders, as unpacking it twice leaves it. */
import type { ListedFolder } from "./class-folders.js";

/**
 * Finds a folder whose images are there a second time, going by names: a class folder that holds folders
 * of at least two other classes, or one in a class folder of the same name with the same images.
 * @param folders as `listClassFolders` gives them
 * @returns the folder and what it is a copy of, in words; undefined where there is none
 */
export function nestedCopy(
  folders: readonly ListedFolder[],
): { readonly path: string; readonly of: string } | undefined {
  const classes = new Set(folders.map(({ path }) => path.split("/", 1)[0]!));
  const within = new Map<string, Set<string>>();
  const imagesOf = new Map(folders.map(({ path, images }) => [path, images]));
  for (const { path, images } of folders) {
    const [name, ...below] = path.split("/");
    const last = below.at(-1);
    if (name === undefined || last === undefined) continue;
    if (last === name) {
      const outer = new Set(imagesOf.get(path.slice(0, path.lastIndexOf("/"))));
      if (images.length > 0 && images.every((image) => outer.has(image)))
        return { path, of: `the folder ${name}` };
    } else if (classes.has(last)) {
      const found = within.get(name) ?? new Set();
      within.set(name, found.add(last));
      if (found.size > 1) return { path: name, of: "the whole dataset" };
    }
  }
  return undefined;
}
