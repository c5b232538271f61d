/** The training images that a model finds most like others: what made it answer so, for a report. */
import { availableParallelism } from "node:os";
import type { Split } from "../data/dataset.js";
import { takeSplit } from "../data/few-shot.js";
import type { Engine } from "../engine/session.js";
import type { NearestOfClass } from "../report/show-images.js";
import { type FeatureTable, featuresOf } from "./feature-table.js";
import { nearestNeighbours } from "./neighbours.js";
import { findHeadlessModel, imageSize, precisionOf } from "./trained-model.js";

/** Training images that are looked at in all: on a CPU 36 s of two cores for R50x1 at 480 pixels in float32. */
const mostLooked = { CPU: 128, GPU: 8192 } as const;

/** An image, and the classes of which the nearest training image is asked for. */
export interface Query {
  /** Into the held-out images. */
  readonly index: number;
  readonly labels: readonly number[];
}

/** The images of both parts. */
interface Parts {
  readonly train: Split;
  readonly val: Split;
}

/**
 * Of each query the training image of each class that is nearest to it, by the cosine of the model's features. Of a class
 * with many images as many are looked at, evenly spread, as its share of `most` comes to, by how often it is asked for.
 * @param source the run's folder
 * @throws UserError where the weights are not there, or the memory does not suffice; the signal's reason
 */
export async function nearestTraining(
  source: string,
  engine: Engine,
  { train, val }: Parts,
  queries: readonly Query[],
  { signal, most = mostLooked[engine.target.device] }: NearestOptions = {},
): Promise<NearestOfClass[][]> {
  const labels = queries.flatMap((query) => query.labels);
  const classes = [...new Set(labels)];
  const places = new Map(
    classes.map((label) => {
      const asked = labels.filter((one) => one === label).length;
      return [label, candidates(train, label, Math.ceil((most * asked) / labels.length))];
    }),
  );
  const trained = await findHeadlessModel(source);
  // A run's config.json has its size.
  const { size } = imageSize(trained, [256, 256], { size: undefined, flag: "--crop" });
  const making = {
    ...{ size, precision: precisionOf(trained, engine, undefined), kept: false },
    ...{ workers: availableParallelism(), badImages: "skip" as const },
  };
  const table = (split: Split, indices: readonly number[]) =>
    featuresOf(takeSplit(split, Int32Array.from(indices)), trained, making, engine, { signal });
  const asked = queries.map(({ index }) => index);
  const looked = classes.flatMap((label) => places.get(label)!.indices);
  if (asked.length === 0 || looked.length === 0) return queries.map(() => []);
  const [ofQueries, ofLooked] = [await table(val, asked), await table(train, looked)];
  const found = queries.map((): NearestOfClass[] => []);
  let start = 0;
  for (const label of classes) {
    const { indices, all } = places.get(label)!;
    const own = rowsOf(ofLooked, start, indices.length);
    start += indices.length;
    for (const [i, [nearest]] of (
      await nearestNeighbours(ofQueries, own, 1, engine, { signal })
    ).entries())
      if (nearest !== undefined && queries[i]!.labels.includes(label))
        found[i]!.push({ label, index: indices[nearest.index]!, among: indices.length, all });
  }
  return found;
}

/** How they are looked for. */
export interface NearestOptions {
  readonly signal?: AbortSignal | undefined;
  /** Training images that are looked at, at most about so many. */
  readonly most?: number | undefined;
}

/** At most `count` images of a class, evenly spread over them, and how many there are. */
function candidates({ labels }: Split, label: number, count: number) {
  const of = [...labels.keys()].filter((index) => labels[index] === label);
  const taken = Math.min(count, of.length);
  const indices = Array.from({ length: taken }, (_, i) => of[Math.floor((i * of.length) / taken)]!);
  return { indices, all: of.length };
}

function rowsOf({ channels, values }: FeatureTable, start: number, count: number) {
  return {
    ...{ count, channels },
    values: values.subarray(start * channels, (start + count) * channels),
  };
}
