/** One part of the check in a process of its own: `node part.js '{"part": ..., ...}'`. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, dirname } from "node:path";
import { costAhead, dumpPrograms, readDump } from "./ahead.js";
import { type Figure, tell } from "./finding.js";
import { channelsFirst } from "./hlo-traffic.js";
import { timeWindows } from "./measure.js";
import {
  type Client,
  floats,
  lowerStep,
  openClient,
  RunningStep,
  type StepRequest,
} from "./step.js";

/** What a part is told. */
export interface PartTask {
  readonly part: "correct" | "compile" | "speed" | "limits" | "ahead";
  readonly name: string;
  readonly plugin: string;
  readonly gpu: boolean;
  readonly request: StepRequest;
  /** Where the compiled program is kept. */
  readonly kept?: string;
  /** Where XLA writes what it made of the program. */
  readonly dump?: string;
  readonly setting?: string;
  /** Losses of the CPU's engine. */
  readonly losses?: readonly number[];
  readonly norms?: Readonly<Record<string, number>>;
  /** The card's description, where it is not there. */
  readonly target?: string;
}

const task = JSON.parse(process.argv[2]!) as PartTask;
const part = task.name;
const check = (what: string, ok: boolean, detail: string) =>
  tell({ kind: "check", part, what, ok, detail });
const note = (text: string) => tell({ kind: "note", part, text });

function figure(values: Partial<Figure>): void {
  const { model, mode, batch, size, type, remat } = task.request;
  const setting = `${task.setting ?? "default"}${remat ? ", remat" : ""}`;
  tell({
    ...{ kind: "figure", part, side: "bit-train", setting, ms: [] },
    ...{ model, mode, batch, size, type },
    ...values,
  });
}

async function compiled(client: Client, request: StepRequest, kept?: string) {
  const lowered = await lowerStep(request);
  const start = performance.now();
  const program = await RunningStep.compile(client, lowered);
  const seconds = (performance.now() - start) / 1000;
  if (kept !== undefined) {
    const bytes: Uint8Array = await program.serialize();
    mkdirSync(dirname(kept), { recursive: true });
    writeFileSync(kept, bytes);
    if (task.dump !== undefined) writeFileSync(`${kept}.mlir`, lowered.text);
    writeFileSync(
      `${kept}.json`,
      JSON.stringify({ seconds, inputs: lowered.inputs, state: lowered.state }),
    );
  }
  return { lowered, program, seconds };
}

/** Losses, gradients in the highest precision against float64, and bfloat16 against both. */
async function correct(): Promise<void> {
  const client = openClient(task.plugin, task);
  note(`${client.platform}, ${client.version.slice(0, 60)}, API ${client.api}`);
  const state = new Map<string, (Float32Array | Float64Array)[]>();
  const losses = new Map<string, number[]>();
  for (const type of ["float64", "float32", "bfloat16"] as const) {
    const { lowered, program, seconds } = await compiled(client, { ...task.request, type });
    const step = await RunningStep.start(client, lowered, program);
    const values = [(await step.result())[0]!];
    const gradients = [];
    for (const input of lowered.inputs.slice(0, lowered.state)) {
      if (!input.name.startsWith("momentum/")) continue;
      gradients.push(floats(await step.variable(input.name).read(), input.type));
    }
    for (let i = 1; i < 5; i++) values.push((await step.result())[0]!);
    state.set(type, gradients);
    losses.set(type, values);
    note(
      `${type}: losses ${values.map((x) => x.toFixed(5)).join(" ")}; compiled in ${seconds.toFixed(1)} s`,
    );
    if (type === "float32") donation(step, lowered);
    step.drop();
  }
  const apart = (a: string, b: string) => difference(losses.get(a)!, losses.get(b)!);
  const { losses: expected } = task;
  if (expected !== undefined) {
    const d = difference(losses.get("float32")!, expected);
    check(
      "float32 losses are the CPU engine's",
      d < 2e-3,
      `relative difference ${d.toExponential(1)}, at most 2e-3`,
    );
    const d64 = difference(losses.get("float64")!, expected);
    check(
      "float64 losses are the CPU engine's",
      d64 < 2e-3,
      `relative difference ${d64.toExponential(1)}, at most 2e-3`,
    );
  }
  const first = relative(state.get("float32")!, state.get("float64")!);
  check(
    "float32 gradients are those of float64",
    first < 3e-2,
    `relative difference ${first.toExponential(1)}, at most 3e-2`,
  );
  const half = cosine(state.get("bfloat16")!, state.get("float64")!);
  check(
    "bfloat16 gradients point where those of float64 do",
    half > 0.9,
    `cosine ${half.toFixed(4)}, at least 0.9`,
  );
  const start = Math.abs(losses.get("bfloat16")![0]! / losses.get("float64")![0]! - 1);
  check(
    "bfloat16's first loss is near float64's",
    start < 0.02,
    `${start.toExponential(1)}, at most 0.02; all five ${apart("bfloat16", "float64").toExponential(1)}`,
  );
}

