/** A process that has stood still knows it before it writes anything. */
import assert from "node:assert/strict";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { silenceMs } from "../../src/ranks/peer.js";
import { filesWhile, Pulse, standstillMs } from "../../src/ranks/pulse.js";
import { temporaryFolder } from "../data/temporary-folder.js";

/** A pulse by a clock that the test sets, as two threads have it. */
function trial() {
  const clock = { ms: 1e6 };
  const now = () => clock.ms;
  const given = new Pulse(undefined, now);
  return { clock, given, seen: new Pulse(given.memory, now) };
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

test("after a pause there is none any more, whoever looks first", () => {
  for (const looks of [true, false]) {
    const { clock, given, seen } = trial();
    given.give();
    clock.ms += standstillMs + 1;
    if (looks) assert.equal(seen.stopped, true);
    given.give();
    assert.equal(seen.stopped, true);
    given.give();
    assert.equal(given.stopped, true);
  }
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
