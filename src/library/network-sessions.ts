/** A model's sessions: one for each size of image, opened when such an image comes, its weights in it. */
import type { Engine } from "../engine/session.js";
import { hasOwnMemory } from "../graph/target.js";
import { outOfMemory, requireMemory } from "../run/image-memory.js";
import { defaultBatch, loadWeights, networkOf, type TrainedModel } from "../run/trained-model.js";
import type { Precision } from "../settings/choices.js";
import { type Classified, classify, openClassifier } from "../step/classifier-program.js";
import type { ImageFormat } from "../step/graphs.js";
import type { Program } from "../step/program.js";
import type { MadeImage } from "./image-maker.js";

// Each holds the weights. A program that gives images of many sizes waits for sessions instead.
const mostSessions = 3;

interface Opened {
  readonly program: Program;
  /** Images of one run, the largest number first; the last is 1. */
  readonly batches: readonly number[];
}

/** What becomes of one image. */
export interface Outputs {
  /** `[classes]` */
  readonly logits: Float32Array;
  /** `[C]`; undefined where they were not asked for. */
  readonly features: Float32Array | undefined;
}

export class NetworkSessions {
  private readonly opened = new Map<string, Opened>();
  /**
   * Whether a program is compiled for every number of images, and for all that is fetched, which takes a
   * device's compiler long: there are few then, and a batch that is not full is filled up.
   */
  private readonly compiles: boolean;

  constructor(
    private readonly trained: TrainedModel,
    private readonly engine: Engine,
    private readonly precision: Precision,
    /** Images at a time; undefined: as memory allows. */
    private readonly wanted: number | undefined,
  ) {
    this.compiles = hasOwnMemory(engine.target);
  }

  /** How many images of a size are computed at a time, at most. */
  batchOf(format: ImageFormat): number {
    const opened = this.opened.get(keyOf(format));
    if (opened !== undefined) return opened.batches[0]!;
    return this.wanted ?? defaultBatch(this.trained, format.height * format.width);
  }

  /**
   * Opens the session for images of a size, unless it is open.
   * @throws UserError where they do not fit the memory, or the weights are damaged
   */
  async open(format: ImageFormat): Promise<Opened> {
    const key = keyOf(format);
    const known = this.opened.get(key);
    if (known !== undefined) {
      // The one that was used last stays longest.
      this.opened.delete(key);
      this.opened.set(key, known);
      return known;
    }
    const { trained, engine } = this;
    const network = networkOf(trained, engine, this.precision);
    const largest = this.batchOf(format);
    const atATime = { size: [format.height, format.width], batch: largest } as const;
    requireMemory(trained, atATime, network.target.computeType);
    const [oldest] = this.opened.keys();
    if (this.opened.size >= mostSessions) this.forget(oldest!);
    const batches = this.compiles ? [...new Set([largest, 1])] : batchSizes(largest);
    const program = await openClassifier(engine.open, network, format, batches);
    try {
      await loadWeights(program, trained);
    } catch (error) {
      program.session.close();
      throw outOfMemory(error, trained, atATime) ?? error;
    }
    const opened = { program, batches };
    this.opened.set(key, opened);
    return opened;
  }

  /**
   * What the network makes of images of one size, in their order.
   * @throws UserError where the memory does not suffice
   */
  async run(
    images: readonly MadeImage[],
    options: { readonly withFeatures: boolean },
  ): Promise<Outputs[]> {
    const [{ format }] = images as [MadeImage, ...MadeImage[]];
    const { program, batches } = await this.open(format);
    const outputs: Outputs[] = [];
    try {
      while (outputs.length < images.length) {
        const left = images.length - outputs.length;
        const batch = this.compiles && left > 1 ? batches[0]! : batches.find((n) => n <= left)!;
        const part = images.slice(outputs.length, outputs.length + batch);
        const withFeatures = options.withFeatures || this.compiles;
        const fed = batchOf(format, part, batch);
        const result = await classify(program.session, fed, { withFeatures });
        outputs.push(...rowsOf(result, batch).slice(0, part.length));
      }
    } catch (error) {
      const size = [format.height, format.width] as const;
      throw outOfMemory(error, this.trained, { size, batch: batches[0]! }) ?? error;
    }
    return outputs;
  }

  close(): void {
    for (const key of [...this.opened.keys()]) this.forget(key);
  }

  private forget(key: string): void {
    this.opened.get(key)?.program.session.close();
    this.opened.delete(key);
  }
}

function keyOf({ type, height, width }: ImageFormat): string {
  return `${type} ${height} x ${width}`;
}

/** Powers of two up to the largest batch, and that itself: any number of images is a few of them. */
function batchSizes(largest: number): number[] {
  const sizes = [largest];
  for (let size = 2 ** Math.floor(Math.log2(largest)); size >= 1; size /= 2)
    if (size < largest) sizes.push(size);
  return sizes;
}

/** Images as a batch of a size, the rest of it zeros. */
function batchOf(
  { type, height, width }: ImageFormat,
  images: readonly MadeImage[],
  batch: number,
) {
  const shape = [batch, height, width, 3];
  const each = height * width * 3;
  if (type === "uint8") {
    const data = new Uint8Array(batch * each);
    for (const [i, image] of images.entries()) data.set(image.data, i * each);
    return { type, shape, data } as const;
  }
  const data = new Float32Array(batch * each);
  for (const [i, image] of images.entries()) data.set(image.data, i * each);
  return { type, shape, data } as const;
}

function rowsOf({ logits, features }: Classified, count: number): Outputs[] {
  // Copies: a row would otherwise keep the whole batch.
  const row = (values: Float32Array, i: number) => {
    const length = values.length / count;
    return values.slice(i * length, (i + 1) * length);
  };
  return Array.from({ length: count }, (_, i) => {
    return { logits: row(logits, i), features: features && row(features, i) };
  });
}
