/** The loop's order of events, on a session that computes nothing. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Dataset, Split } from "../../src/data/dataset.js";
import type { HostTensor } from "../../src/engine/session.js";
import { UserError } from "../../src/errors.js";
import { alone } from "../../src/ranks/rank-place.js";
import type { TrainProgram } from "../../src/step/program.js";
import { type TrainOutcome, type TrainStart, train } from "../../src/train/train.js";
import type { TrainPlan } from "../../src/train/train-plan.js";

function split(count: number): Split {
  const pixels = new Uint8Array(3 * count);
  return { images: { kind: "pixels", pixels, height: 1, width: 1 }, labels: new Int32Array(count) };
}

const dataset: Dataset = {
  ...{ name: "made", classNames: ["a"], typicalSize: [1, 1] },
  ...{ train: split(4), val: split(4) },
};

const plan: TrainPlan = {
  ...{ seed: 0, batch: 2, split: 1, baseLr: 0.1, schedule: [1, 2, 3, 4, 6], mixupAlpha: undefined },
  ...{
    resolution: { precrop: 1, crop: 1 },
    flip: true,
    evalBatch: 2,
    evalEvery: 2,
    saveEvery: undefined,
  },
};

interface Trial {
  readonly start?: TrainStart;
  readonly changes?: Partial<TrainPlan>;
  /** Called in each step. */
  readonly stepping?: () => void;
  /** Called in each batch of an evaluation. */
  readonly evaluating?: () => void;
  readonly signal?: AbortSignal;
  readonly evalLoss?: number;
}

/** Trains; returns what the loop told, in order: `step 0`, `save 2`, `validation 2`, ... */
async function trial({ start, changes, stepping, evaluating, signal, evalLoss = 1 }: Trial) {
  const fetched = (name: string): HostTensor => {
    if (name === "eval/top") return { type: "int32", shape: [2, 1], data: new Int32Array(2) };
    const data = new Float32Array(2).fill(name === "eval/loss" ? evalLoss : 0.5);
    return { type: "float32", shape: [2], data };
  };
  const run = async (_: unknown, fetches: readonly string[]) => {
    if (fetches[0] === "eval/loss") evaluating?.();
    if (fetches[0] === "train/step") stepping?.();
    return fetches.map(fetched);
  };
  const pipelines = new Map(
    (["train", "val"] as const).map((part) => {
      const name = `${part}_images`;
      return [name, { name, split: dataset[part], resident: false }];
    }),
  );
  const session = { run, close: () => undefined };
  const program = { session, pipelines, place: alone } as unknown as TrainProgram;
  const events: string[] = [];
  const observer = {
    step: ({ step }: { readonly step: number }) => void events.push(`step ${step}`),
    validation: (at: number | "end") => void events.push(`validation ${at}`),
    save: async (steps: number) => void events.push(`save ${steps}`),
    interrupted: () => false,
    signal,
  };
  const from = start ?? { step: 0, evaluated: false };
  const outcome = await train(program, dataset, { ...plan, ...changes }, from, observer).catch(
    (error: unknown) => error,
  );
  return { events, outcome: outcome as TrainOutcome, error: outcome };
}

test("a state is saved before it is evaluated", async () => {
  const { events, outcome } = await trial({});
  const expected =
    "step 0, step 1, save 2, validation 2, step 2, step 3, save 4, validation 4, " +
    "step 4, step 5, save 6, validation end";
  assert.equal(events.join(", "), expected);
  assert.deepEqual([outcome.steps, outcome.saved, outcome.validation?.count], [6, 6, 4]);
});

test("a stop ends an evaluation after its batch; it is made when the run goes on", async () => {
  for (const [at, before] of [
    [1, "step 0, step 1, save 2"],
    [
      5,
      "step 0, step 1, save 2, validation 2, step 2, step 3, save 4, validation 4, step 4, step 5, save 6",
    ],
  ] as const) {
    const stop = new AbortController();
    let batches = 0;
    const { events, outcome } = await trial({
      signal: stop.signal,
      evaluating: () => {
        if (++batches === at) stop.abort(new Error("stopped"));
      },
    });
    assert.equal(events.join(", "), before);
    const steps = at === 1 ? 2 : 6;
    assert.deepEqual([outcome.steps, outcome.saved, outcome.validation], [steps, steps, undefined]);
    assert.equal(batches, at);
  }
  const goOn = async (step: number, evaluated: boolean) =>
    (await trial({ start: { step, evaluated } })).events.slice(0, 2).join(", ");
  assert.equal(await goOn(2, false), "validation 2, step 2");
  assert.equal(await goOn(2, true), "step 2, step 3");
  assert.equal(await goOn(3, false), "step 3, save 4", "none was due");
  assert.equal(await goOn(6, false), "validation end");
});

test("a run saves when so many minutes have passed since the last time", async (t) => {
  let nowMs = 0;
  t.mock.method(performance, "now", () => nowMs);
  // Steps of half a minute.
  const stepping = () => {
    nowMs += 30_000;
  };
  const { events } = await trial({
    changes: { saveMinutes: 1, evalEvery: undefined },
    stepping,
  });
  const saves = events.filter((event) => event.startsWith("save"));
  assert.deepEqual(saves, ["save 2", "save 4", "save 6"]);
  nowMs = 0;
  const rarely = await trial({ changes: { saveMinutes: 60, evalEvery: undefined }, stepping });
  assert.deepEqual(
    rarely.events.filter((event) => event.startsWith("save")),
    ["save 6"],
  );
});

test("a run beyond the steps that are asked of it is at its end", async () => {
  const { events, outcome } = await trial({ start: { step: 9, evaluated: true } });
  assert.deepEqual(events, ["validation end"]);
  assert.deepEqual([outcome.steps, outcome.saved, outcome.validation?.count], [9, 9, 4]);
});

test("a validation whose loss is not finite stops the run at its step", async () => {
  for (const [evalEvery, step] of [
    [4, 4],
    [undefined, 6],
  ] as const) {
    const { events, error } = await trial({ changes: { evalEvery }, evalLoss: Number.NaN });
    assert.equal(events.at(-1), `save ${step}`);
    assert.ok(error instanceof UserError, String(error));
    assert.equal(error.where, `step ${step}`);
    assert.match(error.got, /the loss of the validation is NaN/);
  }
});
