/** `bit-eval`: evaluates a run or an archive. */

import { counted } from "../counted.js";
import { UserError } from "../errors.js";
import { valuesOf } from "../evaluators/registry.js";
import { describeResult } from "../record/run-lines.js";
import { namedRun } from "../report/near-runs.js";
import { type EvaluateOptions, type EvaluationReport, evaluateRun } from "../run/evaluate-run.js";
import type { Call } from "./command.js";
import { FetchProgress } from "./fetch-progress.js";
import { ImageProgress } from "./image-progress.js";
import { interruptible } from "./interrupt.js";
import { openEngine } from "./open-engine.js";
import { output } from "./output.js";
import { visibleLine } from "./visible.js";

/** Runs the command. */
export async function run({ settings, positional }: Call<"eval">): Promise<number> {
  const [source, ...rest] = positional;
  if (source === undefined || rest.length > 0) {
    throw new UserError(
      "bit-eval",
      source === undefined ? "nothing to evaluate" : `${positional.length} things to evaluate`,
      "one run's folder, or one .npz or safetensors with a head",
      `type for example: ${await namedRun("npx bit-eval")}`,
    );
  }
  const { json, ...others } = settings;
  const options: EvaluateOptions = { ...others, source };
  const engine = openEngine(settings.device);
  if (!json) output.result(engine.description);
  const progress = new ImageProgress(settings.knn ? "making features" : "evaluating");
  const fetches = new FetchProgress();
  const ended = await interruptible(
    async (signal) => {
      const { line, fetching } = fetches;
      const told = { line, fetching, evaluating: progress.update, signal };
      try {
        return await evaluateRun(options, engine, told);
      } finally {
        fetches.close();
        progress.close();
      }
    },
    () => "Stopped; what was fetched is kept.",
  );
  if (ended.stopped) return ended.exit;
  const report = ended.value;
  for (const note of report.notes) output.note(`note: ${note}`);
  output.result(json ? JSON.stringify(record(report)) : readable(report));
  return 0;
}

function record(report: EvaluationReport) {
  const { top1, top5, loss, count, model, weights, dataset, classes, evaluated, crop, precision } =
    report;
  return {
    val_top1: top1,
    val_top5: top5,
    val_loss: loss,
    count,
    skipped: report.skipped.length,
    model,
    weights,
    dataset,
    split: evaluated.part,
    classes,
    classes_evaluated: evaluated.classes,
    classes_matched_by: evaluated.matching,
    notes: report.notes,
    crop,
    precision,
    tta: report.tta ?? null,
    ...(report.votes && { knn: report.votes }),
    ...valuesOf(report.measures),
    seconds: report.seconds,
  };
}

function readable(report: EvaluationReport): string {
  const { model, weights, dataset, classes, evaluated, crop, precision, count, seconds } = report;
  const { length: skipped } = report.skipped;
  const all =
    skipped === 0
      ? `all ${counted(count, "image")}`
      : `${count} of ${counted(count + skipped, "image")}`;
  const part = evaluated.part === "whole" ? all : `${counted(count, "image")} of ${evaluated.part}`;
  const voted =
    report.votes &&
    `by ${counted(report.votes.of, "vote")} of the nearest among ${counted(report.votes.among, "image")}`;
  const of =
    evaluated.classes === classes
      ? counted(classes, "class", "classes")
      : `${evaluated.classes} of the ${voted ? "dataset" : "model"}'s ${counted(classes, "class", "classes")}`;
  return [
    `${model} (${weights}), ${precision}${voted ? `: features without the head, ${voted}` : ""}`,
    `${dataset}: ${part}, ${of}, resized to ${crop}x${crop}${report.tta ? ", and mirrored" : ""}`,
    `${describeResult(report)} (${seconds.toFixed(1)} s)`,
    ...Object.values(report.measures).flatMap((measured) => measured.lines.map(visibleLine)),
  ].join("\n");
}
