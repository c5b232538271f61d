/**
 * Published results of fine-tuning, and whether one's own are as these.
 * Source: the tables of the official README (assets/expected-results.json says which).
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import { meanAndDeviation } from "../evaluators/deviation.js";
import { normalFactor, studentFactor } from "../evaluators/student-t.js";
import { packageRoot } from "../package-root.js";

const document = z.object({
  source: z.string(),
  datasets: z.record(
    z.string(),
    z.object({ heldOut: z.int(), batch: z.int(), baseLr: z.number() }),
  ),
  results: z.array(
    z.object({
      dataset: z.string(),
      model: z.string(),
      /** Null: trained on all. */
      examplesPerClass: z.int().nullable(),
      framework: z.string(),
      /** In percent; the median where it is of several runs. */
      top1: z.number(),
      /** Of several runs the least and the largest. */
      least: z.number().optional(),
      most: z.number().optional(),
    }),
  ),
});

type Document = z.infer<typeof document>;

/** A published result: what was fine-tuned, how, and its top-1 in percent. */
export type ExpectedResult = Document["results"][number] &
  Document["datasets"][string] & { readonly source: string };

/** Every published result that is known, in the order of the source. */
export async function expectedResults(): Promise<readonly ExpectedResult[]> {
  const path = join(packageRoot, "assets", "expected-results.json");
  const { source, datasets, results } = document.parse(JSON.parse(await readFile(path, "utf8")));
  return results.map((result) => ({ ...datasets[result.dataset]!, ...result, source }));
}

/** One's own result beside a published one. In percent. */
export interface ComparedTopOne {
  readonly mean: number;
  /** Null of a single run. */
  readonly deviation: number | null;
  /** Between these a result would be that is no other than the published. */
  readonly low: number;
  readonly high: number;
  readonly isWithin: boolean;
}

/**
 * Whether runs are as a published result is, within 95 %: between its least and its largest run, widened by what
 * the number of held-out images leaves open, by what one's own deviation over seeds does (for one published run
 * and the mean of one's own: Student's t), and by the digits that were published. The first is
 * cautious: both are judged on the same images.
 * @param top1s of one's own runs, at least one: shares in [0, 1]
 * @param heldOut images on which they were judged
 */
export function compareTopOne(
  { top1, least = top1, most = top1 }: Pick<ExpectedResult, "top1" | "least" | "most">,
  top1s: readonly number[],
  heldOut: number,
): ComparedTopOne {
  const { mean, deviation } = meanAndDeviation(top1s.map((share) => 100 * share));
  const images = normalFactor * Math.sqrt((top1 * (100 - top1)) / heldOut);
  const runs = top1s.length;
  const seeds =
    deviation === null ? 0 : studentFactor(runs - 1) * deviation * Math.sqrt(1 + 1 / runs);
  const margin = Math.hypot(images, seeds) + lastDigit([top1, least, most]) / 2;
  const [low, high] = [least - margin, most + margin];
  return { mean, deviation, low, high, isWithin: low <= mean && mean <= high };
}

/** The unit of the last digit of numbers: 0.1 of 97.3. */
function lastDigit(values: readonly number[]): number {
  const digits = values.map((value) => String(value).split(".")[1]?.length ?? 0);
  return 10 ** -Math.max(1, ...digits);
}
