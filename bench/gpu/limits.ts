/** A card that is full says so, and the step runs again when there is room. */
import { openClient, RunningStep } from "./step.js";
import { check, loadStep, type PartTask } from "./task.js";

const gibibytes = 400;

export async function limits(task: PartTask): Promise<void> {
  const client = openClient(task.plugin, task.gpu);
  const { lowered, program } = await loadStep(client, task);
  const step = await RunningStep.start(client, lowered, program);
  const before = (await step.result())[0]!;
  const filled: { drop(): void }[] = [];
  const value = await refused(async () => {
    const data = new Float32Array(2 ** 28);
    for (let i = 0; i < gibibytes; i++)
      filled.push(await client.put({ type: "float32", shape: [2 ** 28], data }));
  });
  check(
    task,
    "a value for which there is no memory is told as such",
    isFull(value),
    `${firstLine(value)} (after ${filled.length} GiB)`,
  );
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
  return error instanceof Error
    ? error.message.split("\n")[0]!.slice(0, 240)
    : "it was not refused";
}
