/** The engine in several threads of one process. Each trial is a process, since a fault would end it. */
import assert from "node:assert/strict";
import { copyFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { kernelsPath } from "../../src/engine/native-kernels.js";
import { runCommand } from "../../src/setup/command.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { engine } from "../engine-for-tests.js";

const script = fileURLToPath(new URL("./thread-trial.js", import.meta.url));

async function trial(name: string): Promise<(string | null)[]> {
  // As it is where nobody has set anything; and all cores count alike, whatever the tests have set.
  const env = { ...process.env };
  for (const variable of Object.keys(env)) if (variable.startsWith("TF_")) delete env[variable];
  const ended = await runCommand(process.execPath, [script, name], { env });
  assert.equal(ended.status, 0, `${name}: ${ended.killedBy} ${ended.output}`);
  // Not a line of TensorFlow's, whose level of logging a thread has to set as the main one does.
  assert.equal(ended.output, ended.stdout);
  return JSON.parse(ended.stdout) as (string | null)[];
}

test("threads train side by side and one after the other, to the same checkpoint", async () => {
  const [expected] = await trial("main");
  assert.match(expected!, /^[0-9a-f]{64}$/);
  assert.deepEqual(await trial("main and worker"), [expected, expected]);
  assert.deepEqual(await trial("two workers, then main"), [expected, expected, expected]);
  assert.deepEqual(await trial("a worker that is ended, then another"), [null, expected]);
});

test("another version's operations in the same process are refused, not defined twice", async (t) => {
  if (!engine.target.native.host) return t.skip("the engine has no operations of ours");
  const other = join(await temporaryFolder(t), "other.node");
  await copyFile(kernelsPath(engine.installed), other);
  assert.throws(() => createRequire(import.meta.url)(other), /another version of these operations/);
});

const skip = engine.installed.flavour === "prebuilt" && "the prebuilt has no addon of ours";

test("a worker's settings reach the library", { skip }, async () => {
  const [result, inProcess] = await trial("a worker with settings of its own");
  assert.match(result!, /^[0-9a-f]{64}$/);
  assert.equal(inProcess, "1");
});

test("a worker's settings that come too late are refused", { skip }, async () => {
  const [result] = await trial("main, then a worker with other settings");
  assert.match(
    result!,
    /^UserError: TF_NUM_INTRAOP_THREADS: the engine is open already in another thread/,
  );
});
