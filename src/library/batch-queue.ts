/**
 * Images of all calls on their way to the network: those of one size are computed together, also where
 * different calls have given them.
 */
import type { ImageFormat } from "../step/graphs.js";
import { closedError } from "./closed-error.js";
import type { MadeImage } from "./image-maker.js";
import type { Outputs } from "./network-sessions.js";

/** What computes them. */
export interface Network {
  batchOf(format: ImageFormat): number;
  run(
    images: readonly MadeImage[],
    options: { readonly withFeatures: boolean },
  ): Promise<readonly Outputs[]>;
}

interface Waiting {
  readonly image: MadeImage;
  readonly withFeatures: boolean;
  readonly signal: AbortSignal | undefined;
  readonly resolve: (outputs: Outputs) => void;
  readonly reject: (error: unknown) => void;
}

export interface QueueOptions {
  /** Whether features are wanted besides logits. */
  readonly withFeatures: boolean;
  /** Aborted where nobody wants the outputs any more. */
  readonly signal?: AbortSignal | undefined;
}

export class BatchQueue {
  private waiting: Waiting[] = [];
  private making = 0;
  private running = false;
  private work: Promise<void> | undefined;
  private closed = false;

  constructor(private readonly network: Network) {}

  /**
   * What the network makes of an image once `made` is there. A batch that is not full waits for images
   * that are being made, and for nothing else.
   */
  add(made: Promise<MadeImage>, { withFeatures, signal }: QueueOptions): Promise<Outputs> {
    this.making++;
    const outputs = made.then((image) => {
      if (this.closed) throw closedError();
      return new Promise<Outputs>((resolve, reject) => {
        this.waiting.push({ image, withFeatures, signal, resolve, reject });
        this.made();
      });
    });
    made.catch(() => this.made());
    return outputs;
  }

  /** Rejects what waits. */
  async close(): Promise<void> {
    this.closed = true;
    for (const { reject } of this.waiting.splice(0)) reject(closedError());
    await this.work;
  }

  private made(): void {
    this.making--;
    if (this.running) return;
    this.running = true;
    this.work = this.runAll();
  }

  private async runAll(): Promise<void> {
    for (let batch = this.next(); batch !== undefined; batch = this.next()) {
      const withFeatures = batch.some((one) => one.withFeatures);
      try {
        const images = batch.map(({ image }) => image);
        const outputs = await this.network.run(images, { withFeatures });
        for (const [i, { resolve }] of batch.entries()) resolve(outputs[i]!);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
      // Lets a server answer others between the native calls.
      await new Promise(setImmediate);
    }
    this.running = false;
  }

  /** The images to compute next, taken out; undefined where there are none, or more are coming. */
  private next(): Waiting[] | undefined {
    this.waiting = this.waiting.filter(({ signal }) => !signal?.aborted);
    const [first] = this.waiting;
    if (first === undefined) return undefined;
    const { format } = first.image;
    const most = this.network.batchOf(format);
    const alike = this.waiting.filter(({ image }) => isSame(image.format, format)).slice(0, most);
    if (alike.length < most && this.making > 0) return undefined;
    this.waiting = this.waiting.filter((one) => !alike.includes(one));
    return alike;
  }
}

function isSame(a: ImageFormat, b: ImageFormat): boolean {
  return a.type === b.type && a.height === b.height && a.width === b.width;
}
