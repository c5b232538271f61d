/** Pictures for the images that a judgement names, and one image of each class they were taken for. */
import type { Dataset } from "../data/dataset.js";
import type { Engine } from "../engine/session.js";
import type { ResizeMethod } from "../input/resize-method.js";
import type { Judged } from "./judgement.js";
import { makePictures, type Place } from "./picture-maker.js";
import type { Picture, ReportJudgement, ShownImage } from "./report-data.js";

/** Where pictures come from. */
export interface PictureSource {
  readonly engine: Pick<Engine, "open" | "target">;
  /** `val` has the judged images. */
  readonly dataset: Pick<Dataset, "train" | "val">;
  readonly resize: ResizeMethod;
}

/**
 * Adds pictures to a judgement.
 * @param placeOf where among `dataset.val` a judged image is; default: they have the same places
 */
export async function withPictures(
  { judgement, worst, unsure }: Judged,
  { engine, dataset: { train, val }, resize }: PictureSource,
  placeOf: (index: number) => number | undefined = (index) => index,
): Promise<ReportJudgement> {
  const indices = [...new Set([...worst, ...unsure])].flatMap((index) => {
    const place = placeOf(index);
    return place === undefined ? [] : [[index, place] as const];
  });
  const samples = [...takenFor([...judgement.worst, ...judgement.unsure])].flatMap((label) => {
    const place = train.labels.indexOf(label);
    return place < 0 ? [] : [[label, place] as const];
  });
  const places: Place[] = [
    ...indices.map(([, index]) => ({ split: val, index })),
    ...samples.map(([, index]) => ({ split: train, index })),
  ];
  const pictures = places.length === 0 ? [] : await makePictures(engine, places, resize);
  const ofImage = new Map(indices.map(([index], i) => [index, pictures[i]]));
  const ofClass = samples.flatMap(([label], i): [string, Picture][] => {
    const picture = pictures[indices.length + i];
    return picture === undefined ? [] : [[String(label), picture]];
  });
  const shown = (images: readonly ShownImage[], at: readonly number[]) =>
    images.map((image, i) => ({ ...image, picture: ofImage.get(at[i]!) }));
  return {
    ...judgement,
    worst: shown(judgement.worst, worst),
    unsure: shown(judgement.unsure, unsure),
    samples: Object.fromEntries(ofClass),
  };
}

/** The classes that images were taken for by mistake. */
function takenFor(images: readonly ShownImage[]): Set<number> {
  return new Set(
    images.flatMap(({ truth, top: [best] }) => (best && best[0] !== truth ? [best[0]] : [])),
  );
}
