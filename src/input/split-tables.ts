/** What a pipeline looks examples up in: a table for each property, of which example i has row i. */
import type { Split } from "../data/dataset.js";
import type { HostTensor } from "../engine/session.js";
import { fileFeeds } from "./file-table.js";

/** What the head is given of images: float32 `[n, channels]`, row-major. */
export interface FeatureSource {
  readonly kind: "features";
  readonly values: Float32Array;
  readonly channels: number;
}

/** A part of a dataset of which the features are known, as `Split` is one of images. */
export interface FeatureSplit {
  readonly images: FeatureSource;
  /** `[n]` */
  readonly labels: Int32Array;
}

/** The tables by their names, each `[n, ...]`. */
export function tableFeeds({ images, labels }: Split | FeatureSplit): Record<string, HostTensor> {
  const n = labels.length;
  const table: Record<string, HostTensor> = {
    labels: { type: "int32", shape: [n], data: labels },
  };
  if (images.kind === "files") return { ...table, ...fileFeeds(images) };
  if (images.kind === "features") {
    const { values, channels } = images;
    return { ...table, features: { type: "float32", shape: [n, channels], data: values } };
  }
  const { pixels, height, width } = images;
  return { ...table, pixels: { type: "uint8", shape: [n, height, width, 3], data: pixels } };
}
