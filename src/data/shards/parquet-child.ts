/**
 * Run as a process of its own by parquet-process.ts: unpacks the images of one Parquet file after
 * another. Whatever a damaged file does to it ends only this process.
 */
import { UserError } from "../../errors.js";
import { type UnpackJob, unpackParquet } from "./parquet-unpack.js";
import type { ShardImage } from "./shard-index.js";

/** What it says. */
export type ParquetReply =
  | { readonly kind: "alive" }
  | { readonly kind: "images"; readonly images: readonly ShardImage[] }
  | {
      readonly kind: "mistake";
      readonly where: string;
      readonly got: string;
      readonly expected: string;
      readonly nextStep: string;
    }
  | { readonly kind: "bug"; readonly stack: string };

const ALIVE_MS = 1000;

// Ctrl-C reaches all processes of a terminal; the parent decides what it means, and ends this one.
process.on("SIGINT", () => undefined);
process.on("disconnect", () => process.exit());
process.on("message", (job: UnpackJob) => {
  void unpack(job).then((reply) => process.send?.(reply));
});

async function unpack(job: UnpackJob): Promise<ParquetReply> {
  let said = Date.now();
  const alive = () => {
    if (Date.now() - said < ALIVE_MS) return;
    said = Date.now();
    process.send?.({ kind: "alive" } satisfies ParquetReply);
  };
  try {
    return { kind: "images", images: await unpackParquet(job, alive) };
  } catch (error) {
    if (error instanceof UserError) {
      const { where, got, expected, nextStep } = error;
      return { kind: "mistake", where, got, expected, nextStep };
    }
    return { kind: "bug", stack: error instanceof Error ? `${error.stack}` : String(error) };
  }
}