function donation(
  step: RunningStep,
  lowered: { inputs: readonly { shape: readonly number[] }[]; state: number },
): void {
  const bytes = lowered.inputs
    .slice(0, lowered.state)
    .reduce((sum, { shape }) => sum + 4 * shape.reduce((a, b) => a * b, 1), 0);
  const { aliased } = step.memory();
  check("the state's memory is used again", aliased >= bytes, `${mb(aliased)} of ${mb(bytes)}`);
}

async function compileOnly(): Promise<void> {
  if (task.dump !== undefined) {
    mkdirSync(task.dump, { recursive: true });
    dumpPrograms(task.dump);
  }
  const client = openClient(task.plugin, task);
  const { program, seconds } = await compiled(client, task.request, task.kept);
  const cost = task.dump === undefined ? undefined : readDump(task.dump);
  if (cost !== undefined) {
    writeFileSync(
      `${task.kept}.cost.json`,
      JSON.stringify({ kernels: cost.kernels, trafficBytes: cost.trafficBytes }),
    );
    note(kindsOf(cost.kinds));
  }
  const { temporary, arguments: args } = program.memory();
  note(`compiled in ${seconds.toFixed(1)} s, temporaries ${mb(temporary)}, arguments ${mb(args)}`);
}

/** From the kept program where there is one, as a second start has it. */
async function speed(): Promise<void> {
  const began = performance.now();
  const client = openClient(task.plugin, task);
  const lowered = await lowerStep(task.request);
  let program: any;
  let compileSeconds: number | undefined;
  const kept = readIf(task.kept);
  const loading = performance.now();
  if (kept !== undefined) {
    program = await RunningStep.load(client, lowered, kept);
    compileSeconds = JSON.parse(readFileSync(`${task.kept}.json`, "utf8")).seconds;
    note(
      `${basename(task.kept!)}: ${mb(kept.length)}, loaded in ${((performance.now() - loading) / 1000).toFixed(2)} s`,
    );
  } else {
    ({ program, seconds: compileSeconds } = await compiled(client, task.request, task.kept));
  }
  const step = await RunningStep.start(client, lowered, program);
  await step.result();
  const firstSeconds = process.uptime();
  if (kept !== undefined) {
    note(
      `first step ${firstSeconds.toFixed(2)} s after the process began, ${((performance.now() - began) / 1000).toFixed(2)} s of them after Node and its modules`,
    );
  }
  const times = await timeWindows(step);
  const last = (await step.result())[0]!;
  const memory = step.memory();
  const cost = readIf(task.kept && `${task.kept}.cost.json`);
  const { kernels, trafficBytes } = cost ? JSON.parse(cost.toString()) : {};
  figure({
    ms: times.ms,
    enqueueMs: times.enqueueMs,
    compileSeconds,
    firstSeconds: kept === undefined ? undefined : firstSeconds,
    peakBytes: memory.arguments + memory.temporary + memory.outputs - memory.aliased,
    temporaryBytes: memory.temporary,
    kernels,
    trafficBytes,
    lastResult: last,
  });
  check("the last result is a number", Number.isFinite(last), String(last));
  if (task.request.mode !== "train" || task.setting !== undefined) return;
  const input = lowered.inputs[lowered.state]!;
  const images = new Float32Array(input.shape.reduce((a, b) => a * b, 1)).fill(0.25);
  const start = performance.now();
  for (let i = 0; i < times.steps; i++) {
    await step.bring(images);
    (await step.run()).drop();
  }
  await step.result();
  note(
    `with a new batch of float32 images from the host before each step ${((performance.now() - start) / (times.steps + 1)).toFixed(2)} ms/step`,
  );
}

