/** `result.json`: what a run came to; it is there once the run is done. */
import { z } from "zod";
import { readJson } from "./versioned-json.js";

const share = z.number();

const result = z.object({
  /** Of the final evaluation: shares, and nats. */
  val_top1: share,
  val_top5: share,
  val_loss: share,
  /** Steps done. */
  steps: z.int(),
  best: z.object({ step: z.int(), top1: share }).nullish(),
  /** Wall time of the last part of the run. */
  seconds: z.number().optional(),
});

export type RunResult = z.infer<typeof result>;

/**
 * Reads it; undefined where there is none, or it tells too little.
 * @throws UserError where it is damaged, or of a newer version
 */
export async function readResult(path: string): Promise<RunResult | undefined> {
  return result.safeParse(await readJson(path)).data;
}
