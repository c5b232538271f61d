/** Makes what a network takes of what a program gives. */
import { uprightSize } from "../data/files/readable-images.js";
import { type Engine, SessionError } from "../engine/session.js";
import { givesBytes } from "../input/example-functions.js";
import { ImageProgram, type ImageSource } from "../input/image-program.js";
import type { ResizeMethod } from "../input/resize-method.js";
import { firstLine } from "../input/unreadable.js";
import { checkRange } from "../run/array-logits.js";
import type { ImageFormat } from "../step/graphs.js";
import { closedError } from "./closed-error.js";
import { badImage, type OneImage, readEncoded } from "./image-input.js";

/** An image as a network takes it: values `[height,width,3]`. */
export interface MadeImage {
  readonly format: ImageFormat;
  readonly data: Uint8Array | Float32Array;
}

export interface ImageMakerOptions {
  readonly resize: ResizeMethod;
  /** Images under way at a time. */
  readonly workers: number;
  /** The side to which an image of this height and width is resized. */
  readonly sideFor: (size: readonly [number, number]) => number;
}

export class ImageMaker {
  /** Those that are free, by side. */
  private readonly programs = new Map<number, ImageProgram[]>();
  private readonly queue: (() => void)[] = [];
  private readonly underWay = new Set<Promise<MadeImage>>();
  private free: number;
  private closed = false;

  constructor(
    private readonly engine: Engine,
    private readonly options: ImageMakerOptions,
  ) {
    this.free = options.workers;
  }

  /** What images are made of files and of bytes, where they are resized to `side`. */
  formatOf(side: number): ImageFormat {
    const { target } = this.engine;
    const bytes = givesBytes({ target, method: this.options.resize });
    return { type: bytes ? "uint8" : "float32", height: side, width: side };
  }

  /** @throws UserError where the image cannot be used */
  async make(one: OneImage): Promise<MadeImage> {
    if (this.free > 0) this.free--;
    else await new Promise<void>((go) => this.queue.push(go));
    const made = this.makeNow(one);
    this.underWay.add(made);
    try {
      return await made;
    } finally {
      this.underWay.delete(made);
      const next = this.queue.shift();
      if (next === undefined) this.free++;
      else next();
    }
  }

  /** Waits for images under way; those that wait are not made any more. */
  async close(): Promise<void> {
    this.closed = true;
    await Promise.allSettled(this.underWay);
    for (const program of [...this.programs.values()].flat()) program.close();
    this.programs.clear();
  }

  private async makeNow({ name, image }: OneImage): Promise<MadeImage> {
    if (image.kind === "pixels") {
      const { data, height, width } = image;
      if (data instanceof Uint8Array)
        return this.square(name, [height, width], { pixels: data, height, width });
      checkRange(name, data);
      return { format: { type: "float32", height, width }, data };
    }
    const { bytes, header } = await readEncoded(name, image);
    const { decoder, orientation } = header;
    return this.square(name, uprightSize(header), { bytes, decoder, orientation });
  }

  private async square(
    name: string,
    size: readonly [number, number],
    source: ImageSource,
  ): Promise<MadeImage> {
    if (this.closed) throw closedError();
    const side = this.options.sideFor(size);
    // A program makes one image at a time: as many are opened as are under way.
    const idle = this.programs.get(side) ?? [];
    this.programs.set(side, idle);
    const program = idle.pop() ?? new ImageProgram(this.engine, side, this.options.resize);
    try {
      const { type, data } = await program.make(source);
      return { format: { type, height: side, width: side }, data };
    } catch (error) {
      if (!(error instanceof SessionError) || error.outOfMemory) throw error;
      throw badImage(name, firstLine(error.message), { cause: error });
    } finally {
      idle.push(program);
    }
  }
}