/** A card that is full says so, and the step runs again when there is room. */
async function limits(): Promise<void> {
  const client = openClient(task.plugin, task);
  const lowered = await lowerStep(task.request);
  const kept = readIf(task.kept);
  const program = kept
    ? await RunningStep.load(client, lowered, kept)
    : (await compiled(client, task.request)).program;
  const step = await RunningStep.start(client, lowered, program);
  const before = (await step.result())[0]!;
  const filled: { drop(): void }[] = [];
  const told = await refused(async () => {
    const gigabyte = new Float32Array(2 ** 28);
    for (let i = 0; i < 400; i++) {
      filled.push(await client.put({ type: "float32", shape: [2 ** 28], data: gigabyte }));
    }
  });
  check(
    "a value for which there is no memory is told as such",
    told?.outOfMemory === true,
    `${told?.message.slice(0, 200)} (after ${filled.length} GiB)`,
  );
  const ran = await refused(async () => {
    await step.result();
  });
  check(
    "a step for which there is no memory is told as such",
    ran?.outOfMemory === true,
    `${ran?.message.slice(0, 300)}`,
  );
  for (const buffer of filled) buffer.drop();
  if (ran === undefined) {
    const after = (await step.result())[0]!;
    check("then it runs again", Number.isFinite(after), `${before} before, ${after} after`);
    return;
  }
  // The state was donated to the step that failed: a user's run takes it from the host again.
  const again = await RunningStep.start(client, lowered, program);
  const after = (await again.result())[0]!;
  check(
    "then a new step runs",
    Math.abs(after - before) < 1e-2 * Math.abs(before),
    `${before} before, ${after} after`,
  );
}

/** The step for a card that is not there, within its bounds. */
async function ahead(): Promise<void> {
  const cost = await costAhead(task.plugin, task.target!, task.request);
  note(`compiled in ${cost.seconds.toFixed(1)} s; ${kindsOf(cost.kinds)}`);
  const gigabytes = cost.trafficBytes / 1e9;
  check("no scatter", cost.scatters === 0, `${cost.scatters}`);
  check(
    "channels last in every convolution",
    channelsFirst(cost).length === 0,
    [...cost.convolutions].map(([labels, n]) => `${labels}: ${n}`).join(", "),
  );
  check("temporaries of at most 1.7 GB", cost.temporaryBytes <= 1.7e9, mb(cost.temporaryBytes));
  check("traffic of at most 18 GB", gigabytes <= 18, `${gigabytes.toFixed(2)} GB`);
  check("at most 1300 kernels", cost.kernels <= 1300, `${cost.kernels}`);
}

function kindsOf(kinds: ReadonlyMap<string, { count: number; bytes: number }>): string {
  return [...kinds]
    .slice(0, 8)
    .map(([kind, { count, bytes }]) => `${count} x ${kind} ${(bytes / 1e9).toFixed(2)} GB`)
    .join(", ");
}

async function refused(
  work: () => Promise<void>,
): Promise<(Error & { outOfMemory?: boolean }) | undefined> {
  try {
    await work();
    return undefined;
  } catch (error) {
    return error as Error;
  }
}

function readIf(file: string | undefined): Buffer | undefined {
  if (file === undefined) return undefined;
  try {
    return readFileSync(file);
  } catch {
    return undefined;
  }
}

function difference(values: readonly number[], expected: readonly number[]): number {
  return Math.max(
    ...values.map((x, i) => Math.abs(x - expected[i]!) / Math.max(Math.abs(expected[i]!), 0.05)),
  );
}

function relative(
  values: readonly ArrayLike<number>[],
  expected: readonly ArrayLike<number>[],
): number {
  let apart = 0;
  let whole = 0;
  values.forEach((list, i) => {
    for (let j = 0; j < list.length; j++) {
      apart += (list[j]! - expected[i]![j]!) ** 2;
      whole += expected[i]![j]! ** 2;
    }
  });
  return Math.sqrt(apart / whole);
}

function cosine(
  values: readonly ArrayLike<number>[],
  expected: readonly ArrayLike<number>[],
): number {
  let [product, a, b] = [0, 0, 0];
  values.forEach((list, i) => {
    for (let j = 0; j < list.length; j++) {
      product += list[j]! * expected[i]![j]!;
      a += list[j]! ** 2;
      b += expected[i]![j]! ** 2;
    }
  });
  return product / Math.sqrt(a * b);
}

function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}

const parts = { correct, compile: compileOnly, speed, limits, ahead };
await parts[task.part]();
// What the plugin's threads still do is of no interest.
process.exit(0);
