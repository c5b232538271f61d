/** Images that look alike, and those whose neighbours are of another class, by a model's features. */

import { realpath } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { counted } from "../counted.js";
import type { Engine } from "../engine/session.js";
import { UserError } from "../errors.js";
import type { Precision } from "../settings/choices.js";
import { requireActing } from "../settings/idle-settings.js";
import { type Options, settingTable } from "../settings/table.js";
import { doubtsAbout, namesCounted } from "./doubts-about-suspects.js";
import { featuresOf } from "./feature-table.js";
import { type FetchConsole, findSource } from "./fetching.js";
import { type FolderImages, imagesOfFolder } from "./folder-features.js";
import { VOTES, voteShares } from "./neighbour-votes.js";
import { type Neighbour, nearestNeighbours } from "./neighbours.js";
import type { SkippedImage } from "./predict.js";
import { findInputs, type ImageInputs } from "./predict-inputs.js";
import { findHeadlessModel, imageSize, precisionOf } from "./trained-model.js";

/** What is looked for: the settings of `bit-find` under the same names. */
export interface FindOptions extends Omit<Options<"find">, "run" | "weights" | "json" | "csv"> {
  /** Images, folders of images, and patterns; none where the mislabelled are looked for. */
  readonly inputs: readonly string[];
  /** A run's folder or checkpoint, an archive with a head or without, or the name of a published model. */
  readonly source: string;
}

