/** Times a running step in windows: the loss is read once, at the end of each. */
import type { RunningStep } from "./step.js";

export interface Windows {
  /** Milliseconds a step, of each window. */
  readonly ms: readonly number[];
  /** Milliseconds in which the host enqueued a step, the mean over all. */
  readonly enqueueMs: number;
  readonly steps: number;
}

/** `count` windows of about `seconds` each, after a warm-up that says how many steps fit. */
export async function timeWindows(
  step: RunningStep,
  options: { readonly count?: number; readonly seconds?: number } = {},
): Promise<Windows> {
  const { count = 7, seconds = 0.35 } = options;
  for (let i = 0; i < 2; i++) await step.result();
  const once = await window(step, 2);
  const steps = Math.max(2, Math.min(60, Math.round((1000 * seconds) / once.ms)));
  if (steps > 4) await window(step, steps);
  const windows = [];
  for (let i = 0; i < count; i++) windows.push(await window(step, steps));
  const enqueued = windows.reduce((sum, { enqueueMs }) => sum + enqueueMs, 0);
  return { ms: windows.map(({ ms }) => ms), enqueueMs: enqueued / count, steps };
}

async function window(
  step: RunningStep,
  steps: number,
): Promise<{ ms: number; enqueueMs: number }> {
  const start = performance.now();
  let enqueued = 0;
  for (let i = 1; i < steps; i++) {
    const before = performance.now();
    const results = await step.run();
    enqueued += performance.now() - before;
    for (const result of results) result.drop();
  }
  await step.result();
  return { ms: (performance.now() - start) / steps, enqueueMs: enqueued / Math.max(1, steps - 1) };
}
