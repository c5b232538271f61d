/** The worker of a page: decodes photos and computes, so that the page itself stays quick. */
import { className, type PageModel } from "../src/export/page/page-model.js";
import { WeightStream } from "../src/export/page/weight-stream.js";
import { topProbabilities } from "../src/run/probabilities.js";
import { bytesOfBase64 } from "./base64.js";
import { decodePhoto } from "./decode-photo.js";
import { type Classified, type FromWorker, shownClasses, type ToWorker } from "./messages.js";
import { Network } from "./network.js";
import { pillowResize } from "./pillow-resize.js";
import { tfResize } from "./tf-resize.js";
import { openWasmBackend } from "./wasm-backend.js";

function tell(message: FromWorker): void {
  self.postMessage(message);
}

/** A model of which the weights are coming, or are there. */
class Classifier {
  private constructor(
    private readonly model: PageModel,
    private readonly backend: string,
    private readonly network: Network,
    private readonly weights: WeightStream,
  ) {}

  static async start(model: PageModel, runtime: string): Promise<Classifier> {
    const backend = await openWasmBackend(bytesOfBase64(runtime));
    const network = new Network(model.graph);
    const weights = new WeightStream(model.graph.weights, network.take);
    return new Classifier(model, backend, network, weights);
  }

  load(base64: string): void {
    ofWholeFile(() => {
      const bytes = bytesOfBase64(base64);
      this.weights.push(bytes);
      tell({ kind: "loaded", bytes: bytes.length });
    });
  }

  finish(): void {
    ofWholeFile(() => this.weights.end());
    // The first run prepares the kernels, which takes longer than a photo.
    const { size } = this.model;
    this.network.run(new Float32Array(size * size * 3), size).lastMap.dispose();
    tell({ kind: "ready", backend: this.backend });
  }

  async classify(photo: Blob): Promise<Classified> {
    const begun = performance.now();
    const { size, classNames } = this.model;
    const { image, notes } = await this.prepare(photo);
    const { logits, lastMap } = this.network.run(image, size);
    try {
      if (!logits.every(Number.isFinite)) throw new Error("The model's answer is no number.");
      const top = topProbabilities(logits, shownClasses);
      const [, height, width] = lastMap.shape;
      const indices = top.map((one) => one.class);
      return {
        top: top.map(({ class: index, probability }) => {
          return { name: className(classNames, index), probability };
        }),
        logits,
        heat: { height, width, maps: this.network.heat(lastMap, indices) },
        notes,
        elapsedMs: performance.now() - begun,
      };
    } finally {
      lastMap.dispose();
    }
  }

  /** What the network takes: `[size,size,3]` in [-1, 1]. */
  private async prepare(photo: Blob): Promise<{ image: Float32Array; notes: readonly string[] }> {
    const { size, resize } = this.model;
    const decoded = await decodePhoto(photo);
    try {
      const levels = resize === "pillow" ? pillowResize(decoded, size) : tfResize(decoded, size);
      const image = Float32Array.from(levels, (level) => (level - 127.5) / 127.5);
      return { image, notes: decoded.notes };
    } finally {
      decoded.close();
    }
  }
}

/** @throws Error that says what people can do where a file is not what was exported */
function ofWholeFile(take: () => void): void {
  try {
    take();
  } catch (error) {
    throw new Error(`This file is incomplete: ${reasonOf(error)}. Copy or export it again.`);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

let classifier: Classifier | undefined;

async function take(message: ToWorker): Promise<void> {
  switch (message.kind) {
    case "start":
      classifier = await Classifier.start(message.model, message.runtime);
      return;
    case "weights":
      return classifier?.load(message.base64);
    case "weightsEnd":
      return classifier?.finish();
    case "photo": {
      const { id, photo } = message;
      try {
        const classified = await classifier!.classify(photo);
        tell({ kind: "classified", id, ...classified });
      } catch (error) {
        tell({ kind: "failed", id, reason: reasonOf(error) });
      }
    }
  }
}

// One after the other: a model loads in pieces, and photos are many.
let last: Promise<void> = Promise.resolve();
self.addEventListener("message", (event: MessageEvent<ToWorker>) => {
  last = last
    .then(() => take(event.data))
    .catch((error: unknown) => {
      classifier = undefined;
      tell({ kind: "broken", reason: reasonOf(error) });
    });
});
