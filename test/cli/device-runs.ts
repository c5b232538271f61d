/** Runs on one device and another, in this process, and their losses side by side. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type NumericArray, readNpy } from "../../src/archive/npy.js";
import { openDevice } from "../../src/engine/open-device.js";
import { fineTune } from "../../src/run/fine-tune.js";
import type { FineTuneOptions } from "../../src/run/options.js";
import { stoppingAfter } from "../run/observing.js";
import { metricsOf } from "../run/tiny-training.js";
import { bitEval, bitPredict, runHere } from "./command.js";

/** Trains, or goes on, until so many steps are done. */
export async function trainedOn(
  device: string,
  options: FineTuneOptions & { readonly steps: number },
  stop = Number.POSITIVE_INFINITY,
): Promise<void> {
  const { steps } = await fineTune(options, openDevice(device), stoppingAfter(stop));
  assert.equal(steps, Math.min(stop, options.steps));
}

interface Row {
  readonly step?: number;
  readonly loss?: number;
  readonly validation?: number | "end";
  readonly val_loss?: number;
}

/** What a run has told, in its order: `step 3` or `validation end`, and its loss. */
export async function lossesOf(
  logdir: string,
  name: string,
): Promise<(readonly [string, number])[]> {
  const rows = (await metricsOf(join(logdir, name, "metrics.jsonl"))) as Row[];
  return rows.map(({ step, loss, validation, val_loss }) =>
    step === undefined ? [`validation ${validation}`, val_loss!] : [`step ${step}`, loss!],
  );
}

/** The same steps and evaluations in the same order, whose losses are as near as `most`. */
export function assertSameLosses(
  losses: readonly (readonly [string, number])[],
  wanted: readonly (readonly [string, number])[],
  most: number,
): void {
  const names = (all: typeof losses) => all.map(([what]) => what);
  assert.deepEqual(names(losses), names(wanted));
  for (const [i, [what, loss]] of losses.entries())
    assert.ok(Math.abs(loss - wanted[i]![1]) < most, `${what}: ${loss}, not ${wanted[i]![1]}`);
}

/** What `bit-eval` of a run and `bit-predict` with these arguments come to on a device. */
export async function judgedOn(
  device: string,
  run: string,
  predict: readonly string[],
): Promise<{
  readonly report: { readonly val_top1: number; readonly val_loss: number };
  readonly logits: NumericArray["data"];
}> {
  const evaluated = await runHere(bitEval, [run, "--json", "--device", device]);
  assert.equal(evaluated.code, 0, evaluated.stderr);
  const npy = `${run}-logits.npy`;
  const flags = ["--logits", npy, "--json", "--device", device];
  const predicted = await runHere(bitPredict, [...predict, ...flags]);
  assert.equal(predicted.code, 0, predicted.stderr);
  return { report: JSON.parse(evaluated.stdout), logits: (await readNpy(npy)).data };
}
