/** TensorBoard's event file: the bytes that its own writer makes, and each step once whatever stopped a run. */
import assert from "node:assert/strict";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { beginEventFile, framed } from "../../src/record/tensorboard/event-file.js";
import {
  hyperparametersValue,
  imageValue,
  restartEvent,
  scalarValue,
  summaryEvent,
  textValue,
  versionEvent,
} from "../../src/record/tensorboard/event-messages.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { trainTiny } from "../run/tiny-training.js";
import { curveOf, readEvents } from "./event-reader.js";

const time = new Date(1_500_000_000_500);
const first = { step: 0, time };

test("events are, to the byte, what TensorBoard 2.21's RecordWriter makes of them", () => {
  const png = Buffer.from("\x89PNG", "latin1");
  const events = {
    "1800000000000000a37f4b2209000020c00b5ad6411a0d627261696e2e4576656e743a320be205f7":
      versionEvent(time),
    "0d000000000000003c37b83409000020c00b5ad6413a0208012db395fd": restartEvent(first),
    "3200000000000000241956ec09000020c00b5ad64110ac022a240a110a0a747261696e2f6c6f737315cdcccc3d0a0f0a0876616c2f746f7031150000403f386121c0":
      summaryEvent({ step: 300, time }, [
        scalarValue("train/loss", 0.1),
        scalarValue("val/top1", 0.75),
      ]),
    "4700000000000000bac3fb9b09000020c00b5ad64110072a3a0a380a0f747261696e696e675f696d6167657342140807120412020803420133420132420489504e474a0f0a080a06696d616765731a03486f771a2e57cc":
      summaryEvent({ step: 7, time }, [
        imageValue("training_images", { height: 2, width: 3, png, description: "How" }),
      ]),
    "2d000000000000003c418afb09000020c00b5ad6412a220a200a06636f6e666967420a0807120042046120c3a94a0a0a060a047465787420024c597725":
      summaryEvent(first, [textValue("config", "a é")]),
    "6300000000000000b16b13d909000020c00b5ad6412a580a560a1c5f68706172616d735f2f73657373696f6e5f73746172745f696e666f42060801120212004a2e0a2a0a0768706172616d73121f1a1d0a120a056261746368120911000000000000804029000020c00b5ad641200290cbad4f":
      summaryEvent(first, [hyperparametersValue({ batch: 512 }, time)]),
  };
  for (const [hex, event] of Object.entries(events))
    assert.equal(Buffer.from(framed(event)).toString("hex"), hex);
});

test("a new file comes after the older ones and takes their place; others' files stay", async (t) => {
  const folder = await temporaryFolder(t);
  const others = ["events.out.tfevents.1500000000.host.77.0", "notes.txt"];
  for (const name of others) await writeFile(join(folder, name), name);
  const begin = async () => {
    const file = await beginEventFile(folder, [versionEvent(time)], time);
    file.append(restartEvent(first));
    file.close();
    return (await readdir(folder)).filter((name) => !others.includes(name));
  };
  // Within a second, and with a clock that was put back.
  const names = [await begin(), await begin(), await begin()].map(([name, ...more]) => {
    assert.deepEqual(more, []);
    return name!;
  });
  assert.deepEqual(names.toSorted(), names);
  assert.equal(new Set(names).size, 3);
  const both = [versionEvent(time), restartEvent(first)].map((event) => framed(event));
  assert.deepEqual(await readFile(join(folder, names.at(-1)!)), Buffer.concat(both));
});

test("what is under way has no name that TensorBoard would read, and a failure leaves the older file", async (t) => {
  const folder = await temporaryFolder(t);
  (await beginEventFile(folder, [versionEvent(time)], time)).close();
  const before = await readdir(folder);
  const seen: string[] = [];
  const failing = (function* () {
    yield versionEvent(time);
    throw new Error("a full disk");
  })();
  // The pieces are drawn while the file is open.
  const looking = (async function look() {
    for (let i = 0; i < 50; i++) seen.push(...(await readdir(folder)));
  })();
  await assert.rejects(beginEventFile(folder, failing, time), /a full disk/);
  await looking;
  assert.deepEqual(await readdir(folder), before);
  assert.deepEqual([...new Set(seen.filter((name) => name.includes("tfevents")))], before);
});

test("each step and evaluation is there once, wherever a run was stopped", async (t) => {
  const path = join(await temporaryFolder(t), "run");
  const changes = { evalEvery: 6, evalFirst: true };
  for (const place of [0, 2, 6, 11]) await trainTiny(path, changes, place);
  // Steps beyond the last checkpoint, which a killed run would have left.
  const metrics = join(path, "metrics.jsonl");
  const beyond = '{"time":"2026-01-01T00:00:00.000Z","step":11,"loss":9,"lr":1,"step_ms":1}\n{"ti';
  await writeFile(metrics, (await readFile(metrics, "utf8")) + beyond);
  await trainTiny(path, changes);

  const rows = (await readFile(metrics, "utf8")).trimEnd().split("\n");
  const parsed = rows.map((row) => JSON.parse(row) as Record<string, number>);
  const events = await readEvents(path);
  assert.deepEqual(
    events
      .slice(0, 3)
      .map(({ fileVersion, restart, values }) => [fileVersion, restart, [...values.keys()]]),
    [
      ["brain.Event:2", false, []],
      [undefined, true, []],
      [undefined, false, ["config", "_hparams_/session_start_info"]],
    ],
  );
  const steps = parsed.filter(({ step }) => step !== undefined);
  const float = Math.fround;
  const of = (name: string) => steps.map((row) => [row["step"], float(row[name]!)]);
  assert.equal(steps.length, 20);
  assert.deepEqual(curveOf(events, "train/loss"), of("loss"));
  assert.deepEqual(curveOf(events, "train/learning_rate"), of("lr"));
  assert.deepEqual(
    curveOf(events, "train/images_per_second"),
    steps.map((row) => [row["step"], float(8000 / row["step_ms"]!)]),
  );
  const validations = parsed.filter((row) => "validation" in row);
  assert.deepEqual(
    curveOf(events, "val/top1"),
    validations.map(({ val_top1 }, i) => [[0, 6, 12, 18, 20][i], float(val_top1!)]),
  );
  // 0.95 of the mean so far, and the weights of all values add up to one.
  let [sum, weights] = [0, 0];
  const smoothed = steps.map(({ step, loss }) => {
    [sum, weights] = [0.95 * sum + loss!, 0.95 * weights + 1];
    return [step, sum / weights] as const;
  });
  for (const [i, [step, value]] of curveOf(events, "train/loss_smoothed").entries()) {
    assert.equal(step, smoothed[i]![0]);
    // float32's rounding.
    assert.ok(Math.abs(value - smoothed[i]![1]) < 1e-6);
  }
  // Those of evaluations before a stop are kept.
  const pictured = events.filter(({ values }) => values.has("val/confusion_matrix"));
  assert.deepEqual(
    pictured.map(({ step }) => step),
    [0, 6, 12, 18, 20],
  );
  const once = ["training_images", "_hparams_/session_end_info"];
  for (const tag of once)
    assert.equal(events.filter(({ values }) => values.has(tag)).length, 1, tag);
});
