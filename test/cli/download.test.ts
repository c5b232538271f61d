/** `bit-download` end to end, from a server on 127.0.0.1. */
import assert from "node:assert/strict";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { main } from "../../src/cli/bit-download.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { serveFile } from "../fetch/file-server.js";
import { writeZeroArchive } from "../zoo/zoo-archive.js";
import { runBin, runHere } from "./command.js";

const model = "BiT-S-R50x1";

let archive: Uint8Array;

before(async () => {
  const folder = await mkdtemp(join(tmpdir(), "bit-train-test-"));
  const path = join(folder, "source.npz");
  await writeZeroArchive(path, model, 1000);
  archive = new Uint8Array(await readFile(path));
  await rm(folder, { recursive: true });
});

let addressBefore: string | undefined;
before(() => {
  addressBefore = process.env["BIT_MODELS_URL"];
});
after(() => {
  if (addressBefore === undefined) delete process.env["BIT_MODELS_URL"];
  else process.env["BIT_MODELS_URL"] = addressBefore;
});

test("Ctrl-C keeps what was fetched, and the same command goes on", async (t) => {
  // Slow enough that the process hears the signal in between, however busy the machine is.
  const pieces = Math.ceil(archive.length / 1000);
  const server = await serveFile(archive, [{ trickleBytes: Math.ceil(archive.length / 1000) }, {}]);
  t.after(() => server.close());
  assert.ok(pieces > 0);
  const folder = await temporaryFolder(t);
  const file = join(folder, `${model}.npz`);
  const env = { BIT_MODELS_URL: server.url };
  const args = [model, "--bit-pretrained-dir", folder];
  const size = async () => (await readFile(`${file}.part`).catch(() => new Uint8Array(0))).length;

  const stopped = await runBin("bit-download", args, {
    env,
    started: (child) => {
      const interrupt = async () => {
        while ((await size()) === 0) await sleep(5);
        child.kill("SIGINT");
      };
      void interrupt();
    },
  });
  assert.equal(stopped.code, 130, stopped.stderr);
  assert.match(stopped.stderr, new RegExp(`To go on, type: npx bit-download ${model}`));
  const left = await size();
  assert.ok(left > 0 && left < archive.length);

  const whole = await runBin("bit-download", args, { env });
  assert.equal(whole.code, 0, whole.stderr);
  assert.match(whole.stdout, /BiT-S-R50x1\.npz: downloaded, \d+\.\d MB/);
  assert.equal(server.requests[1]!.range, `bytes=${left}-`);
  assert.deepEqual(await readdir(folder), [`${model}.npz`]);
  assert.deepEqual(new Uint8Array(await readFile(file)), archive);

  process.env["BIT_MODELS_URL"] = server.url;
  const again = await runHere(main, args);
  assert.match(again.stdout, /there already/);
  assert.equal(server.requests.length, 2);
});

test("what the server refuses, and names that there are not", async (t) => {
  const folder = await temporaryFolder(t);
  const server = await serveFile(archive, [{ status: 404 }]);
  t.after(() => server.close());
  process.env["BIT_MODELS_URL"] = server.url;
  const cases: [string[], RegExp][] = [
    [[model], /BiT-S-R50x1\.npz: there is no such file \(404\)/],
    [["BiT-S-R50x2"], /perhaps BiT-S-R50x[13] or/],
    [[model, "BiT-XL-R50x1"], /no published model has this name/],
    [[], /no model is named/],
  ];
  for (const [args, message] of cases) {
    const result = await runHere(main, [...args, "--bit_pretrained_dir", folder]);
    assert.equal(result.code, 2, result.stderr);
    assert.match(result.stderr, message);
  }
  assert.deepEqual(await readdir(folder), []);
  assert.equal(server.requests.length, 1);
});

test("--list tells all names", async () => {
  const { code, stdout } = await runHere(main, ["--list"]);
  assert.equal(code, 0);
  assert.equal(stdout.split("\n").length, 18);
  assert.match(stdout, /^BiT-M-R152x4-ILSVRC2012 +1000 classes /m);
});
