/** bit-launch on several machines, here two launchers on one; and what its processes say last. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { sampleModel } from "../../src/run/sample-model.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { freePorts } from "../free-ports.js";
import { runBin } from "./command.js";
import { skip } from "./launched.js";

test("a mistake on one machine ends those of all others, which do not start again", {
  skip,
}, async (t) => {
  const logdir = await temporaryFolder(t);
  const [port] = await freePorts(1);
  const flags = ["--model", sampleModel, "--batch", "8", "--steps", "2", "--logdir", logdir];
  const datasets = ["sample", join(logdir, "missing")];
  const launchers = datasets.map((dataset, node) => {
    const own = ["--nnodes", "2", "--node_rank", String(node), "--restarts", "3"];
    const meeting = ["--rendezvous", `[::1]:${port}`];
    const command = ["--", "bit-train", "--name", "run", "--dataset", dataset, ...flags];
    return runBin("bit-launch", [...own, ...meeting, ...command]);
  });
  for (const { code, stderr } of await Promise.all(launchers)) {
    assert.equal(code, 2, stderr);
    assert.match(stderr, /missing[\s\S]*\n {2}expected: [\s\S]*\n {2}next: /);
    assert.match(stderr, /::1 is this machine itself/);
    assert.doesNotMatch(stderr, /Starting all again/);
  }
});

test("what a process says last is heard before it is said to have ended", async () => {
  // Of rank 1 a process of its own says it, after it has ended itself.
  const script = `
    const { spawn } = require("node:child_process");
    if (process.env.RANK === "1")
      spawn("sh", ["-c", "sleep 1; echo last words >&2"], { stdio: "inherit", detached: true });
    process.exitCode = 75;`;
  const args = ["--nproc", "2", "--", process.execPath, "-e", script];
  const { code, stderr } = await runBin("bit-launch", args);
  assert.equal(code, 75, stderr);
  const words = stderr.indexOf("[rank 1] last words");
  assert.ok(words >= 0 && words < stderr.indexOf("rank 1 ended with exit code 75"), stderr);
});

test("processes of one bit-launch have a token of their own, those of several machines the one they are given", async () => {
  const tokensOf = async (...own: string[]) => {
    const script = 'console.error("token=" + (process.env.BIT_RUN_TOKEN ?? "none"))';
    const args = [...own, "--nproc", "2", "--", process.execPath, "-e", script];
    const { code, stderr } = await runBin("bit-launch", args);
    assert.equal(code, 0, stderr);
    return [...stderr.matchAll(/token=(\S+)/g)].map(([, token]) => token);
  };
  const [first, second] = [await tokensOf(), await tokensOf()];
  assert.match(first[0]!, /^[\w-]{36}$/);
  assert.deepEqual(first, [first[0], first[0]]);
  assert.notEqual(second[0], first[0]);
  const meeting = ["--nnodes", "2", "--rendezvous", "10.0.0.1:29400"];
  assert.deepEqual(await tokensOf(...meeting), ["none", "none"]);
});
