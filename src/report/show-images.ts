/** Pictures and maps for the images that a judgement names, and the training images most like mistakes. */
import type { Dataset } from "../data/dataset.js";
import type { Engine } from "../engine/session.js";
import type { ResizeMethod } from "../input/resize-method.js";
import type { Judged } from "./judgement.js";
import { makePictures } from "./picture-maker.js";
import type { Place } from "./placed-image.js";
import type { HeatMap, LikeImage, Picture, ReportJudgement, ShownImage } from "./report-data.js";

/** An image with the classes of which is asked where on it they are seen. */
export interface ImageToExplain extends Place {
  readonly labels: readonly number[];
}

/** The training image of a class that is nearest to an image. */
export interface NearestOfClass extends Pick<LikeImage, "label" | "among" | "all"> {
  /** Into the training images. */
  readonly index: number;
}

/** Where pictures come from. */
export interface PictureSource {
  readonly engine: Pick<Engine, "open" | "target">;
  /** `val` has the judged images. */
  readonly dataset: Pick<Dataset, "train" | "val">;
  readonly resize: ResizeMethod;
  /** Maps of each image's classes; undefined for one that cannot be read. Default: there are none. */
  readonly explain?:
    | ((images: readonly ImageToExplain[]) => Promise<(readonly HeatMap[] | undefined)[]>)
    | undefined;
  /** Of each held-out image the nearest training image of each class, where it was found. Default: there are none. */
  readonly nearest?:
    | ((
        images: readonly { readonly index: number; readonly labels: readonly number[] }[],
      ) => Promise<readonly (readonly NearestOfClass[])[]>)
    | undefined;
}

/**
 * Adds pictures to a judgement, and maps where they can be made.
 * @param placeOf where among `dataset.val` a judged image is; default: they have the same places
 */
export async function withPictures(
  { judgement, worst, unsure }: Judged,
  { engine, dataset: { train, val }, resize, explain, nearest }: PictureSource,
  placeOf: (index: number) => number | undefined = (index) => index,
): Promise<ReportJudgement> {
  const indices = [...new Set([...worst, ...unsure])].flatMap((index) => {
    const place = placeOf(index);
    return place === undefined ? [] : [[index, place] as const];
  });
  const placeAt = new Map(indices);
  const mistakes = worst.flatMap((index, i) => {
    const place = placeAt.get(index);
    const { top, truth } = judgement.worst[i]!;
    return place === undefined ? [] : [{ at: index, index: place, labels: [top[0]![0], truth] }];
  });
  const found = mistakes.length === 0 ? [] : ((await nearest?.(mistakes)) ?? []);
  const likes = mistakes.flatMap(({ at }, i) => (found[i] ?? []).map((one) => ({ at, ...one })));
  const without = judgement.worst.filter((_, i) => !likes.some(({ at }) => at === worst[i]));
  const samples = [...mistaken([...without, ...judgement.unsure])].flatMap((label) => {
    const place = train.labels.indexOf(label);
    return place < 0 ? [] : [[label, place] as const];
  });
  const places: Place[] = [
    ...indices.map(([, index]) => ({ split: val, index })),
    ...samples.map(([, index]) => ({ split: train, index })),
    ...likes.map(({ index }) => ({ split: train, index })),
  ];
  const pictures = places.length === 0 ? [] : await makePictures(engine, places, resize);
  const ofImage = new Map(indices.map(([index], i) => [index, pictures[i]]));
  // Of mistakes both classes, to be compared; an image may be among both kinds.
  const classes = new Map([
    ...zipped(
      unsure,
      judgement.unsure.map(({ top }) => [top[0]![0]]),
    ),
    ...zipped(
      worst,
      judgement.worst.map(({ top, truth }) => [top[0]![0], truth]),
    ),
  ]);
  const toExplain = indices.map(([index, place]): ImageToExplain => {
    return { split: val, index: place, labels: classes.get(index)! };
  });
  const maps = toExplain.length === 0 ? [] : await explain?.(toExplain);
  const heatOf = new Map(indices.map(([index], i) => [index, maps?.[i]]));
  const ofClass = samples.flatMap(([label], i): [string, Picture][] => {
    const picture = pictures[indices.length + i];
    return picture === undefined ? [] : [[String(label), picture]];
  });
  const likeOf = new Map<number, LikeImage[]>();
  for (const [i, { at, label, among, all }] of likes.entries()) {
    const picture = pictures[indices.length + samples.length + i];
    if (picture === undefined) continue;
    likeOf.set(at, [...(likeOf.get(at) ?? []), { label, picture, among, all }]);
  }
  const shown = (images: readonly ShownImage[], at: readonly number[]) =>
    images.map((image, i) => ({
      ...image,
      picture: ofImage.get(at[i]!),
      heat: heatOf.get(at[i]!),
      ...(likeOf.has(at[i]!) && { like: likeOf.get(at[i]!) }),
    }));
  return {
    ...judgement,
    worst: shown(judgement.worst, worst),
    unsure: shown(judgement.unsure, unsure),
    samples: Object.fromEntries(ofClass),
  };
}

function zipped<A, B>(a: readonly A[], b: readonly B[]): [A, B][] {
  return a.map((one, i) => [one, b[i]!]);
}

/** The classes that images were taken for by mistake, and those images' own. */
function mistaken(images: readonly ShownImage[]): Set<number> {
  return new Set(
    images.flatMap(({ truth, top: [best] }) => (best && best[0] !== truth ? [best[0], truth] : [])),
  );
}
