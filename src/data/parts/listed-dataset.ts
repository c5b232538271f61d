/** What loaders make of a dataset: where the images of its parts are, and what they are said to show. */
import type { ByteRanges, Split } from "../dataset.js";
import type { Faults } from "../faults.js";
import type { ImageHeader } from "../files/image-header.js";
import type { PartName } from "./part-names.js";

/** The images of one part, by their place in a list. */
export interface LabelledImages {
  readonly paths: readonly string[];
  readonly ranges?: ByteRanges | undefined;
  /** `[n]` */
  readonly labels: Int32Array;
  /** What each image is, where that is known; otherwise it is read from the files. */
  readonly headers?: readonly ImageHeader[] | undefined;
  /** How messages name an image, by default `exampleName`. */
  readonly nameOf?: ((index: number) => string) | undefined;
}

/** One part of a dataset, as its own files have it. */
export interface ListedPart {
  /** Where it was listed, for messages. */
  readonly where: string;
  /** Its classes, in the order of its labels; another part of the dataset may have others. */
  readonly classNames: readonly string[];
  /**
   * `[classes]`: what tells which classes of two parts are the same, where their names do not: the
   * numbers of labels. By default the names.
   */
  readonly classKeys?: readonly string[] | undefined;
  /** Images whose headers are still to be read, or such as are taken as they are. */
  readonly images: LabelledImages | Split;
  /** Entries of its folders that were passed over. */
  readonly skipped?: number | undefined;
  /** What to type instead, where the part has one class only. */
  readonly oneClassHint?: string | undefined;
}

/** Lists a part, when it is needed. */
export type ListPart = () => Promise<ListedPart>;

/** A dataset whose parts can be listed. */
export interface ListedDataset {
  /** Where it lies, for messages. */
  readonly where: string;
  /** Where it is not divided, `whole` alone; else some of the others. */
  readonly parts: Readonly<Partial<Record<PartName | "whole", ListPart>>>;
  /** All classes that it has, where that is known whichever part is there. */
  readonly knownClasses?: readonly string[] | undefined;
  /** What people should know of: files that are not used, what was guessed. Parts may add to it. */
  readonly notes?: readonly string[] | undefined;
  /** Where the loader reports what is wrong, rather than throw it. */
  readonly faults?: Faults | undefined;
  /** By which the BiT-HyperRule chooses its resolution; by default the images' median. */
  readonly typicalSize?: readonly [height: number, width: number] | undefined;
}

/** A dataset whose parts have the same classes. */
export function withClasses(
  { where, classNames }: Pick<ListedPart, "where" | "classNames">,
  parts: Readonly<Partial<Record<PartName, LabelledImages | Split>>>,
): ListedDataset {
  const listing = (images: LabelledImages | Split) => async () => ({ where, classNames, images });
  return {
    where,
    parts: Object.fromEntries(Object.entries(parts).map(([part, of]) => [part, listing(of)])),
  };
}
