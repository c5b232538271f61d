/** Losses, gradients in the highest precision against float64, and bfloat16 against both. */
import type { PjrtClient } from "../../src/engine/pjrt/client.js";
import type { Session } from "../../src/engine/session.js";
import { pjrtDevice } from "../../src/engine/xla/pjrt-device.js";
import { flagsFor } from "../../src/engine/xla/xla-flags.js";
import { XlaSession } from "../../src/engine/xla/xla-session.js";
import type { FloatArray } from "./made-values.js";
import { sessionLosses } from "./session-losses.js";
import { graphOf, openClient, RunningStep, type StepRequest } from "./step.js";
import { check, compileStep, megabytes, note, type PartTask } from "./task.js";

const types = ["float64", "float32", "bfloat16"] as const;

interface Run {
  readonly losses: readonly number[];
  /** After the first step momentum is the gradient. */
  readonly gradients: readonly FloatArray[];
}

export async function correct(task: PartTask): Promise<void> {
  const client = openClient(task.plugin, task.gpu);
  const { kind, memoryBytes } = client.devices[0]!;
  note(
    task,
    `${client.platform}, ${client.version.split("\n")[0]}, API ${client.api}, ${kind}, ${megabytes(memoryBytes ?? 0)}`,
  );
  const run = async (type: (typeof types)[number]) =>
    runOf(client, task, { ...task.request, type });
  const [exact, single, half] = [await run("float64"), await run("float32"), await run("bfloat16")];
  const near = (what: string, value: number, most: number) =>
    check(task, what, value <= most, `${value.toExponential(1)}, at most ${most}`);
  if (task.losses !== undefined) {
    near("float32 losses are the CPU engine's", difference(single.losses, task.losses), 2e-3);
    near("float64 losses are the CPU engine's", difference(exact.losses, task.losses), 2e-3);
    const request = { ...task.request, type: "float32" } as const;
    const losses = await sessionLosses(await productSession(client, request), request);
    near(
      "losses of the product's session are the CPU engine's",
      difference(losses, task.losses),
      2e-3,
    );
  }
  near("float32 gradients are those of float64", apart(single.gradients, exact.gradients), 3e-2);
  const cosine = cosineOf(half.gradients, exact.gradients);
  check(
    task,
    "bfloat16 gradients point where those of float64 do",
    cosine >= 0.9,
    `cosine ${cosine.toFixed(4)}, at least 0.9`,
  );
  near(
    "bfloat16's first loss is near float64's",
    difference(half.losses.slice(0, 1), exact.losses),
    0.02,
  );
  note(
    task,
    `bfloat16's five losses are within ${difference(half.losses, exact.losses).toExponential(1)} of float64's`,
  );
}

async function runOf(client: PjrtClient, task: PartTask, request: StepRequest): Promise<Run> {
  const { lowered, program, seconds } = await compileStep(client, task, request);
  const step = await RunningStep.start(client, lowered, program);
  const before = step.donated();
  const losses = [(await step.result())[0]!];
  const gradients: FloatArray[] = [];
  for (const { name } of lowered.cells)
    if (name.startsWith("momentum/")) gradients.push(await step.state(name));
  for (let i = 1; i < 5; i++) losses.push((await step.result())[0]!);
  note(
    task,
    `${request.type}: losses ${losses.map((x) => x.toFixed(5)).join(" ")}; compiled in ${seconds.toFixed(1)} s`,
  );
  if (request.type === "float32") {
    const bytes = gradients.reduce((sum, { byteLength }) => sum + 2 * byteLength, 0);
    const { aliased } = step.memory();
    check(
      task,
      "the state's memory is used again",
      aliased >= bytes,
      `${megabytes(aliased)} of ${megabytes(bytes)}`,
    );
    const gone = await Promise.allSettled(before.map((buffer) => buffer.read()));
    check(
      task,
      "what was donated cannot be read",
      gone.every(({ status }) => status === "rejected"),
      `${before.length} values`,
    );
  }
  step.drop();
  program.close();
  return { losses, gradients };
}

/** The session that training uses, without a host's part. */
async function productSession(client: PjrtClient, request: StepRequest): Promise<Session> {
  const host: Session = {
    run: () => Promise.reject(new Error("there is nothing for the host to do")),
    close: () => {},
  };
  const device = pjrtDevice(client, [0], (text) =>
    client.compile(text, { flags: flagsFor(client.platform) }),
  );
  return new XlaSession(await graphOf(request), host, device, { precision: "HIGHEST" });
}

/** The largest relative difference; of small values, of 0.05. */
function difference(values: readonly number[], expected: readonly number[]): number {
  const relative = values.map(
    (x, i) => Math.abs(x - expected[i]!) / Math.max(Math.abs(expected[i]!), 0.05),
  );
  return Math.max(...relative);
}

/** The length of the difference, of the expected one's. */
function apart(values: readonly FloatArray[], expected: readonly FloatArray[]): number {
  const whole = Math.sqrt(product(expected, expected));
  const differences = values.map((list, i) =>
    Float64Array.from(list, (x, j) => x - expected[i]![j]!),
  );
  return Math.sqrt(product(differences, differences)) / whole;
}

function cosineOf(values: readonly FloatArray[], expected: readonly FloatArray[]): number {
  return (
    product(values, expected) / Math.sqrt(product(values, values) * product(expected, expected))
  );
}

function product(a: readonly FloatArray[], b: readonly FloatArray[]): number {
  let sum = 0;
  a.forEach((list, i) => {
    const other = b[i]!;
    for (let j = 0; j < list.length; j++) sum += list[j]! * other[j]!;
  });
  return sum;
}
