/** What the page and its worker tell each other. */
import type { PageModel } from "../src/export/page/page-model.js";

/** To the worker. Pieces of weights follow `start` in their order, and `weightsEnd` follows them. */
export type ToWorker =
  | { readonly kind: "start"; readonly model: PageModel; readonly runtime: string }
  | { readonly kind: "weights"; readonly base64: string }
  | { readonly kind: "weightsEnd" }
  | { readonly kind: "photo"; readonly id: number; readonly photo: Blob };

/** From the worker. */
export type FromWorker =
  | { readonly kind: "loaded"; readonly bytes: number }
  | { readonly kind: "ready"; readonly backend: string }
  | { readonly kind: "broken"; readonly reason: string }
  | ({ readonly kind: "classified"; readonly id: number } & Classified)
  | { readonly kind: "failed"; readonly id: number; readonly reason: string };

/** So many of the likeliest classes are shown of each photo. */
export const shownClasses = 5;

/** What a model makes of a photo. */
export interface Classified {
  /** The likeliest classes, the likeliest first; `shownClasses` of them, or all. */
  readonly top: readonly ClassShare[];
  /** `[classes]`; absent where a server computes. */
  readonly logits?: Float32Array;
  /** Absent where a server computes. */
  readonly heat?: HeatMap;
  /** What people should know of how the photo was read. */
  readonly notes: readonly string[];
  readonly elapsedMs: number;
}

export interface ClassShare {
  readonly name: string;
  /** In [0, 1]. */
  readonly probability: number;
}

/** How much each place of a photo adds to the logits of its likeliest classes. */
export interface HeatMap {
  readonly height: number;
  readonly width: number;
  /** `[classes of top,height,width]`. The mean over a map, plus the class's bias, is the class's logit. */
  readonly maps: readonly Float32Array[];
}
