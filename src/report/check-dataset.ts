/** Looks a dataset over before anything is trained on it. */
import { availableParallelism } from "node:os";
import { type Dataset, exampleName, type Split, type UnreadableImage } from "../data/dataset.js";
import { type DatasetRequest, loadDataset } from "../data/datasets.js";
import { examineImages, type ImageContent } from "../data/files/image-contents.js";
import { faultOf, medianOf, uprightSize } from "../data/files/readable-images.js";
import type { Engine } from "../engine/session.js";
import { decodeAll } from "../input/decode-all.js";

/** The parts of a dataset. */
export const partNames = ["train", "val"] as const;
export type PartName = (typeof partNames)[number];

/** Usable images of a class. */
export interface ClassCount {
  readonly name: string;
  readonly train: number;
  readonly val: number;
}

/** An image whose bytes another image has too. */
export interface Copy {
  readonly path: string;
  readonly part: PartName;
  readonly class: string;
}

/** Smallest, middle and largest of some numbers. */
export interface Spread {
  readonly min: number;
  readonly median: number;
  readonly max: number;
}

export interface DatasetReport {
  readonly dataset: string;
  /** Usable images. */
  readonly train: number;
  readonly val: number;
  readonly classes: readonly ClassCount[];
  /** How many images there are of each format, such as `jpg`. */
  readonly formats: Readonly<Record<string, number>>;
  /** Pixels of the images once they are upright; undefined where there is none. */
  readonly height: Spread | undefined;
  readonly width: Spread | undefined;
  /** Images that EXIF turns or mirrors. */
  readonly turned: number;
  /** Images that may have transparent parts, by their headers: the network sees the colours beneath. */
  readonly transparent: number;
  /** Entries of folders that are no images. */
  readonly skipped: number;
  /** Images that are damaged. */
  readonly unreadable: readonly UnreadableImage[];
  /** Images of formats that the engine does not decode. */
  readonly unsupported: readonly UnreadableImage[];
  /** Whether every image was decoded; otherwise only its header was read. */
  readonly decoded: boolean;
  /** Images that were not decoded, and whose files do not end as their format has it. */
  readonly suspect: readonly string[];
  /** Images with the same bytes in one class and part, group by group. */
  readonly duplicates: readonly (readonly Copy[])[];
  /** Images with the same bytes in different classes. */
  readonly mislabelled: readonly (readonly Copy[])[];
  /** Images with the same bytes in both parts. */
  readonly leaks: readonly (readonly Copy[])[];
  /** Classes without any usable image in a part. */
  readonly emptyInTrain: readonly string[];
  readonly emptyInVal: readonly string[];
  /** Classes with the fewest and the most training images. */
  readonly smallest: ClassCount | undefined;
  readonly largest: ClassCount | undefined;
  /** What else a training would refuse: class folders without images, or in one part only. */
  readonly faults: readonly string[];
  /** What else people should know of: parts and folders that are not used, what was guessed. */
  readonly notes: readonly string[];
  /** Whether a training would take it as it is; where an image is suspect, that is in doubt, and false. */
  readonly trainable: boolean;
}

