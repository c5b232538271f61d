/** Where on images a trained model sees classes: Grad-CAM of a few images, for a report. */
import type { Engine, HostTensor } from "../engine/session.js";
import { floats } from "../engine/session.js";
import { ImageProgram, type SquareImage } from "../input/image-program.js";
import type { ResizeMethod } from "../input/resize-method.js";
import { findPlaced, ifReadable } from "../report/placed-image.js";
import type { HeatMap } from "../report/report-data.js";
import type { ImageToExplain } from "../report/show-images.js";
import { openClassifier } from "../step/classifier-program.js";
import { outOfMemory, requireMemory } from "./image-memory.js";
import {
  defaultBatch,
  findTrainedModel,
  imageSize,
  loadWeights,
  networkOf,
  precisionOf,
} from "./trained-model.js";

// There are a few dozen images: more at a time would only take memory.
const mostAtATime = 8;

/**
 * Maps of each image's classes on one scale, whose largest value is 255; undefined for an image that cannot
 * be read any more, and for those that are left when the signal comes.
 * @param source the run's folder
 * @param images at least one, each with one or two classes
 * @throws UserError where the weights are not there, or the memory does not suffice
 */
export async function explainImages(
  source: string,
  engine: Engine,
  images: readonly ImageToExplain[],
  signal?: AbortSignal,
): Promise<(readonly HeatMap[] | undefined)[]> {
  const trained = await findTrainedModel(source);
  const asked = { size: undefined, flag: "--crop" };
  // A run's config.json has its size.
  const { size } = imageSize(trained, [256, 256], asked);
  const network = networkOf(trained, engine, precisionOf(trained, engine, undefined));
  const batch = Math.min(mostAtATime, defaultBatch(trained, size * size), images.length);
  const atATime = { size: [size, size], batch } as const;
  requireMemory(trained, atATime, network.target.computeType);
  const made = await squares(engine, images, { size, resize: trained.resize, signal });
  const type = made.find((one) => one !== undefined)?.type;
  if (type === undefined) return made.map(() => undefined);
  const count = Math.max(...images.map(({ labels }) => labels.length));
  try {
    const format = { type, height: size, width: size };
    const program = await openClassifier(engine.open, network, format, [batch], {
      kind: "fed",
      count,
    });
    try {
      await loadWeights(program, trained);
      const places = [...made.keys()].filter((i) => made[i] !== undefined);
      const found = new Map<number, readonly HeatMap[]>();
      for (let start = 0; start < places.length && !signal?.aborted; start += batch) {
        const part = places.slice(start, start + batch);
        const feeds = feedsOf(part, { made, images, batch, size, count });
        const fetches = Array.from({ length: count }, (_, k) => `predict_${batch}/map_${k}`);
        const maps = await program.session.run(feeds, fetches);
        for (const [row, i] of part.entries())
          found.set(i, heatMaps(maps, row, images[i]!.labels, batch));
      }
      return made.map((_, i) => found.get(i));
    } finally {
      program.session.close();
    }
  } catch (error) {
    throw outOfMemory(error, trained, atATime) ?? error;
  }
}

interface SquareOptions {
  readonly size: number;
  readonly resize: ResizeMethod;
  readonly signal: AbortSignal | undefined;
}

/** The images as the network is fed them. */
async function squares(
  engine: Engine,
  images: readonly ImageToExplain[],
  { size, resize, signal }: SquareOptions,
): Promise<(SquareImage | undefined)[]> {
  const program = new ImageProgram(engine, size, resize);
  try {
    const made: (SquareImage | undefined)[] = [];
    for (const image of images) {
      const placed = signal?.aborted ? undefined : await findPlaced(image);
      made.push(placed && (await ifReadable(async () => program.make(await placed.read()))));
    }
    return made;
  } finally {
    program.close();
  }
}

/** A batch with its classes; what is left of it is zeros, and an image of one class has that twice. */
function feedsOf(
  part: readonly number[],
  {
    made,
    images,
    batch,
    size,
    count,
  }: {
    readonly made: readonly (SquareImage | undefined)[];
    readonly images: readonly ImageToExplain[];
    readonly batch: number;
    readonly size: number;
    readonly count: number;
  },
): Record<string, HostTensor> {
  const each = size * size * 3;
  const shape = [batch, size, size, 3];
  const filled = <Values extends Uint8Array | Float32Array>(data: Values): Values => {
    for (const [row, i] of part.entries()) data.set(made[i]!.data, row * each);
    return data;
  };
  const fed: HostTensor =
    made[part[0]!]!.type === "uint8"
      ? { type: "uint8", shape, data: filled(new Uint8Array(batch * each)) }
      : { type: "float32", shape, data: filled(new Float32Array(batch * each)) };
  const classes = Array.from({ length: count }, (_, k) => {
    const data = new Int32Array(batch);
    for (const [row, i] of part.entries()) {
      const { labels } = images[i]!;
      data[row] = labels[k] ?? labels[0]!;
    }
    return [`predict_${batch}/explained_${k}`, { type: "int32", shape: [batch], data }] as const;
  });
  return { [`images_${batch}`]: fed, ...Object.fromEntries(classes) };
}

/** The maps of one image of a batch, as bytes. */
function heatMaps(
  fetched: readonly HostTensor[],
  row: number,
  labels: readonly number[],
  batch: number,
): HeatMap[] {
  const maps = labels.map((label, k) => {
    const [, rows, columns] = fetched[k]!.shape;
    const values = floats(fetched[k]);
    const places = values.length / batch;
    return {
      ...{ label, rows: rows!, columns: columns! },
      values: values.subarray(row * places, (row + 1) * places),
    };
  });
  let largest = 0;
  for (const { values } of maps) for (const value of values) largest = Math.max(largest, value);
  return maps.map(({ values, ...rest }) => {
    const levels = Uint8Array.from(values, (value) => {
      return largest > 0 ? Math.round((255 * value) / largest) : 0;
    });
    return { ...rest, levels: Buffer.from(levels).toString("base64") };
  });
}
