/** What a model makes of image files, one batch after the other, past those that cannot be decoded. */
import { type Engine, floats, type HostTensor } from "../engine/session.js";
import type { Explained } from "../step/explain-step.js";
import type { Network } from "../step/train-step.js";
import {
  imageOutcomes,
  type SeeingModel,
  type SeeingOptions,
  type SeenImages,
} from "./image-outcomes.js";

/** What a model makes of one input, to be copied by who keeps it, or why there is nothing. */
export type Outcome =
  | {
      /** `[classes]` */
      readonly logits: Float32Array;
      /** `[C]`, of which the head makes them; undefined where they were not asked for. */
      readonly features: Float32Array | undefined;
      /** Undefined where no class was to be explained. */
      readonly explanation?: Explanation | undefined;
      readonly fault?: undefined;
    }
  | { readonly fault: string };

/** What the network saw of an image, and where on it what speaks for a class is: Grad-CAM. */
export interface Explanation {
  /** float32 in [-1, 1] `[height, width, 3]`. */
  readonly image: Float32Array;
  readonly height: number;
  readonly width: number;
  /** Not negative, `[rows, columns]`. */
  readonly map: Float32Array;
  readonly rows: number;
  readonly columns: number;
}

/** What a run of a predicting program fetches. */
export function predictFetches({
  withFeatures,
  explained,
}: Pick<ImageLogitsOptions, "withFeatures" | "explained">): readonly string[] {
  if (explained !== undefined)
    return ["predict/logits", "predict/features", "predict/images", "predict/map_0"];
  return withFeatures ? ["predict/logits", "predict/features"] : ["predict/logits"];
}

/** The outcomes of a batch, of what was fetched of it. */
export function outcomesOf(
  [logits, features, images, maps]: readonly HostTensor[],
  batch: number,
): Outcome[] {
  const rows = (value: HostTensor | undefined, row: number) => {
    const values = floats(value);
    const columns = values.length / batch;
    return values.subarray(row * columns, (row + 1) * columns);
  };
  return Array.from({ length: batch }, (_, row) => {
    const [, height, width] = images?.shape ?? [];
    const [, high, wide] = maps?.shape ?? [];
    return {
      logits: rows(logits, row),
      features: features && rows(features, row),
      explanation: images &&
        maps && {
          ...{ image: rows(images, row), height: height!, width: width! },
          ...{ map: rows(maps, row), rows: high!, columns: wide! },
        },
    };
  });
}

export interface ImageLogitsOptions extends SeeingOptions {
  /** Whether features are wanted too. */
  readonly withFeatures: boolean;
  /** The class of each image that is explained; default none. */
  readonly explained?: Explained | undefined;
}

/**
 * The outcomes of all images, in their order, as many at a time as are ready.
 * @throws UserError at an image that cannot be decoded, where it is refused, after those before it
 */
export function imageLogits(
  images: SeenImages,
  trained: SeeingModel,
  network: Network,
  options: ImageLogitsOptions,
  engine: Engine,
): AsyncGenerator<readonly Outcome[]> {
  const { explained } = options;
  const fetches = predictFetches(options);
  const taken = { fetches, read: outcomesOf, newHead: false, explained };
  return imageOutcomes(images, trained, network, taken, options, engine);
}
