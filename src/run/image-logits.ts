/** What a model makes of image files, one batch after the other, past those that cannot be decoded. */
import { type Engine, floats, type HostTensor } from "../engine/session.js";
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
      readonly fault?: undefined;
    }
  | { readonly fault: string };

/** What a run of a predicting program fetches. */
export function predictFetches({
  withFeatures,
}: Pick<ImageLogitsOptions, "withFeatures">): readonly string[] {
  return withFeatures ? ["predict/logits", "predict/features"] : ["predict/logits"];
}

/** The outcomes of a batch, of what was fetched of it. */
export function outcomesOf([logits, features]: readonly HostTensor[], batch: number): Outcome[] {
  const rows = (values: Float32Array, row: number) => {
    const columns = values.length / batch;
    return values.subarray(row * columns, (row + 1) * columns);
  };
  const [all, seen] = [floats(logits), features && floats(features)];
  return Array.from({ length: batch }, (_, row) => {
    return { logits: rows(all, row), features: seen && rows(seen, row) };
  });
}

export interface ImageLogitsOptions extends SeeingOptions {
  /** Whether features are wanted too. */
  readonly withFeatures: boolean;
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
  const taken = { fetches: predictFetches(options), read: outcomesOf, newHead: false };
  return imageOutcomes(images, trained, network, taken, options, engine);
}
