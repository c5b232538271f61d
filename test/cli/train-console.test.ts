/** What people see of a run: one bar at any width, which no line tears, and plain lines elsewhere. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { barLine } from "../../src/cli/bar.js";
import { eventLine } from "../../src/cli/json-lines.js";
import { TrainConsole } from "../../src/cli/train-console.js";
import type { StepEvent } from "../../src/record/run-events.js";
import { settings } from "../run/tiny-training.js";
import { screenOf } from "./screen.js";

const step = (number: number): StepEvent => ({
  ...{ type: "step", step: number, loss: 0.5, lr: 0.003, elapsedMs: 100 },
  ...{ totalSteps: 500, startStep: 0 },
});
const config = { ...settings, batch: 32, trainSize: 640, data: { labels: "", images: "" } };

test("what is left out of a narrow line is what matters least", () => {
  const state = {
    share: 0.25,
    pieces: [
      { text: "125/500", rank: 9 },
      { text: "epoch 6.3", rank: 2 },
      { text: "loss 0.5123", rank: 7 },
      { text: "lr 3.0e-03", rank: 3 },
      { text: "320 images/s", rank: 4 },
      { text: "1 min 20 s left", rank: 8 },
    ],
  };
  const lines = [8, 20, 40, 60, 80, 200].map((columns) => barLine(state, columns));
  assert.deepEqual(lines, [
    "125/500",
    "###-------  125/500",
    "125/500  loss 0.5123  1 min 20 s left",
    "##----  125/500  loss 0.5123  320 images/s  1 min 20 s left",
    "####----------  125/500  loss 0.5123  lr 3.0e-03  320 images/s  1 min 20 s left",
    "######------------------  125/500  epoch 6.3  loss 0.5123  lr 3.0e-03  320 images/s  1 min 20 s left",
  ]);
});

for (const columns of [20, 40, 80, 200])
  test(`a terminal of ${columns} columns: one bar, and whole lines above it`, async () => {
    const screen = screenOf(columns);
    const line = (text: string) => void screen.terminal.write(`${text}\n`);
    const shown = new TrainConsole({ place: { line, terminal: screen.terminal } });
    const last = () => screen.rows().at(-1)!;
    try {
      shown.event({ type: "start", device: "a CPU", config });
      for (let i = 0; i < 3; i++) shown.event(step(i));
      await sleep(300);
      assert.match(last(), /(^| )3\/500( |$)/);
      shown.event({ type: "note", level: "info", text: "a line" });
      await sleep(300);
      assert.match(last(), /(^| )3\/500( |$)/);
      shown.event({ type: "evaluating", done: 8, total: 96 });
      await sleep(300);
      shown.event({ type: "evaluating", done: 16, total: 96 });
      await sleep(300);
      assert.match(last(), columns > 20 ? /^evaluating {2}.*16\/96 images/ : /16\/96 images/);
      const result = { loss: 0.25, top1: 0.5, top5: 1, count: 96 };
      shown.event({ type: "validation", at: 3, ...result });
      for (const more of [497, 498, 499]) shown.event(step(more));
      shown.line("Done");
    } finally {
      shown.close();
    }
    await sleep(300);
    const told = ["a line", "Validation@3 loss 0.25000, top1 50.00%, top5 100.00%", "Done"];
    // A terminal breaks what it has no room for.
    const broken = told.flatMap((text) => text.match(new RegExp(`.{1,${columns}}`, "g"))!);
    assert.deepEqual(
      screen.rows().filter((row) => row !== ""),
      broken.map((row) => row.trimEnd()),
    );
  });

test("a wide bar has all of it", async () => {
  const screen = screenOf(200);
  const shown = new TrainConsole({ place: { line: () => undefined, terminal: screen.terminal } });
  try {
    shown.event({ type: "start", device: "a CPU", config });
    shown.event(step(0));
    shown.event(step(99));
    await sleep(300);
    const [row] = screen.rows();
    assert.match(
      row!,
      /^#{5}-{19} {2}100\/500 {2}epoch 5\.0 {2}loss 0\.5000 {2}lr 3\.0e-03 {2}320 images\/s {2}\d+ s left$/,
    );
  } finally {
    shown.close();
  }
});

test("elsewhere lines are plain", () => {
  const lines: string[] = [];
  const place = { line: (text: string) => void lines.push(text), terminal: undefined };
  const shown = new TrainConsole({ place });
  try {
    for (const i of [0, 1, 499]) shown.event(step(i));
    shown.event({ type: "evaluating", done: 8, total: 96 });
  } finally {
    shown.close();
  }
  assert.equal(lines.length, 2);
  // A step that was quick says nothing by its first time, which is that of its beginning.
  assert.equal(lines[0], "[step 0]: loss=0.50000 (lr=3.0e-03) 1/500");
  assert.match(lines[1]!, /^\[step 499\]: .* 500\/500, 0 s left$/);
});

test("what is left is told by the steps after the first, by that one alone where it is long", () => {
  const first = (elapsedMs: number, totalSteps = 500) => {
    const lines: string[] = [];
    const place = { line: (text: string) => void lines.push(text), terminal: undefined };
    const shown = new TrainConsole({ place });
    shown.event({ ...step(0), elapsedMs, totalSteps });
    shown.close();
    return lines[0]!;
  };
  assert.match(first(250), / 1\/500$/);
  assert.match(first(60_000), / 1\/500, 8 h 19 min left$/);
  assert.match(first(250, 1), / 1\/1, 0 s left$/);
});

test("the second step's bar does not count the first", async () => {
  const screen = screenOf(200);
  const shown = new TrainConsole({ place: { line: () => undefined, terminal: screen.terminal } });
  try {
    shown.event({ type: "start", device: "a CPU", config });
    // A first step whose time, for the other 498, would be over an hour.
    shown.event({ ...step(0), elapsedMs: 9_000 });
    shown.event(step(1));
    await sleep(300);
    assert.match(screen.rows()[0]!, / {2}2\/500 .* left$/);
    assert.doesNotMatch(screen.rows()[0]!, / h /);
  } finally {
    shown.close();
  }
});

test("after a run began again with smaller parts, only steps since then tell what is left", async () => {
  const screen = screenOf(200);
  const shown = new TrainConsole({ place: { line: () => undefined, terminal: screen.terminal } });
  try {
    shown.event({ type: "start", device: "a CPU", config });
    shown.event(step(0));
    await sleep(300);
    // Since the first step of all, 398 such pairs would be two minutes.
    for (const number of [100, 101]) shown.event({ ...step(number), startStep: 100 });
    await sleep(300);
    assert.match(screen.rows()[0]!, / {2}102\/500 .* left$/);
    assert.doesNotMatch(screen.rows()[0]!, / min /);
  } finally {
    shown.close();
  }
});

test("an event's line is JSON: pictures without their bytes, no number that is not finite", () => {
  const time = new Date(0);
  const png = Uint8Array.of(1, 2);
  const about = { about: "start", title: "t" } as const;
  const picture = { type: "picture", ...about, step: 0, width: 2, height: 3, png } as const;
  assert.equal(
    eventLine(picture, time),
    '{"time":"1970-01-01T00:00:00.000Z","type":"picture","about":"start","title":"t","step":0,"width":2,"height":3}',
  );
  const { loss } = JSON.parse(eventLine({ ...step(1), loss: Number.NaN }, time));
  assert.equal(loss, null);
});
