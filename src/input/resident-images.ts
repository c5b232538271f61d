/**
 * Datasets that lie on the device: images that are all of one size, few enough bytes of them. They go
 * there once; of each batch, only the numbers of its examples and their windows follow.
 */
import type { PixelSource, Split } from "../data/dataset.js";
import type { HostTensor, Session } from "../engine/session.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import { addVariable } from "../graph/graph-variable.js";
import type { Output } from "../graph/node-list.js";
import { gather } from "../graph/ops.js";
import type { Target } from "../graph/target.js";
import { type CropSizes, gatherResizeCrop } from "./native-images.js";
import { type FeatureSplit, tableFeeds } from "./split-tables.js";

// Of a device's memory, for one part of a dataset; the rest is the network's.
const mostShare = 1 / 16;
const mostBytes = 2 ** 31;

/**
 * Bytes of a part of a dataset on a device that computes in memory of its own: 0 where it stays with the
 * host, being files, or more than a sixteenth of the device's memory or 2 GiB.
 */
export function residentBytes(
  { images }: Split,
  { deviceMemoryBytes }: Pick<Target, "deviceMemoryBytes">,
): number {
  if (images.kind !== "pixels" || deviceMemoryBytes === undefined) return 0;
  const bytes = images.pixels.byteLength;
  return bytes <= Math.min(mostBytes, mostShare * deviceMemoryBytes) ? bytes : 0;
}

/** What a pipeline looks images and labels up in, on the device. */
export interface ResidentTables {
  /** uint8 `[n,H,W,3]` */
  readonly pixels: Output;
  /** int32 `[n]` */
  readonly labels: Output;
}

/** Adds the tables of a pipeline called `name`; `loadTables` then sets them. */
export function addTables(
  builder: GraphBuilder,
  name: string,
  images: Pick<PixelSource, "height" | "width">,
  count: number,
): ResidentTables {
  const { height, width } = images;
  const pixels = {
    name: `${name}/pixels`,
    type: "uint8",
    shape: [count, height, width, 3],
  } as const;
  const labels = { name: `${name}/labels`, type: "int32", shape: [count] } as const;
  return {
    pixels: addVariable(builder, pixels).read,
    labels: addVariable(builder, labels).read,
  };
}

/** Puts a pipeline's tables onto the device, for as long as the session lasts. */
export async function loadTables(
  session: Session,
  name: string,
  split: Split | FeatureSplit,
): Promise<void> {
  const feeds: Record<string, HostTensor> = {};
  const fetches: string[] = [];
  for (const [table, feed] of Object.entries(tableFeeds(split))) {
    feeds[`${name}/${table}/new`] = feed;
    fetches.push(`${name}/${table}/assigned`);
  }
  await session.run(feeds, fetches);
}

/**
 * A batch made where the tables are: uint8 images `[batch,crop,crop,3]`, int32 labels `[batch]`.
 * @param rows int32 `[batch]`
 * @param windows int32 `[batch,3]`: top, left and flip
 */
export function residentBatch(
  builder: GraphBuilder,
  { pixels, labels }: ResidentTables,
  { rows, windows }: { readonly rows: Output; readonly windows: Output },
  sizes: CropSizes,
): { readonly images: Output; readonly labels: Output } {
  return {
    images: gatherResizeCrop(builder, pixels, rows, windows, sizes),
    labels: gather(builder, { table: labels, indices: rows }, rows.shape),
  };
}
