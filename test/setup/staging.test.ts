import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdir, readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { ownerState, ownerTag } from "../../src/setup/owner.js";
import { makeTemporary, putInPlace, sweep, withLock } from "../../src/setup/staging.js";
import { temporaryFolder } from "./fakes.js";

/** The tag of a process that has ended: this host, a pid that is free again. */
function deadTag(): string {
  const { pid } = spawnSync(process.execPath, ["-e", ""]);
  return ownerTag().replace(/@.*/, `@${pid}@12345`);
}

test("owners: alive, dead, and another who has got the same pid", () => {
  assert.equal(ownerState(ownerTag()), "alive");
  assert.equal(ownerState(deadTag()), "dead");
  assert.equal(ownerState(ownerTag().replace(/\d+$/, "1")), "dead");
  assert.equal(ownerState("another-host@1@1"), "unknown");
  assert.equal(ownerState(""), "unknown");
});

test("the sweep takes what the dead left and nothing else", async (context) => {
  const engines = await temporaryFolder(context);
  const mine = await makeTemporary(engines, "tensorflow-1");
  const dead = join(engines, `.new-tensorflow-1@@${deadTag()}@@abc`);
  const replaced = join(engines, `.old-tensorflow-1@@${deadTag()}@@abc`);
  const foreign = join(engines, ".new-tensorflow-1@@another-host@7@7@@abc");
  const foreignOld = join(engines, ".new-tensorflow-1@@another-host@8@8@@abc");
  const engine = join(engines, "tensorflow-1");
  for (const folder of [dead, replaced, foreign, foreignOld, engine]) {
    await mkdir(join(folder, "engine/lib"), { recursive: true });
    await writeFile(join(folder, "engine/lib/part"), "half");
  }
  const twoDaysAgo = Date.now() / 1000 - 2 * 24 * 3600;
  await utimes(foreignOld, twoDaysAgo, twoDaysAgo);
  const swept = await sweep(engines);
  assert.deepEqual(
    swept.map((name) => join(engines, name)).sort(),
    [dead, replaced, foreignOld].sort(),
  );
  const left = (await readdir(engines)).map((name) => join(engines, name));
  assert.deepEqual(left.sort(), [mine, foreign, engine].sort());
});

test("putting in place replaces a folder that stands there", async (context) => {
  const engines = await temporaryFolder(context);
  for (const content of ["first", "second"]) {
    const made = join(await makeTemporary(engines, "tensorflow-1"), "engine");
    await mkdir(made);
    await writeFile(join(made, "engine.json"), content);
    const target = await putInPlace(made, engines, "tensorflow-1");
    assert.equal(await readFile(join(target, "engine.json"), "utf8"), content);
  }
  const names = await readdir(engines);
  assert.deepEqual(
    names.filter((name) => name.startsWith(".old-")),
    [],
  );
});

test("the lock: one at a time, and the second waits", async (context) => {
  const engines = await temporaryFolder(context);
  const events: string[] = [];
  const work = (name: string) => async () => {
    events.push(`${name} begins`);
    await sleep(50);
    events.push(`${name} ends`);
  };
  await Promise.all([
    withLock(engines, work("a")),
    withLock(engines, work("b"), { onWait: () => events.push("waits") }),
  ]);
  const waits = events.filter((event) => event === "waits").length;
  const rest = events.filter((event) => event !== "waits");
  assert.ok(waits <= 1);
  assert.equal(rest[0]?.[0], rest[1]?.[0], "the first ends before the other begins");
  assert.deepEqual(await readdir(engines), []);
});

test("a dead owner's lock and a half-written one are taken over", async (context) => {
  const engines = await temporaryFolder(context);
  const lock = join(engines, ".lock");
  await writeFile(lock, deadTag());
  assert.equal(await withLock(engines, async () => "done"), "done");
  await writeFile(lock, "");
  const minuteAgo = Date.now() / 1000 - 60;
  await utimes(lock, minuteAgo, minuteAgo);
  assert.equal(await withLock(engines, async () => "done"), "done");
  assert.deepEqual(await readdir(engines), []);
});

test("a living owner's lock is waited for until the wait is aborted", async (context) => {
  const engines = await temporaryFolder(context);
  await writeFile(join(engines, ".lock"), ownerTag(process.ppid));
  const waiting = withLock(engines, async () => "done", { signal: AbortSignal.timeout(100) });
  await assert.rejects(waiting);
  assert.deepEqual(await readdir(engines), [".lock"], "it is still the other's");
});

test("the lock goes when the work fails", async (context) => {
  const engines = await temporaryFolder(context);
  const failing = withLock(engines, async () => {
    throw new Error("no");
  });
  await assert.rejects(failing, /no/);
  assert.deepEqual(await readdir(engines), []);
});
