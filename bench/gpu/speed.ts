/** Compiles, and measures what was compiled before, as a second start of the same command has it. */
import { mkdirSync, writeFileSync } from "node:fs";
import { basename } from "node:path";
import { dumpPrograms, readDump } from "./ahead.js";
import { type Figure, tell } from "./finding.js";
import { kindsOf } from "./hlo-traffic.js";
import { timeWindows } from "./measure.js";
import { openClient, RunningStep } from "./step.js";
import { check, compileStep, loadStep, megabytes, note, type PartTask, readIf } from "./task.js";

export async function compileOnly(task: PartTask): Promise<void> {
  const { dump, kept } = task;
  if (dump !== undefined) {
    mkdirSync(dump, { recursive: true });
    dumpPrograms(dump);
  }
  const client = openClient(task.plugin, task.gpu);
  const { program, seconds } = await compileStep(client, task);
  const cost = dump === undefined ? undefined : readDump(dump);
  if (cost !== undefined) {
    const { kernels, trafficBytes } = cost;
    writeFileSync(`${kept}.cost.json`, JSON.stringify({ kernels, trafficBytes }));
    note(task, `${cost.launches} launches; ${kindsOf(cost)}`);
  }
  const memory = program.memory();
  note(
    task,
    `compiled in ${seconds.toFixed(1)} s, temporaries ${megabytes(memory.temporary)}, arguments ${megabytes(memory.arguments)}`,
  );
}

export async function speed(task: PartTask): Promise<void> {
  const client = openClient(task.plugin, task.gpu);
  const opened = process.uptime();
  const { lowered, program, seconds, keptBytes } = await loadStep(client, task);
  const loaded = process.uptime();
  const step = await RunningStep.start(client, lowered, program);
  const placed = process.uptime();
  await step.result();
  const first = process.uptime();
  if (keptBytes !== undefined) {
    const parts = [opened, loaded - opened, placed - loaded, first - placed].map((s) =>
      s.toFixed(2),
    );
    note(
      task,
      `${basename(task.kept!)}, ${megabytes(keptBytes)}: first step ${first.toFixed(2)} s after the process began: ${parts[0]} s until the device was open, ${parts[1]} s to trace the step and load its program, ${parts[2]} s to put weights, ${parts[3]} s for the step`,
    );
  }
  const times = await timeWindows(step);
  const last = (await step.result())[0]!;
  const memory = step.memory();
  const cost = readIf(task.kept && `${task.kept}.cost.json`);
  const { model, mode, batch, size, type, remat } = task.request;
  const figure: Figure = {
    side: "bit-train",
    setting: `${task.setting ?? "default"}${remat ? ", remat" : ""}`,
    ...{ model, mode, batch, size, type },
    ms: times.ms,
    enqueueMs: times.enqueueMs,
    compileSeconds: seconds,
    firstSeconds: keptBytes === undefined ? undefined : first,
    peakBytes: memory.arguments + memory.temporary + memory.outputs - memory.aliased,
    ...(cost && (JSON.parse(cost.toString()) as { kernels: number; trafficBytes: number })),
  };
  tell({ kind: "figure", part: task.name, ...figure });
  check(task, "the last result is a number", Number.isFinite(last), String(last));
  await withInput(task, step, times.steps);
}

/** A new batch from the host before each step, as float32; it is copied while the device computes. */
async function withInput(task: PartTask, step: RunningStep, steps: number): Promise<void> {
  const { batch, size } = task.request;
  const images = new Float32Array(batch * size * size * 3).fill(0.25);
  await step.result();
  const start = performance.now();
  for (let i = 1; i < steps; i++) {
    await step.bring(images);
    for (const result of await step.run()) result.drop();
  }
  await step.result();
  const ms = (performance.now() - start) / steps;
  note(
    task,
    `with a new batch of float32 images from the host before each step: ${ms.toFixed(2)} ms a step`,
  );
}
