/** What a graph is told of images in files: a column for each thing, a row for each image. */
import { DECODERS, type FileSource } from "../data/dataset.js";
import type { HostTensor } from "../engine/session.js";
import { UserError } from "../errors.js";
import type { Output } from "../graph/node-list.js";
import type { Target } from "../graph/target.js";

/** What tells an image in a file, as scalars. */
export interface FileInputs {
  /** string */
  readonly path: Output;
  /** int32: its place among the DECODERS. */
  readonly decoder: Output;
  /** int32, EXIF's 1 to 8. */
  readonly orientation: Output;
  /** int64 both: the part of the file that is the image. Undefined where it is the whole file. */
  readonly range?: { readonly offset: Output; readonly length: Output } | undefined;
}

/** @throws UserError where images are parts of files, and the target has no operation to read these */
export function checkReach({ paths, ranges }: FileSource, { native }: Target): void {
  if (ranges === undefined || native.host) return;
  throw new UserError(
    paths[0]!,
    "the images are parts of files, which this engine cannot read by itself",
    "an engine with the operations of native/kernels/",
    "type: npx bit-setup",
  );
}

/** The columns' names, in the order of `fileInputs`. */
export function fileColumns({ ranges }: FileSource): readonly string[] {
  const columns = ["paths", "decoders", "orientations"];
  return ranges === undefined ? columns : [...columns, "offsets", "lengths"];
}

/** An image's values of the columns. */
export function fileInputs(values: readonly Output[]): FileInputs {
  const [path, decoder, orientation, offset, length] = values;
  const range = offset && length && { offset, length };
  return { path: path!, decoder: decoder!, orientation: orientation!, range };
}

/** The columns, `[n]` each. */
export function fileFeeds(images: FileSource): Record<string, HostTensor> {
  const { paths, decoders, orientations, ranges } = images;
  const encoder = new TextEncoder();
  const shape = [paths.length];
  const places = Int32Array.from(decoders, (decoder) => DECODERS.indexOf(decoder));
  const feeds: Record<string, HostTensor> = {
    paths: { type: "string", shape, data: paths.map((path) => encoder.encode(path)) },
    decoders: { type: "int32", shape, data: places },
    orientations: { type: "int32", shape, data: Int32Array.from(orientations) },
  };
  if (ranges !== undefined) {
    feeds["offsets"] = { type: "int64", shape, data: int64s(ranges.offsets) };
    feeds["lengths"] = { type: "int64", shape, data: int64s(ranges.lengths) };
  }
  return feeds;
}

function int64s(values: Float64Array): BigInt64Array {
  const whole = new BigInt64Array(values.length);
  for (const [i, value] of values.entries()) whole[i] = BigInt(value);
  return whole;
}
