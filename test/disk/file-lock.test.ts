/** A file has one owner at a time, among callers and among processes; the dead own nothing. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, statSync, utimesSync } from "node:fs";
import { mkdir, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { acquireLock, FileLocked } from "../../src/disk/file-lock.js";
import { UserError } from "../../src/errors.js";
import { temporaryFolder } from "../data/temporary-folder.js";

const lockModule = new URL("../../src/disk/file-lock.js", import.meta.url).href;

/** Runs a module's text in a process of its own, with `acquireLock` and the path `file`. */
function child(file: string, text: string) {
  const start = `import { acquireLock } from ${JSON.stringify(lockModule)};
    const file = ${JSON.stringify(file)};\n`;
  return spawn(process.execPath, ["--input-type=module", "-e", start + text]);
}

async function target(t: TestContext): Promise<string> {
  return join(await temporaryFolder(t), "model.npz");
}

/** Writes the lock of an owner who is not this process. */
function writeLock(path: string, owner: object): Promise<void> {
  const other = { host: hostname(), started: null, purpose: "doing things", token: "other" };
  return writeFile(`${path}.lock`, JSON.stringify({ ...other, ...owner }));
}

async function deadPid(): Promise<number> {
  const process = child("", "");
  await once(process, "exit");
  return process.pid!;
}

test("a second caller is refused until the first gives it free", async (t) => {
  const path = await target(t);
  const lock = await acquireLock(path, { purpose: "downloading it" });
  await assert.rejects(acquireLock(path, { purpose: "x" }), (error: FileLocked) => {
    assert.ok(error instanceof FileLocked && error instanceof UserError);
    assert.match(error.message, new RegExp(`process ${process.pid} is downloading it`));
    return true;
  });
  await lock.release();
  assert.ok(!existsSync(`${path}.lock`));
  const next = await acquireLock(path, { purpose: "x" });
  // Given free already: the next owner's lock stays.
  await lock.release();
  assert.ok(existsSync(`${path}.lock`));
  await next.release();
});

test("another process's lock is refused while it lives, and taken over when it is killed", async (t) => {
  const path = await target(t);
  const other = child(
    path,
    `await acquireLock(file, { purpose: "downloading it" });
     console.log("locked"); setInterval(() => {}, 1000);`,
  );
  t.after(() => other.kill("SIGKILL"));
  await once(other.stdout, "data");
  await assert.rejects(
    acquireLock(path, { purpose: "x" }),
    new RegExp(`process ${other.pid} is downloading it`),
  );
  other.kill("SIGKILL");
  await once(other, "exit");
  await (await acquireLock(path, { purpose: "x" })).release();
});

test("whoever waits gets it when it is free, unless stopped", async (t) => {
  const path = await target(t);
  const first = await acquireLock(path, { purpose: "x" });
  const second = acquireLock(path, { purpose: "x", waitMs: 10_000 });
  const stop = new AbortController();
  const third = acquireLock(path, { purpose: "x", waitMs: 10_000, signal: stop.signal });
  await sleep(50);
  stop.abort(new Error("enough"));
  await assert.rejects(third, /enough/);
  await first.release();
  await (await second).release();
});

test("a lock of a dead process, or of an earlier one of the same number, is taken over", async (t) => {
  const path = await target(t);
  for (const owner of [
    { pid: await deadPid() },
    { pid: process.pid, started: "an earlier start of the machine/123" },
  ]) {
    await writeLock(path, owner);
    const lock = await acquireLock(path, { purpose: "x" });
    await lock.release();
  }
  assert.deepEqual(await readdir(join(path, "..")), []);
});

test("a lock of a process that has ended without its parent's notice is taken over", async (t) => {
  const path = await target(t);
  // The shell becomes a program that never asks for its child's end.
  const parent = spawn("sh", ["-c", "sleep 0 & echo $!; exec sleep 20"]);
  t.after(() => parent.kill("SIGKILL"));
  const [text] = await once(parent.stdout, "data");
  await writeLock(path, { pid: Number(String(text)) });
  await (await acquireLock(path, { purpose: "x", waitMs: 5000 })).release();
});

test("a lock from another machine is left alone, with its name", async (t) => {
  const path = await target(t);
  await writeLock(path, { pid: await deadPid(), host: "far-away" });
  await assert.rejects(
    acquireLock(path, { purpose: "x" }),
    /on far-away is doing things.*if it has, delete .*model\.npz\.lock/s,
  );
});

/** Writes the lock of a container that no longer is, last renewed so long ago. */
async function writeContainersLock(path: string, agoMs: number): Promise<void> {
  await writeLock(path, { pid: 1, host: "a1b2c3", machine: "another", renewed: true });
  const time = new Date(Date.now() - agoMs);
  await utimes(`${path}.lock`, time, time);
}

