/** A process that has stood still knows it before it writes anything. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Worker } from "node:worker_threads";
import { silenceMs } from "../../src/ranks/peer.js";
import { filesWhile, Pulse, standstillMs } from "../../src/ranks/pulse.js";
import { temporaryFolder } from "../data/temporary-folder.js";

/** A pulse by a clock that the test sets, as two threads have it; the second does not wait for the others' word. */
function trial() {
  const clock = { ms: 1e6 };
  const now = () => clock.ms;
  const given = new Pulse(undefined, now);
  return { clock, given, seen: new Pulse(given.memory, now, 0) };
}

test("a pulse that was given in time is seen by another thread", () => {
  const { clock, given, seen } = trial();
  assert.equal(seen.stopped, false, "before the first, which a busy machine may keep waiting");
  for (let i = 0; i < 5; i++) {
    given.give();
    clock.ms += standstillMs - 1;
    assert.equal(seen.stopped, false);
  }
});

test("after a pause there is none any more, once somebody has waited in vain or the others have said so", () => {
  for (const says of [true, false]) {
    const { clock, given, seen } = trial();
    given.give();
    clock.ms += standstillMs + 1;
    assert.equal(given.paused, true);
    assert.equal(given.over, false);
    if (says) given.stop();
    assert.equal(seen.stopped, true);
    assert.equal(given.over, true);
    given.give();
    assert.equal(seen.stopped, true);
  }
});

test("after a pause it is given again where the others have not gone on, and who looks waits for that", async () => {
  const given = new Pulse();
  given.give();
  const script = `
    const { parentPort, workerData } = require("node:worker_threads");
    import(workerData.module).then(({ Pulse, standstillMs }) => {
      let late = 0;
      const { uptime } = require("node:os");
      const now = () => 1000 * uptime() + (late++ === 0 ? standstillMs + 1000 : 0);
      parentPort.postMessage("looks");
      parentPort.postMessage(new Pulse(workerData.memory, now, 60_000).stopped);
    });`;
  const module = new URL("../../src/ranks/pulse.js", import.meta.url).href;
  const worker = new Worker(script, { eval: true, workerData: { module, memory: given.memory } });
  await once(worker, "message");
  const answer = once(worker, "message");
  let told = false;
  answer.then(() => {
    told = true;
  });
  await sleep(300);
  assert.equal(told, false);
  given.give();
  assert.deepEqual(await answer, [false]);
});

test("one that is given on beside nobody ends by a pause", () => {
  const { clock, given, seen } = trial();
  given.giveOn();
  clock.ms += standstillMs - 1;
  given.giveOn();
  assert.equal(seen.stopped, false);
  clock.ms += standstillMs + 1;
  given.giveOn();
  assert.equal(given.over, true);
});

test("a process knows that it stood still before the others give it up", () => {
  assert.ok(standstillMs < silenceMs);
});

test("a file that was begun before the pause is not written to after it", async (t) => {
  const folder = await temporaryFolder(t);
  const { clock, given, seen } = trial();
  given.give();
  const files = filesWhile(seen);
  const file = await files.create(join(folder, "a"));
  await file.write(Buffer.from("before"));
  clock.ms += standstillMs + 1;
  const stoodStill = /stood still/;
  await assert.rejects(file.write(Buffer.from("after")), stoodStill);
  await assert.rejects(files.rename(join(folder, "a"), join(folder, "b")), stoodStill);
  await assert.rejects(files.create(join(folder, "c")), stoodStill);
  await assert.rejects(files.remove(join(folder, "a")), stoodStill);
  await file.close();
  assert.equal(readFileSync(join(folder, "a"), "utf8"), "before");
  assert.equal(existsSync(join(folder, "b")) || existsSync(join(folder, "c")), false);
});
