/** Checkpoints on the disk: which are kept, how damage is found, what is refused. */
import assert from "node:assert/strict";
import {
  copyFile,
  mkdir,
  readdir,
  readFile,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { writeNpz } from "../../src/archive/npz-writer.js";
import { checkpointAt, listCheckpoints } from "../../src/checkpoint/checkpoint-folder.js";
import { findCheckpoint, publishFound } from "../../src/checkpoint/find-checkpoint.js";
import { removeLeftovers } from "../../src/checkpoint/keep-checkpoints.js";
import {
  addValidation,
  type WriteOptions,
  writeCheckpoint,
} from "../../src/checkpoint/write-checkpoint.js";
import { exists } from "../../src/disk/file-reading.js";
import { nodeFileSystem } from "../../src/disk/file-system.js";
import { UserError } from "../../src/errors.js";
import { parseManifest } from "../../src/record/manifest.js";
import { type RunFolder, runFolderAt } from "../../src/record/run-folder.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { arraysAt, factsAt, stateAt, stateBytesMade, stepsIn } from "./synthetic-state.js";

function save(
  folder: RunFolder,
  steps: number,
  options: Partial<WriteOptions> = {},
  best?: number,
) {
  const facts = factsAt(steps, best === undefined ? null : { step: best, top1: 0.9 });
  return writeCheckpoint(folder, facts, stateAt(steps), stateBytesMade, { keep: 2, ...options });
}

async function runWith(t: TestContext, ...steps: number[]): Promise<RunFolder> {
  const folder = runFolderAt(join(await temporaryFolder(t), "run"));
  for (const step of steps) await save(folder, step);
  return folder;
}

test("the newest and the best are kept", async (t) => {
  const folder = await runWith(t);
  for (const steps of [5, 10, 15, 20, 25])
    await save(folder, steps, {}, steps < 10 ? undefined : 10);
  assert.deepEqual(await listCheckpoints(folder.checkpoints), [25, 20, 10]);
  await save(folder, 30, { keep: 1 }, 30);
  assert.deepEqual(await readdir(folder.checkpoints), ["00000030"]);
});

test("checkpoint.npz is the newest archive under another name, or a copy where there is no such", async (t) => {
  const folder = await runWith(t, 10);
  const { archive } = checkpointAt(folder.checkpoints, 10);
  assert.equal((await stat(folder.checkpoint)).ino, (await stat(archive)).ino);
  const link = () => Promise.reject(Object.assign(new Error("no links"), { code: "EPERM" }));
  await save(folder, 20, { files: { ...nodeFileSystem, link } });
  assert.equal((await stat(folder.checkpoint)).nlink, 1);
  assert.equal(await stepsIn(folder.checkpoint), 20);

  const { ino } = await stat(folder.checkpoint);
  const found = await findCheckpoint(folder);
  await publishFound(folder, found!, { ...nodeFileSystem, link });
  assert.equal((await stat(folder.checkpoint)).ino, ino, "not copied anew");
  await truncate(folder.checkpoint, 10);
  await publishFound(folder, found!, { ...nodeFileSystem, link });
  assert.equal(await stepsIn(folder.checkpoint), 20);
  const sizes = { model: 2e6, optimizer: 1e6 };
  const room = { keep: 2, freeBytes: async () => 4e6 };
  const third = () => writeCheckpoint(folder, factsAt(30), stateAt(30), sizes, room);
  // The archive, its copies that are checkpoint.npz and best.npz, and the optimizer's state.
  await assert.rejects(third(), /no room for the next checkpoint[\s\S]*expected: 8\.\d MB/);
  await writeFile(folder.best, "the copy is there");
  await assert.rejects(third(), /no room for the next checkpoint[\s\S]*expected: 6\.\d MB/);
});

test("the manifest tells the bytes, every tensor, and the evaluation that came after", async (t) => {
  const folder = await runWith(t, 10);
  const { archive, optimizer, manifest } = checkpointAt(folder.checkpoints, 10);
  await addValidation(folder, 10, validation, { step: 10, top1: 0.75 });
  const known = parseManifest(JSON.parse(await readFile(manifest, "utf8")))!;
  assert.ok(known.version === 2);
  assert.equal(known.archive.bytes, (await stat(archive)).size);
  assert.equal(known.optimizer.bytes, (await stat(optimizer)).size);
  const { model, optimizer: others } = stateAt(10);
  assert.deepEqual(
    Object.keys(known.tensors),
    [...model, ...others].map(({ name }) => name),
  );
  assert.deepEqual(known.tensors["made/1/kernel"]!.shape, [2, 2]);
  assert.deepEqual([known.validation, known.best], [validation, { step: 10, top1: 0.75 }]);
  assert.equal((await findCheckpoint(folder))?.manifest?.steps, 10);
});

const validation = { loss: 0.5, top1: 0.75, top5: 1, count: 12 };

test("best.npz is the archive of the best evaluation, and is put right when a run goes on", async (t) => {
  const folder = await runWith(t, 10);
  const best = { step: 10, top1: 0.75 };
  await addValidation(folder, 10, validation, best);
  assert.equal(await stepsIn(folder.best), 10);
  await save(folder, 20, {}, 10);
  await addValidation(folder, 20, validation, best);
  assert.equal(await stepsIn(folder.best), 10, "no better than the first");
  assert.equal((await stat(folder.best)).ino, (await stat(archiveOf(10))).ino);

  const goOn = async () => publishFound(folder, (await findCheckpoint(folder))!);
  await rm(folder.best);
  await goOn();
  assert.equal(await stepsIn(folder.best), 10, "missing");
  await replaceBest(20);
  await goOn();
  assert.equal(await stepsIn(folder.best), 10, "another one's");
  await replaceBest(10);
  await rm(checkpointAt(folder.checkpoints, 10).path, { recursive: true });
  await goOn();
  assert.equal(await stepsIn(folder.best), 10, "a copy that is all there is of it");
  await replaceBest(20);
  await goOn();
  assert.ok(!(await exists(folder.best)), "of a step that is not the best");

  function archiveOf(steps: number): string {
    return checkpointAt(folder.checkpoints, steps).archive;
  }

  /** By a copy: what is written to one name of a file is written to all. */
  async function replaceBest(steps: number): Promise<void> {
    await rm(folder.best, { force: true });
    await copyFile(archiveOf(steps), folder.best);
  }
});

test("a best.npz of steps beyond the checkpoint that a run goes on from is no longer there", async (t) => {
  const folder = await runWith(t, 10, 20);
  await addValidation(folder, 20, validation, { step: 20, top1: 0.75 });
  await truncate(checkpointAt(folder.checkpoints, 20).optimizer, 10);
  await publishFound(folder, (await findCheckpoint(folder))!);
  assert.equal(await stepsIn(folder.checkpoint), 10);
  assert.ok(!(await exists(folder.best)));
});

const damages: Readonly<Record<string, (paths: ReturnType<typeof checkpointAt>) => Promise<void>>> =
  {
    "checkpoint.npz is not as it was written": async ({ archive }) => {
      const bytes = await readFile(archive);
      bytes[bytes.length >> 1]! ^= 1;
      await writeFile(archive, bytes);
    },
    "checkpoint.npz has 100 bytes": ({ archive }) => truncate(archive, 100),
    "checkpoint.npz is missing": ({ archive }) => rm(archive),
    "optimizer.npz is not as it was written": async ({ optimizer }) => {
      const bytes = await readFile(optimizer);
      bytes[bytes.length >> 1]! ^= 1;
      await writeFile(optimizer, bytes);
    },
    "optimizer.npz is missing": ({ optimizer }) => rm(optimizer),
    "manifest.json is missing": ({ manifest }) => rm(manifest),
    "manifest.json is damaged": ({ manifest }) => truncate(manifest, 50),
  };

for (const [reason, damage] of Object.entries(damages)) {
  test(`a damaged checkpoint is named and passed over: ${reason}`, async (t) => {
    const folder = await runWith(t, 10, 20);
    await damage(checkpointAt(folder.checkpoints, 20));
    const notes: string[] = [];
    const found = await findCheckpoint(folder, (line) => notes.push(line));
    assert.equal(found?.manifest?.steps, 10);
    assert.match(notes.join(), new RegExp(`checkpoints/00000020: ${reason}`));
    await publishFound(folder, found!);
    assert.equal(await stepsIn(folder.checkpoint), 10);

    await damage(checkpointAt(folder.checkpoints, 10));
    await assert.rejects(findCheckpoint(folder), (error: unknown) => {
      return error instanceof UserError && /no checkpoint is whole/.test(error.message);
    });

    await save(folder, 20, { keep: 1 });
    assert.deepEqual(await listCheckpoints(folder.checkpoints), [20], "in the damaged one's place");
    assert.equal(await stepsIn(folder.checkpoint), 20);
  });
}

test("a checkpoint that cannot be read just now is not called damaged", async (t) => {
  const folder = await runWith(t, 10, 20);
  const { path, archive } = checkpointAt(folder.checkpoints, 20);
  await rm(archive);
  // Stands for a disk that fails to read, which a test cannot have.
  await symlink(archive, archive);
  await assert.rejects(findCheckpoint(folder), (error: unknown) => {
    return (
      error instanceof UserError &&
      error.got === "it cannot be read (ELOOP)" &&
      error.nextStep.includes(`move ${path} away`)
    );
  });
  assert.deepEqual(await listCheckpoints(folder.checkpoints), [20, 10]);
});

test("a manifest of a newer version is refused by name", async (t) => {
  const folder = await runWith(t, 10);
  const { manifest } = checkpointAt(folder.checkpoints, 10);
  const json = JSON.parse(await readFile(manifest, "utf8"));
  await writeFile(manifest, JSON.stringify({ ...json, version: 3 }));
  await assert.rejects(findCheckpoint(folder), /manifest\.json: has format version 3/);
});

test("a disk without room is told of before anything is written", async (t) => {
  const folder = await runWith(t, 10);
  const full = save(folder, 20, { freeBytes: async () => 5e5 });
  await assert.rejects(full, (error: unknown) => {
    return (
      error instanceof UserError &&
      /its disk has 0\.5 MB free\n {2}expected: 1\.\d MB; the earlier checkpoints are whole/.test(
        error.message,
      )
    );
  });
  assert.deepEqual(await readdir(folder.checkpoints), ["00000010"]);
});

test("a value that is not finite is not saved", async (t) => {
  const folder = await runWith(t, 10);
  for (const value of [Number.NaN, Number.NEGATIVE_INFINITY]) {
    for (const kind of ["model", "optimizer"] as const) {
      const state = stateAt(20);
      state[kind][7]!.array.data[1] = value;
      const broken = writeCheckpoint(folder, factsAt(20), state, stateBytesMade, { keep: 2 });
      await assert.rejects(broken, /(made|momentum)\/7\/kernel holds values that are not finite/);
    }
  }
  assert.deepEqual(await readdir(folder.checkpoints), ["00000010"]);
});

test("what dead processes left half done is removed, and nothing else", async (t) => {
  const folder = await runWith(t, 10);
  await mkdir(join(folder.checkpoints, ".tmp-123-0a0b0c0d"));
  await writeFile(join(folder.checkpoints, ".tmp-123-0a0b0c0d", "checkpoint.npz"), "half");
  await writeFile(join(folder.path, ".config.json.123-0a0b0c0d.tmp"), "half");
  await writeFile(join(folder.path, "notes.tmp"), "a user's");
  await removeLeftovers(folder);
  assert.deepEqual(await readdir(folder.checkpoints), ["00000010"]);
  assert.deepEqual((await readdir(folder.path)).sort(), [
    "checkpoint.npz",
    "checkpoints",
    "notes.tmp",
  ]);
});

test("a bare checkpoint.npz of an earlier version is gone on from", async (t) => {
  const folder = await runWith(t);
  assert.equal(await findCheckpoint(folder), undefined);
  await mkdir(folder.path);
  await writeNpz(folder.checkpoint, arraysAt(3));
  assert.deepEqual(await findCheckpoint(folder), {
    archive: folder.checkpoint,
    optimizer: folder.checkpoint,
    manifest: undefined,
  });
});