/** Who is told how a search goes on, and may stop it. */
export interface FindConsole extends FetchConsole {
  /** Told how many features are made. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
}

/** An image of the folder that is like another. */
export interface FoundImage {
  readonly path: string;
  /** As its folder says; undefined where it lies in none. */
  readonly class: string | undefined;
  /** Cosine of the features, in [-1, 1]. */
  readonly similarity: number;
}

/** What is nearest to one image, nearest first. */
export interface LookAlikes {
  readonly image: string;
  readonly found: readonly FoundImage[];
}

/** An image that is in another class than its neighbours. */
export interface Suspect {
  readonly path: string;
  /** As its folder says. */
  readonly class: string;
  /** Its class by the votes of its neighbours. */
  readonly likely: string;
  /** Shares of the votes, in [0, 1]. */
  readonly shares: { readonly class: number; readonly likely: number };
  /** The nearest image of the likely class. */
  readonly nearest: FoundImage;
}

export interface FindReport {
  readonly model: string;
  readonly folder: string;
  /** Images of it, without those that were skipped. */
  readonly images: number;
  readonly size: number;
  readonly precision: Precision;
  readonly notes: readonly string[];
  readonly skipped: readonly SkippedImage[];
  /** Of each input, in order. */
  readonly lookAlikes: readonly LookAlikes[];
  /** The most suspicious first, `top` of them; undefined where these were not looked for. */
  readonly suspects: readonly Suspect[] | undefined;
  /** How many there are in all. */
  readonly suspectsInAll: number;
}

/**
 * Finds the images of a folder that are nearest to others, or are in another class than their neighbours.
 * @throws UserError where the model, the folder or an image is at fault
 */
export async function findImages(
  options: FindOptions,
  engine: Engine,
  observer: FindConsole = {},
): Promise<FindReport> {
  const { inputs, bitPretrainedDir = ".", badImages = "refuse", top = defaultTop } = options;
  requireQuestion(options);
  const source = await findSource(options.source, bitPretrainedDir, options, observer);
  const trained = await findHeadlessModel(source, options);
  const folder = await imagesOfFolder(options.in, badImages);
  const votes = options.mislabelled ? votesAmong(folder, options) : 0;
  const asked = await queriesOf(inputs);
  const { size, guess } = imageSize(trained, folder.typicalSize, {
    size: options.size,
    flag: "--size",
  });
  const precision = precisionOf(trained, engine, options.precision);
  const { workers = availableParallelism(), batch, resize } = options;
  const making = { size, batch, resize, workers, precision };
  const { line, signal } = observer;
  const count = folder.paths.length;
  const total = count + asked.reduce((sum, { paths }) => sum + paths.length, 0);
  let before = 0;
  const tableOf = async (images: ImageInputs, more: object) => {
    const progress = (done: number) => observer.progress?.(before + done, total);
    const how = { ...making, faults: images.faults, ...more };
    const table = await featuresOf(images.images, trained, how, engine, { line, signal, progress });
    before += images.paths.length;
    return table;
  };
  const queries: Awaited<ReturnType<typeof tableOf>>[] = [];
  for (const images of asked) queries.push(await tableOf(images, { kept: false }));
  const table = await tableOf(folder, { badImages, what: `images of ${options.in}` });

  const lookAlikes: LookAlikes[] = [];
  for (const [i, { paths }] of asked.entries()) {
    // One more, since an image may lie in the folder itself.
    const nearest = await nearestNeighbours(queries[i]!, table, top + 1, engine, { signal });
    for (const [row, image] of paths.entries())
      lookAlikes.push({ image, found: await othersThan(image, nearest[row]!, folder, top) });
  }
  let suspects: Suspect[] | undefined;
  if (options.mislabelled) {
    const how = { withoutSelf: true, signal };
    suspects = suspectsAmong(await nearestNeighbours(table, table, votes, engine, how), folder);
  }
  const skipped = [...table.faults].map(([i, reason]) => ({ source: folder.paths[i]!, reason }));
  const doubts = suspects === undefined ? [] : doubtsAbout(suspects, folder.classes, table.faults);
  return {
    model: trained.model,
    folder: options.in,
    images: count - skipped.length,
    ...{ size, precision, skipped, lookAlikes },
    notes: [...trained.notes, ...(guess === undefined ? [] : [guess]), ...doubts],
    suspects: suspects?.slice(0, top),
    suspectsInAll: suspects?.length ?? 0,
  };
}

const { default: defaultTop } = settingTable.top.commands.find;

function requireQuestion({ inputs, mislabelled, ...settings }: FindOptions): void {
  requireActing("find", { mislabelled, ...settings });
  const isAsked = inputs.length > 0;
  if (isAsked === !mislabelled) return;
  const images = inputs.length === 1 ? "an image" : `${inputs.length} images`;
  const got = isAsked ? `--mislabelled, and ${images} to look for` : "no image to look for";
  throw new UserError(
    "bit-find",
    got,
    "images to look for, or --mislabelled",
    "type for example: npx bit-find photo.jpg --in photos --weights BiT-M-R50x1",
  );
}

/** How many vote on each image. */
function votesAmong({ classes, paths }: FolderImages, { knnNeighbours, in: folder }: FindOptions) {
  const stray = classes.indexOf(undefined);
  if (stray >= 0)
    throw new UserError(
      paths[stray]!,
      `lies in no class folder of ${folder}`,
      "--mislabelled asks whether images are in the right one",
      "move it into one, or give the folder of the class folders",
    );
  if (new Set(classes).size < 2)
    throw new UserError(
      `--in ${folder}`,
      `one class only: ${classes[0]}`,
      "at least two class folders",
      "give the folder of the class folders",
    );
  const counts = namesCounted(classes);
  if (counts.size === paths.length)
    throw new UserError(
      `--in ${folder}`,
      "one image in each class, so that none has a neighbour of its own",
      "classes of at least two images",
      "add images, or look for look-alikes: give images instead of --mislabelled",
    );
  const { length: count } = paths;
  const votes = knnNeighbours ?? Math.min(VOTES, count - 1);
  if (votes < count) return votes;
  throw new UserError(
    `--knn_neighbours ${votes}`,
    `${folder} has ${counted(count, "image")}`,
    "fewer neighbours than images",
    `type --knn_neighbours ${Math.min(VOTES, count - 1)}`,
  );
}

async function queriesOf(inputs: readonly string[]): Promise<ImageInputs[]> {
  if (inputs.length === 0) return [];
  const { groups } = await findInputs(inputs, "refuse");
  return groups.map((group) => {
    if (group.kind === "images") return group;
    throw new UserError(
      group.files[0]!.path,
      "a batch of arrays",
      "images, folders of images, or patterns",
      "give the image files",
    );
  });
}

async function othersThan(
  image: string,
  nearest: readonly Neighbour[],
  folder: FolderImages,
  top: number,
): Promise<FoundImage[]> {
  const own = await realpath(image);
  const found: FoundImage[] = [];
  for (const neighbour of nearest)
    if ((await realpath(folder.paths[neighbour.index]!)) !== own)
      found.push(foundImage(neighbour, folder));
  return found.slice(0, top);
}

function foundImage({ index, similarity }: Neighbour, { paths, classes }: FolderImages) {
  return { path: paths[index]!, class: classes[index], similarity } satisfies FoundImage;
}

/**
 * The images whose neighbours vote for another class, those with the clearest votes first.
 * Source: Wilson, "Asymptotic Properties of Nearest Neighbor Rules Using Edited Data", IEEE Transactions on
 * Systems, Man, and Cybernetics 2 (1972), which leaves such images out.
 */
function suspectsAmong(
  nearest: readonly (readonly Neighbour[])[],
  folder: FolderImages,
): Suspect[] {
  const names = [...new Set(folder.classes.map((name) => name!))];
  const indexOf = new Map(names.map((name, index) => [name, index]));
  const labels = Int32Array.from(folder.classes, (name) => indexOf.get(name!)!);
  const decodable = folder.classes.filter((_, index) => nearest[index]!.length > 0);
  const counts = namesCounted(decodable);
  const suspects = nearest.flatMap((neighbours, index): Suspect[] => {
    // Of an image that could not be decoded there are none.
    if (neighbours.length === 0) return [];
    const shares = voteShares(neighbours, labels, names.length);
    const own = labels[index]!;
    // Nothing can vote for the class of its only image.
    if (counts.get(folder.classes[index]!) === 1) return [];
    const likely = shares.indexOf(Math.max(...shares));
    if (shares[likely]! <= shares[own]!) return [];
    const witness = neighbours.find((neighbour) => labels[neighbour.index] === likely)!;
    return [
      {
        path: folder.paths[index]!,
        class: names[own]!,
        likely: names[likely]!,
        shares: { class: shares[own]!, likely: shares[likely]! },
        nearest: foundImage(witness, folder),
      },
    ];
  });
  const clearness = ({ shares }: Suspect) => shares.likely - shares.class;
  const nearness = ({ nearest: { similarity } }: Suspect) => similarity;
  return suspects.sort((a, b) => clearness(b) - clearness(a) || nearness(b) - nearness(a));
}
