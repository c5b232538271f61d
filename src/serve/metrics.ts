/** What the service counts, in Prometheus' text format. Source: prometheus.io, exposition formats. */
import { Counter, Gauge, Histogram, Registry } from "prom-client";

/** What is asked for each time that the figures are read. */
export interface Levels {
  readonly waitingImages: () => number;
  readonly heldBytes: () => number;
}

// In seconds: from a small model's answer on a GPU to a large one's behind a full queue.
const buckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60];

export class ServiceMetrics {
  private readonly registry = new Registry();
  private readonly requests = this.counter("requests_total", "Requests that were answered", [
    "path",
    "status",
  ]);
  private readonly errors = this.counter("errors_total", "Requests answered by 4xx or 5xx", [
    "status",
  ]);
  private readonly images = this.counter("images_total", "Images, by what became of them", [
    "outcome",
  ]);
  private readonly seconds = new Histogram({
    name: `${prefix}predict_seconds`,
    help: "Time from a request's headers to its answer, of POST /predict answered by 200",
    buckets,
    registers: [this.registry],
  });

  constructor({ waitingImages, heldBytes }: Levels) {
    this.gauge("waiting_images", "Images that wait or are computed now", waitingImages);
    this.gauge("held_bytes", "Bytes of requests' bodies that are held now", heldBytes);
  }

  /** @param path one of the service's, or `other`: clients do not make up new rows */
  answered(path: string, status: number): void {
    this.requests.inc({ path, status });
    if (status >= 400) this.errors.inc({ status });
  }

  predicted({ ms, predicted, refused }: PredictedRequest): void {
    this.images.inc({ outcome: "predicted" }, predicted);
    this.images.inc({ outcome: "refused" }, refused);
    if (ms !== undefined) this.seconds.observe(ms / 1000);
  }

  get contentType(): string {
    return this.registry.contentType;
  }

  text(): Promise<string> {
    return this.registry.metrics();
  }

  private counter<Label extends string>(name: string, help: string, labelNames: Label[]) {
    const registers = [this.registry];
    return new Counter<Label>({ name: `${prefix}${name}`, help, labelNames, registers });
  }

  private gauge(name: string, help: string, level: () => number): void {
    new Gauge({
      name: `${prefix}${name}`,
      help,
      registers: [this.registry],
      collect() {
        this.set(level());
      },
    });
  }
}

const prefix = "bit_serve_";

/** What became of the images of one request. */
export interface PredictedRequest {
  /** Undefined where the request as a whole was refused. */
  readonly ms: number | undefined;
  readonly predicted: number;
  readonly refused: number;
}
