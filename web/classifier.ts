/** What computes for a page: its own worker, or the server that it comes from. */
import type { PageSubject } from "../src/export/page/page-model.js";
import { weightBytes } from "../src/export/page/weight-stream.js";
import { inlinedModel, inlinedRuntime, inlinedWeights, inlinedWorker } from "./inlined.js";
import type { Classified, FromWorker, ToWorker } from "./messages.js";

export interface Classifier {
  readonly subject: PageSubject;
  /** What computes, in words. Rejected where nothing can. */
  readonly ready: Promise<string>;
  /** @throws Error where the photo cannot be used */
  classify(photo: File): Promise<Classified>;
}

/** A promise that is kept from outside. */
class Promised<T> {
  resolve!: (value: T) => void;
  reject!: (reason: Error) => void;
  readonly promise = new Promise<T>((resolve, reject) => {
    this.resolve = resolve;
    this.reject = reject;
  });
}

/** Told how much of a model is there, from 0 to 1. */
export type LoadProgress = (share: number) => void;

/** The model that is in the page's own file. */
export function ownClassifier(progress: LoadProgress): Classifier {
  const model = inlinedModel();
  const program = new Blob([inlinedWorker()], { type: "text/javascript" });
  const address = URL.createObjectURL(program);
  const worker = new Worker(address);
  const tell = (message: ToWorker) => worker.postMessage(message);
  const waiting = new Map<number, Promised<Classified>>();
  const total = weightBytes(model.graph.weights);
  const ready = new Promised<string>();
  let [loaded, count] = [0, 0];
  const give = (id: number) => {
    const one = waiting.get(id)!;
    waiting.delete(id);
    return one;
  };
  const fail = (error: Error) => {
    ready.reject(error);
    for (const one of waiting.values()) one.reject(error);
    waiting.clear();
  };
  worker.addEventListener("error", (event) => {
    fail(new Error(event.message || "The page's worker did not start."));
  });
  worker.addEventListener("message", ({ data }: MessageEvent<FromWorker>) => {
    if (data.kind === "loaded") {
      loaded += data.bytes;
      progress(loaded / total);
    } else if (data.kind === "ready") ready.resolve(data.backend);
    else if (data.kind === "broken") fail(new Error(data.reason));
    else if (data.kind === "failed") give(data.id).reject(new Error(data.reason));
    else give(data.id).resolve(data);
  });
  const load = async () => {
    tell({ kind: "start", model, runtime: inlinedRuntime() });
    for await (const base64 of inlinedWeights()) tell({ kind: "weights", base64 });
    tell({ kind: "weightsEnd" });
    URL.revokeObjectURL(address);
  };
  load().catch(fail);
  return {
    subject: model,
    ready: ready.promise,
    classify: (photo) => {
      const one = new Promised<Classified>();
      const id = count++;
      waiting.set(id, one);
      tell({ kind: "photo", id, photo });
      return one.promise;
    },
  };
}
