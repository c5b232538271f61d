/**
 * A picture of the images that a run trains on, as the network sees them: resized, cropped, mirrored and
 * mixed. They are the first images of the step that comes next.
 */
import { AUGMENTATION_WIDTH, fillAugmentations } from "../data/augmentation.js";
import type { Dataset } from "../data/dataset.js";
import { takeSplit } from "../data/few-shot.js";
import { ExampleOrder } from "../data/order.js";
import { type Engine, type HostTensor, SessionError } from "../engine/session.js";
import { GraphBuilder } from "../graph/graph-builder.js";
import { defineDecoders } from "../input/decoders.js";
import { ImageEncoder } from "../input/image-encoder.js";
import { addPipeline, startPipeline } from "../input/pipeline.js";
import { mixupLambda, mixupPartners } from "../recipe/mixup.js";
import type { RunConfig } from "../record/run-config.js";
import type { PictureEvent } from "../record/run-events.js";
import type { Run } from "./run-progress.js";

const mostImages = 16;
/** Larger ones are made smaller, by a whole number of pixels: a picture of this many is 640 pixels wide. */
const mostSide = 160;

/**
 * Tells the picture. An image that cannot be decoded is the step's to complain about: then there is none.
 * @param step steps done
 */
export async function tellTrainingImages(run: Run, step: number): Promise<void> {
  const { engine, dataset, config, events } = run;
  try {
    events.event(await trainingImages(engine, dataset, config, step));
  } catch (error) {
    if (!(error instanceof SessionError)) throw error;
  }
}

/**
 * The first images of a step in rows from left to right.
 * @throws SessionError where one cannot be decoded
 */
export async function trainingImages(
  engine: Pick<Engine, "open" | "target">,
  { train }: Pick<Dataset, "train">,
  config: RunConfig,
  step: number,
): Promise<PictureEvent> {
  const { seed, batch, split, mixupAlpha, resolution, schedule, freeze, flip } = config;
  // A run that is done shows the last images that it saw.
  const shown = Math.min(step, schedule.at(-1)! - 1);
  const partSize = batch / split;
  const count = Math.min(mostImages, partSize);
  const part = new ExampleOrder(seed, train.labels.length).slice(shown * batch, partSize);
  const partners = mixupAlpha && mixupPartners(seed, shown, 0, partSize).subarray(0, count);
  const places = [...Array(count).keys(), ...(partners || [])];
  const indices = Int32Array.from(places, (place) => part.indices[place]!);
  const epochs = Int32Array.from(places, (place) => part.epochs[place]!);
  const augmentations = new Int32Array(places.length * AUGMENTATION_WIDTH);
  const slack = resolution.precrop - resolution.crop;
  // A head on features sees whole images, as they are.
  if (!freeze) fillAugmentations({ seed, slack, flip }, epochs, indices, augmentations);

  const mosaic = new Mosaic(count, resolution.crop);
  const lambda = mixupAlpha ? mixupLambda(seed, shown, mixupAlpha) : 1;
  const chosen = takeSplit(train, indices);
  const builder = new GraphBuilder();
  defineDecoders(builder, engine.target);
  const name = "shown_images";
  // A few images are not worth a program of a device: the host makes the same.
  const { deviceMemoryBytes: _, ...target } = engine.target;
  const { pipeline } = addPipeline(builder, chosen, {
    ...{ target, name, batch: 1, workers: 1, resize: config.resize },
    ...{ resizeTo: resolution.precrop, crop: resolution.crop },
  });
  const { width, height } = mosaic;
  const session = engine.open(builder.build());
  try {
    await startPipeline(session, pipeline, Int32Array.from(places.keys()), augmentations);
    for (const place of places.keys()) {
      const [image] = await session.run({}, [`${name}/images`]);
      // Its own part of each mixed image, then its partner's.
      const weight = place < count ? lambda : 1 - lambda;
      mosaic.add(place % count, levelsOf(image!), weight);
    }
  } finally {
    session.close();
  }
  const encoder = new ImageEncoder(engine, [height, width], { format: "png" });
  try {
    const png = await encoder.encode(mosaic.pixels());
    const about = { about: "start", title: "training images" } as const;
    return { type: "picture", ...about, step, width, height, png };
  } finally {
    encoder.close();
  }
}

/** Levels of 0 to 255. */
function levelsOf(image: HostTensor): Float32Array | Uint8Array {
  if (image.type === "uint8") return image.data;
  if (image.type === "float32") return image.data.map((value) => 127.5 * value + 127.5);
  throw new Error(`expected an image, fetched ${image.type}`);
}

/** Square images side by side, each the mean of whole squares of pixels. */
class Mosaic {
  readonly width: number;
  readonly height: number;
  private readonly columns: number;
  private readonly factor: number;
  /** Of an image in the picture. */
  private readonly side: number;
  private readonly sums: Float32Array;

  /** @param crop side of the images */
  constructor(
    count: number,
    private readonly crop: number,
  ) {
    this.factor = Math.ceil(crop / mostSide);
    this.side = Math.floor(crop / this.factor);
    this.columns = Math.ceil(Math.sqrt(count));
    this.width = this.columns * this.side;
    this.height = Math.ceil(count / this.columns) * this.side;
    this.sums = new Float32Array(this.height * this.width * 3);
  }

  /** Adds a share of an image `[crop,crop,3]` at a place. */
  add(place: number, image: Float32Array | Uint8Array, share: number): void {
    const { side, factor, crop, columns, width, sums } = this;
    const top = Math.floor(place / columns) * side;
    const left = (place % columns) * side;
    const weight = share / factor ** 2;
    for (let y = 0; y < side * factor; y++) {
      const row = (top + Math.floor(y / factor)) * width + left;
      for (let x = 0; x < side * factor; x++) {
        const to = 3 * (row + Math.floor(x / factor));
        const from = 3 * (y * crop + x);
        for (let channel = 0; channel < 3; channel++)
          sums[to + channel]! += weight * image[from + channel]!;
      }
    }
  }

  pixels(): Uint8Array {
    return Uint8Array.from(this.sums, Math.round);
  }
}
