/**
 * What the images of ILSVRC-2012's validation set show, where they lie in one folder as they are
 * published: out of the development kit, or out of a list of synsets.
 *
 * Source: the kit's readme.txt. Its ground truth has an ILSVRC2012_ID on each line, for the images in
 * the order of their numbers; its meta.mat says which synset (WNID) an id is.
 */
import { readFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { exists, readError } from "../../disk/file-reading.js";
import { UserError } from "../../errors.js";
import { readTarGz } from "../formats/tar-gz.js";
import { MatDatasetFile } from "./mat-dataset-file.js";

const KIT = "ILSVRC2012_devkit_t12";
const GROUND_TRUTH = "ILSVRC2012_validation_ground_truth.txt";
/** A WNID a line, as TensorFlow's and other tools bring it. */
const SYNSET_LABELS = "imagenet_2012_validation_synset_labels.txt";

/** The synset of each validation image, image 1 first. */
export interface ValidationLabels {
  /** Such as `n01440764`. */
  readonly wnids: readonly string[];
  /** The file that says so. */
  readonly where: string;
}

/**
 * Reads the labels from the kit's folder, its archive, or the list of synsets, whichever is found
 * first.
 * @param root the folder in which they are looked for
 * @throws UserError if none is there, or what is there is damaged
 */
export async function readValidationLabels(root: string): Promise<ValidationLabels> {
  const folder = join(root, KIT, "data");
  if (await exists(join(folder, GROUND_TRUTH)))
    return fromKit(folder, (name) => readFile(join(folder, name)));
  const archive = join(root, `${KIT}.tar.gz`);
  if (await exists(archive)) {
    const inside = (name: string) => `${KIT}/data/${name}`;
    const files = await readTarGz(archive, new Set([GROUND_TRUTH, "meta.mat"].map(inside)));
    return fromKit(archive, async (name) => {
      const bytes = files.get(inside(name));
      if (bytes !== undefined) return bytes;
      throw new UserError(archive, `no ${inside(name)} in it`, "the whole kit", NEXT_STEP);
    });
  }
  const list = join(root, SYNSET_LABELS);
  if (await exists(list)) return { wnids: linesOf(await readFile(list, "utf8")), where: list };
  throw new UserError(
    resolve(root),
    "val holds images without class folders, and nothing says what they show",
    `${KIT}/data/${GROUND_TRUTH} and meta.mat, ${KIT}.tar.gz or ${SYNSET_LABELS}`,
    `get ${KIT}.tar.gz at https://image-net.org/challenges/LSVRC/2012 and put it there, ` +
      "or sort the images into class folders",
  );
}

async function fromKit(
  where: string,
  read: (name: string) => Promise<Uint8Array>,
): Promise<ValidationLabels> {
  const readPart = (name: string) =>
    read(name).catch((error: unknown) => {
      throw readError(join(where, name), error, NEXT_STEP);
    });
  const kit = await MatDatasetFile.of(await readPart("meta.mat"), join(where, "meta.mat"));
  const wnidOf = new Map<number, string>();
  for (const synset of kit.structs("synsets").elements) {
    const id = synset.get("ILSVRC2012_ID");
    const wnid = synset.get("WNID");
    if (id?.kind !== "numbers" || id.values.length !== 1 || wnid?.kind !== "text")
      throw kit.fault("a synset without ILSVRC2012_ID or WNID", "both in every synset");
    wnidOf.set(id.values[0]!, wnid.text);
  }
  const truth = join(where, GROUND_TRUTH);
  const text = Buffer.from(await readPart(GROUND_TRUTH)).toString("utf8");
  const wnids = linesOf(text).map((line, i) => {
    const wnid = /^\d+$/.test(line) ? wnidOf.get(Number(line)) : undefined;
    if (wnid !== undefined) return wnid;
    throw new UserError(
      `${truth}, line ${i + 1}`,
      JSON.stringify(line.slice(0, 80)),
      "an id that meta.mat has",
      NEXT_STEP,
    );
  });
  return { wnids, where: truth };
}

function linesOf(text: string): string[] {
  return text.trim().split(/\s*\n\s*/);
}

const NEXT_STEP = `unpack ${KIT}.tar.gz again, or download it again`;
