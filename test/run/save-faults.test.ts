/** Saving, stopped at each of its calls on files in turn: a whole checkpoint is there at every point. */
import assert from "node:assert/strict";
import { cp, readdir } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { UserError } from "../../src/errors.js";
import { findCheckpoint, publishFound } from "../../src/run/find-checkpoint.js";
import { removeLeftovers } from "../../src/run/keep-checkpoints.js";
import { type RunFolder, runFolderAt } from "../../src/run/run-folder.js";
import { writeCheckpoint } from "../../src/run/write-checkpoint.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { report, thorough } from "../soak/table.js";
import { FaultyFileSystem, faultKinds, Killed } from "./faulty-file-system.js";
import { arraysAt, factsAt, stateBytesMade, stepsIn } from "./synthetic-state.js";

function save(folder: RunFolder, steps: number, files: FaultyFileSystem): Promise<void> {
  return writeCheckpoint(folder, factsAt(steps), arraysAt(steps), stateBytesMade, {
    keep: 2,
    files,
  });
}

/** A run with checkpoints of steps 10 and 20. */
async function runWithTwo(t: TestContext): Promise<string> {
  const path = join(await temporaryFolder(t), "run");
  for (const steps of [10, 20]) await save(runFolderAt(path), steps, new FaultyFileSystem());
  return path;
}

test("wherever saving fails or ends, a run goes on from a whole checkpoint", async (t) => {
  const begun = await runWithTwo(t);
  const trial = async (name: string, files: FaultyFileSystem) => {
    const folder = runFolderAt(join(begun, "..", name));
    await cp(begun, folder.path, { recursive: true });
    const error = await save(folder, 30, files).then(
      () => undefined,
      (thrown: unknown) => thrown,
    );
    return { folder, error };
  };
  const counted = new FaultyFileSystem();
  assert.equal((await trial("whole", counted)).error, undefined);
  const points = counted.calls.length;
  for (const call of ["write", "sync", "rename", "link", "remove", "removeFolder", "syncFolder"])
    assert.ok(counted.calls.includes(call), call);
  assert.ok(points >= 200, `${points} points`);

  // `npm test` tries one kind of fault at each write, and all three at each other call.
  let tried = 0;
  let lost = 0;
  for (let at = 0; at < points; at++) {
    const isWrite = counted.calls[at] === "write";
    for (const kind of isWrite && !thorough ? [faultKinds[at % 3]!] : faultKinds) {
      tried++;
      const where = `${kind} at ${at}, ${counted.calls[at]}`;
      const { folder, error } = await trial(`${kind}-${at}`, new FaultyFileSystem(at, kind));
      // What a folder's sync or the removal of a link's second name adds is not always missed.
      assert.ok(
        error === undefined || error instanceof UserError || error instanceof Killed,
        where,
      );
      if (kind !== "fails") assert.ok(error instanceof Killed, where);
      assert.ok([20, 30].includes(await stepsIn(folder.checkpoint)), where);
      await removeLeftovers(folder);
      const found = await findCheckpoint(folder, (line) => assert.fail(`${where}: ${line}`));
      const steps = await stepsIn(found!.archive);
      assert.equal(found!.manifest?.steps, steps, where);
      assert.ok(steps === 30 || (steps === 20 && error !== undefined), where);
      if (steps === 20) lost++;

      await publishFound(folder, found!);
      assert.equal(await stepsIn(folder.checkpoint), steps, where);
      if (isWrite && !thorough && at % 10 !== 0) continue;
      await save(folder, 40, new FaultyFileSystem());
      assert.equal(await stepsIn(folder.checkpoint), 40, where);
      const left = [...(await readdir(folder.path)), ...(await readdir(folder.checkpoints))];
      assert.deepEqual(
        left.filter((entry) => entry.includes("tmp")),
        [],
        where,
      );
    }
  }
  assert.ok(tried >= 200);
  t.diagnostic(`${points} points, ${tried} faults: ${lost} times the earlier checkpoint was it`);
  report({ faultsTried: tried, faultsSurvived: tried, stepsLost: 0 });
});