export interface CheckOptions {
  /** Threads that decode; default one a core. */
  readonly workers?: number | undefined;
  /** Told how many images of a part are done. */
  readonly progress?:
    | ((step: "decoding" | "reading", done: number, total: number) => void)
    | undefined;
  /** Stops the check; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Checks a dataset, also one that a training would refuse.
 * @param engine what decodes every image; without it only headers are read
 * @throws UserError where there is no dataset to look at
 */
export async function checkDataset(
  request: DatasetRequest,
  engine: Pick<Engine, "open" | "target"> | undefined,
  { workers = availableParallelism(), progress, signal }: CheckOptions = {},
): Promise<DatasetReport> {
  const tell = (step: "decoding" | "reading") => (done: number, total: number) =>
    progress?.(step, done, total);
  const dataset = await loadDataset({
    ...request,
    badImages: "report",
    findUndecodable:
      engine &&
      ((images) => decodeAll(engine, images, { workers, progress: tell("decoding"), signal })),
  });
  const options = { progress: tell("reading"), signal };
  const contents = {
    train: await examineImages(dataset.train.images, options),
    val: await examineImages(dataset.val.images, options),
  };
  return reportOf(dataset, contents, engine !== undefined);
}

function reportOf(
  dataset: Dataset,
  contents: Readonly<Record<PartName, readonly ImageContent[]>>,
  decoded: boolean,
): DatasetReport {
  const unusable = [...(dataset.unreadable ?? []), ...faultsIn(dataset, contents)];
  const classes = countClasses(dataset, contents);
  const headers = [...contents.train, ...contents.val].flatMap(({ header }) =>
    header.kind === "readable" ? [header] : [],
  );
  const formats: Record<string, number> = {};
  for (const { format } of headers) formats[format] = (formats[format] ?? 0) + 1;
  const sizes = headers.map(uprightSize);
  const groups = copiesIn(dataset, contents);
  const emptyIn = (part: PartName) => classes.filter((c) => c[part] === 0).map(({ name }) => name);
  const bySize = [...classes].sort((a, b) => a.train - b.train);
  const total = (part: PartName) => classes.reduce((sum, c) => sum + c[part], 0);
  const emptyInTrain = emptyIn("train");
  const faults = dataset.faults ?? [];
  const suspect = decoded ? [] : suspectsIn(dataset, contents);
  const faultless = [unusable, suspect, faults, emptyInTrain].every(({ length }) => length === 0);
  return {
    dataset: dataset.name,
    train: total("train"),
    val: total("val"),
    classes,
    formats,
    height: spreadOf(sizes.map(([height]) => height)),
    width: spreadOf(sizes.map(([, width]) => width)),
    turned: headers.filter(({ orientation }) => orientation > 1).length,
    transparent: headers.filter(({ alpha }) => alpha === true).length,
    skipped: dataset.skipped ?? 0,
    unreadable: unusable.filter(({ kind }) => kind === "corrupt"),
    unsupported: unusable.filter(({ kind }) => kind === "unsupported"),
    decoded,
    suspect,
    duplicates: groups.filter((group) => spans(group, "class") === 1 && spans(group, "part") === 1),
    mislabelled: groups.filter((group) => spans(group, "class") > 1),
    leaks: groups.filter((group) => spans(group, "part") > 1),
    emptyInTrain,
    emptyInVal: emptyIn("val"),
    smallest: bySize[0],
    largest: bySize.at(-1),
    faults,
    notes: dataset.notes ?? [],
    trainable: faultless && total("val") > 0,
  };
}

/** Images whose faults only this check saw: of ImageNet no header is read before. */
function faultsIn(
  dataset: Dataset,
  contents: Readonly<Record<PartName, readonly ImageContent[]>>,
): UnreadableImage[] {
  return partNames.flatMap((part) =>
    contents[part].flatMap(({ header }, i): UnreadableImage[] => {
      if (header.kind === "readable") return [];
      const path = nameIn(dataset[part], part, i);
      return [{ path, reason: faultOf(header)!, kind: header.kind }];
    }),
  );
}

function suspectsIn(
  dataset: Dataset,
  contents: Readonly<Record<PartName, readonly ImageContent[]>>,
): string[] {
  return partNames.flatMap((part) =>
    contents[part].flatMap(({ header }, i) =>
      header.kind === "readable" && header.suspect ? [nameIn(dataset[part], part, i)] : [],
    ),
  );
}

function countClasses(
  { classNames, train, val }: Dataset,
  contents: Readonly<Record<PartName, readonly ImageContent[]>>,
): ClassCount[] {
  const counts = { train, val };
  const of = (part: PartName): Int32Array => {
    const count = new Int32Array(classNames.length);
    counts[part].labels.forEach((label, i) => {
      if (contents[part][i]!.header.kind === "readable") count[label]! += 1;
    });
    return count;
  };
  const [inTrain, inVal] = [of("train"), of("val")];
  return classNames.map((name, i) => ({ name, train: inTrain[i]!, val: inVal[i]! }));
}

/** Groups of images with the same bytes, in the order of their first. */
function copiesIn(
  dataset: Dataset,
  contents: Readonly<Record<PartName, readonly ImageContent[]>>,
): Copy[][] {
  const groups = new Map<string, [part: PartName, index: number][]>();
  for (const part of partNames) {
    contents[part].forEach(({ digest, header }, index) => {
      if (digest === undefined || header.kind !== "readable") return;
      const group = groups.get(digest);
      if (group === undefined) groups.set(digest, [[part, index]]);
      else group.push([part, index]);
    });
  }
  const several = [...groups.values()].filter((group) => group.length > 1);
  return several.map((group) => group.map(([part, index]) => copyAt(dataset, part, index)));
}

/** An image of a dataset, as reports name it. */
export function copyAt(dataset: Dataset, part: PartName, index: number): Copy {
  const { [part]: split, classNames } = dataset;
  return { path: nameIn(split, part, index), part, class: classNames[split.labels[index]!]! };
}

function nameIn({ images }: Split, part: PartName, index: number): string {
  return images.kind === "files" ? exampleName(images, index) : `${part} image ${index}`;
}

/** How many parts, or classes, the copies of an image are in. */
function spans(group: readonly Copy[], by: "class" | "part"): number {
  return new Set(group.map((copy) => copy[by])).size;
}

function spreadOf(numbers: readonly number[]): Spread | undefined {
  if (numbers.length === 0) return undefined;
  const sorted = Float64Array.from(numbers);
  const median = medianOf(sorted);
  return { min: sorted[0]!, median, max: sorted.at(-1)! };
}
