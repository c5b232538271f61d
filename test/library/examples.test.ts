/** The examples as somebody runs them, each in a process of its own. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { sampleFolder } from "../../src/data/known-datasets.js";
import { runCommand } from "../../src/setup/command.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { repositoryRoot } from "../fixture-path.js";

const example = (name: string) => join(repositoryRoot, "dist", "examples", `${name}.js`);

test("neighbours: features of a pretrained network tell classes that it has never seen", async () => {
  const { stdout, output, status } = await runCommand(process.execPath, [example("neighbours")]);
  assert.equal(status, 0, output);
  const share = Number(/images right \((.*) %\), by 25/.exec(stdout)?.[1]);
  // 75.4 where it was written; one in five is chance.
  assert.ok(share > 65, output);
});

test("fine-tune: a bar, the evaluation, and a run that is there", async (t) => {
  const cwd = await temporaryFolder(t);
  const args = [example("fine-tune"), "sample", "tried", "3"];
  const { stdout, output, status } = await runCommand(process.execPath, args, { cwd });
  assert.equal(status, 0, output);
  assert.match(stdout, /\r#{30} loss /);
  assert.match(stdout, /after end: [\d.]+ % of 500 images right/);
  assert.match(stdout, /saved: .*00000003/);
  await readFile(join(cwd, "bit_logs", "tried", "checkpoint.npz"));
});

test("server: classifies uploads, refuses what is no image, ends on SIGTERM", async (t) => {
  const server = spawn(process.execPath, [example("server"), "sample-R14x0.5", "0"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  t.after(() => server.kill("SIGKILL"));
  const [address] = await once(createInterface(server.stdout), "line");
  const post = async (body: Uint8Array, path = "/classify?top=2") => {
    const answer = await fetch(`${address}${path}`, { method: "POST", body: new Blob([body]) });
    const told = (await answer.json()) as { top?: { name: string; probability: number }[] };
    return { status: answer.status, top: told.top ?? [] };
  };
  const image = await readFile(join(sampleFolder(), "val", "dress", "000.png"));
  const answers = await Promise.all(Array.from({ length: 6 }, () => post(image)));
  for (const { status, top } of answers) {
    assert.equal(status, 200);
    const [first, second, ...others] = top;
    assert.equal(others.length, 0);
    assert.ok(first!.probability >= second!.probability);
  }
  assert.equal((await post(Buffer.from("no image"))).status, 400);
  assert.equal((await post(new Uint8Array(0))).status, 400);
  assert.equal((await post(new Uint8Array(21 * 2 ** 20))).status, 413);
  assert.equal((await post(image, "/classify?top=0")).status, 400);
  const health = await fetch(`${address}/health`);
  assert.equal(((await health.json()) as { model: string }).model, "sample-R14x0.5");
  const form = new FormData();
  form.append("file", new Blob([image]));
  const refused = await fetch(`${address}/classify`, { method: "POST", body: form });
  assert.equal(refused.status, 415);
  assert.match(await refused.text(), /the image itself/);
  // A request that has come is answered, though its body ends long after the signal.
  const late = request(`${address}/classify`, {
    method: "POST",
    headers: { expect: "100-continue", "content-length": image.length },
  });
  late.flushHeaders();
  await once(late, "continue");
  const ended = once(server, "exit");
  server.kill("SIGTERM");
  while (
    await fetch(`${address}/health`).then(
      () => true,
      () => false,
    )
  );
  late.end(image);
  const [{ statusCode }] = await once(late, "response");
  assert.equal(statusCode, 200);
  const [code, signal] = await ended;
  assert.deepEqual([code, signal], [0, null]);
});
