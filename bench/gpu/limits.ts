/** A card that is full says so, and the step runs again when there is room. */
import type { PjrtBuffer } from "../../src/engine/pjrt/client.js";
import { openClient, RunningStep } from "./step.js";
import { check, loadStep, type PartTask } from "./task.js";

/** More than any card has. */
const most = 1024;

/** Makes a value of a gibibyte on the device. */
const gibibyte = `module @gibibyte {
  func.func public @main() -> tensor<268435456xf32> {
    %0 = stablehlo.constant dense<0.0> : tensor<268435456xf32>
    return %0 : tensor<268435456xf32>
  }
}
`;

export async function limits(task: PartTask): Promise<void> {
  const client = openClient(task.plugin, task.gpu);
  const { lowered, program } = await loadStep(client, task);
  const step = await RunningStep.start(client, lowered, program);
  const before = (await step.result())[0]!;
  const maker = await client.compile(gibibyte);
  const filled: PjrtBuffer[] = [];
  const value = await refused(async () => {
    for (let i = 0; i < most; i++) filled.push((await maker.run([[]], []))[0]![0]!);
    await filled.at(-1)!.read();
  });
  const told = `${firstLine(value)} (after ${filled.length} GiB)`;
  check(task, "a value for which there is no memory is told as such", isFull(value), told);
  // XLA waits some ten seconds for memory before it gives up.
  const ran = await refused(() => step.result());
  check(task, "a step for which there is no memory is told as such", isFull(ran), firstLine(ran));
  for (const buffer of filled) buffer.drop();
  // The state may have been donated to the step that failed: a user's run takes it from the host again.
  step.drop();
  const again = await RunningStep.start(client, lowered, program);
  const after = (await again.result())[0]!;
  const same = Math.abs(after - before) <= 0.02 * Math.abs(before);
  check(task, "then a new step runs", same, `${before} before, ${after} after`);
}

async function refused(work: () => Promise<unknown>): Promise<unknown> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return error;
  }
}

function isFull(error: unknown): boolean {
  return error instanceof Error && "outOfMemory" in error && error.outOfMemory === true;
}

function firstLine(error: unknown): string {
  if (!(error instanceof Error)) return "it was not refused";
  return error.message.split("\n")[0]!.slice(0, 240);
}
