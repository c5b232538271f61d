/** `bit-serve` as a process: from its first line to its exit code. */
import assert from "node:assert/strict";
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { copyFile, stat, truncate } from "node:fs/promises";
import { request } from "node:http";
import { join } from "node:path";
import { test } from "node:test";
import { sampleWeights } from "../../src/run/sample-model.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { dress, post, rowsOf } from "../serve/served.js";
import { type CommandResult, runBin } from "./command.js";

interface Running {
  readonly child: ChildProcess;
  readonly url: string;
  readonly ended: Promise<CommandResult>;
}

/** Starts the sample's model at a free port. */
async function start(...flags: readonly string[]): Promise<Running> {
  let child: ChildProcess | undefined;
  let heard = "";
  let listening = (_url: string) => {};
  const url = new Promise<string>((resolve) => {
    listening = resolve;
  });
  const ended = runBin("bit-serve", ["sample-R14x0.5", "--port", "0", ...flags], {
    started: (process) => {
      child = process;
      process.stdout?.on("data", (text: string) => {
        heard += text;
        const found = /at (http:\S+)\n/.exec(heard)?.[1];
        if (found !== undefined) listening(found);
      });
    },
  });
  const failed = ended.then(({ stderr }) => assert.fail(stderr));
  failed.catch(() => undefined);
  return { url: await Promise.race([url, failed]), child: child!, ended };
}

test("one line when it listens; SIGTERM answers what is under way, and ends with 143", async (t) => {
  const { child, url, ended } = await start("--access_log");
  t.after(() => child.kill("SIGKILL"));
  const answer = await post({ url }, dress, "predict?top=1");
  assert.equal(rowsOf(answer)[0]!.top[0]!.name, "trouser");
  const late = request(`${url}predict`, {
    method: "POST",
    headers: {
      ...{ expect: "100-continue", "content-type": "image/png" },
      "content-length": dress.length,
    },
  });
  late.flushHeaders();
  await once(late, "continue");
  child.kill("SIGTERM");
  while (
    await fetch(`${url}health`).then(
      () => true,
      () => false,
    )
  );
  late.end(dress);
  const [response] = await once(late, "response");
  assert.equal(response.statusCode, 200);
  response.resume();
  const { code, stdout, stderr } = await ended;
  assert.equal(code, 143);
  assert.equal(stderr, "Stopped; what had come was answered.\n");
  const [first, ...log] = stdout.trimEnd().split("\n");
  assert.match(first!, /^sample-R14x0.5 of 5 classes, \w+, at http:\/\/127.0.0.1:\d+\/$/);
  const records = log.map((line) => JSON.parse(line)).filter(({ path }) => path === "/predict");
  assert.deepEqual(
    records.map(({ method, status, images }) => [method, status, images]),
    [
      ["POST", 200, 1],
      ["POST", 200, 1],
    ],
  );
});

test("Ctrl-C ends an idle service with 130, though a client keeps its connection", async (t) => {
  const { child, url, ended } = await start();
  t.after(() => child.kill("SIGKILL"));
  // fetch keeps its connection.
  await (await fetch(`${url}health`)).text();
  child.kill("SIGINT");
  assert.equal((await ended).code, 130);
});

test("what cannot be served ends with 2, and nothing listens", async (t) => {
  const folder = await temporaryFolder(t);
  const damaged = join(folder, "sample-R14x0.5.npz");
  await copyFile(sampleWeights(), damaged);
  await truncate(damaged, (await stat(damaged)).size - 1000);
  const cases = [
    [[damaged], /sample-R14x0.5.npz/],
    [[join(folder, "nothing")], /nothing/],
    [[], /no model to serve/],
    [["a", "b"], /2 models/],
    [["sample-R14x0.5", "--port", "70000"], /port 70000: is no port/],
    [["sample-R14x0.5", "--max_bytes", "0"], /max_bytes/],
  ] as const;
  for (const [args, told] of cases) {
    const { code, stdout, stderr } = await runBin("bit-serve", args);
    assert.equal(code, 2, stderr);
    assert.match(stderr, told);
    assert.equal(stdout, "");
  }
});