test("a container's lock without a sign of life for two minutes is taken over", async (t) => {
  const path = await target(t);
  await writeContainersLock(path, 121_000);
  await (await acquireLock(path, { purpose: "x" })).release();
  assert.deepEqual(await readdir(join(path, "..")), []);
});

test("a container's lock is watched until it lapses, and that is said", async (t) => {
  const path = await target(t);
  await writeContainersLock(path, 118_000);
  const notes: string[] = [];
  const lock = await acquireLock(path, { purpose: "x", note: (line) => notes.push(line) });
  await lock.release();
  assert.equal(notes.length, 1);
  assert.match(notes[0]!, /waiting up to 2 minutes .* process 1 on a1b2c3 \(doing things\)/);
});

test("a container's lock is refused at its sign of life, and waiting for it can be stopped", async (t) => {
  const path = await target(t);
  await writeContainersLock(path, 5000);
  const stopped = acquireLock(path, { purpose: "x", signal: AbortSignal.timeout(100) });
  await assert.rejects(stopped, { name: "TimeoutError" });
  const refused = acquireLock(path, { purpose: "x" });
  await sleep(50);
  await utimes(`${path}.lock`, new Date(), new Date());
  await assert.rejects(
    refused,
    (error) => error instanceof FileLocked && /1 on a1b2c3/.test(error.message),
  );
  assert.ok(existsSync(`${path}.lock`));
});

test("a process of a machine of the same name is not looked for here", async (t) => {
  const path = await target(t);
  await writeLock(path, { pid: await deadPid(), machine: "another" });
  await assert.rejects(acquireLock(path, { purpose: "x" }), /is doing things/);
});

test("a lock is renewed while it is held, whatever its owner's thread does, and another's is not", async (t) => {
  const path = await target(t);
  const lock = await acquireLock(path, { purpose: "x", renewMs: 50 });
  const text = await readFile(`${path}.lock`, "utf8");
  const mtimeMs = () => statSync(`${path}.lock`).mtimeMs;
  const lapsed = () => utimesSync(`${path}.lock`, new Date(0), new Date(0));
  lapsed();
  while (mtimeMs() === 0) await sleep(5);
  lapsed();
  // As a call of the engine does: no other JavaScript of this thread runs.
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2000);
  assert.notEqual(mtimeMs(), 0);
  assert.equal(await readFile(`${path}.lock`, "utf8"), text);
  lock.requireHeld();

  await rm(`${path}.lock`);
  lock.requireHeld();
  await writeContainersLock(path, 5000);
  const before = mtimeMs();
  await sleep(200);
  assert.throws(() => lock.requireHeld(), /process 1 on a1b2c3 .* has taken it over/);
  await lock.release();
  assert.equal(mtimeMs(), before);
});

test("a half-written lock is waited for when it is new, and taken over when it is old", async (t) => {
  const path = await target(t);
  await writeFile(`${path}.lock`, "");
  const refused = assert.rejects(acquireLock(path, { purpose: "x" }), /is doing things/);
  await sleep(50);
  await writeLock(path, { pid: process.ppid });
  await refused;
  await writeFile(`${path}.lock`, '{"pid": 1');
  await utimes(`${path}.lock`, new Date(0), new Date(0));
  await (await acquireLock(path, { purpose: "x" })).release();
});

test("a takeover that was broken off does not stand in the way", async (t) => {
  const path = await target(t);
  await writeLock(path, { pid: await deadPid() });
  await mkdir(`${path}.lock.takeover`);
  await utimes(`${path}.lock.takeover`, new Date(0), new Date(0));
  await (await acquireLock(path, { purpose: "x", waitMs: 1000 })).release();
  assert.deepEqual(await readdir(join(path, "..")), []);
});

test("processes that race for a dead one's lock never hold it together", async (t) => {
  const path = await target(t);
  const rounds = 8;
  const processes = 3;
  await writeFile(path, "0");
  await writeLock(path, { pid: await deadPid() });
  // Between reading and writing the count, another process would get its turn.
  const children = Array.from({ length: processes }, () =>
    child(
      path,
      `import { readFile, writeFile } from "node:fs/promises";
       for (let i = 0; i < ${rounds}; i++) {
         const lock = await acquireLock(file, { purpose: "counting", waitMs: 20_000 });
         const count = Number(await readFile(file, "utf8"));
         await writeFile(file, String(count + 1));
         if (i === ${rounds - 1}) process.exit(0); // Left behind, for the others to take over.
         await lock.release();
       }`,
    ),
  );
  const codes = await Promise.all(children.map(async (one) => (await once(one, "exit"))[0]));
  assert.deepEqual(codes, Array(processes).fill(0));
  assert.equal(await readFile(path, "utf8"), String(rounds * processes));
});

test("a folder that is not there is the user's mistake", async (t) => {
  await assert.rejects(acquireLock(join(await target(t), "x"), { purpose: "x" }), UserError);
});
