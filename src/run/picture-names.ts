/** What the files of a folder of pictures are called. */
import { basename, extname } from "node:path";

/** Names of pictures, after those of the images: of equal ones, the later have numbers. */
export class PictureNames {
  // File systems may take upper case for lower.
  private readonly taken = new Set<string>();

  /** The next image's. */
  next({ source, index }: { readonly source: string; readonly index: number | undefined }): string {
    const own = [...basename(source, extname(source))].slice(0, 56).join("");
    const stem = index === undefined ? own : `${own}-${index}`;
    let name = `${stem}.jpg`;
    for (let again = 2; this.taken.has(keyOf(name)); again++) name = `${stem}-${again}.jpg`;
    this.taken.add(keyOf(name));
    return name;
  }
}

function keyOf(name: string): string {
  return name.normalize().toLowerCase();
}
