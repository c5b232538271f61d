/** `bit-download` end to end, from a server on 127.0.0.1. */
import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { after, before, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { downloadProgress } from "../../src/cli/download-progress.js";
import { output } from "../../src/cli/output.js";
import { acquireLock } from "../../src/disk/file-lock.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { serveFile } from "../fetch/file-server.js";
import { writeZeroArchive } from "../zoo/zoo-archive.js";
import { bitDownload as main, runBin, runHere } from "./command.js";

const model = "BiT-S-R50x1";
const vtab = ["clevr-count", "clevr-distance"].map((task) => `vtab/BiT-M-R50x1-run1-${task}`);

let archive: Uint8Array;
/** Of the two tasks of VTAB: heads of 8 and 6 classes. */
let vtabArchives: Uint8Array[];

before(async () => {
  const folder = await mkdtemp(join(tmpdir(), "bit-train-test-"));
  const made = async (name: string, classes: number) => {
    const path = join(folder, "source.npz");
    await writeZeroArchive(path, name, classes);
    return new Uint8Array(await readFile(path));
  };
  archive = await made(model, 1000);
  vtabArchives = [await made(vtab[0]!, 8), await made(vtab[1]!, 6)];
  await rm(folder, { recursive: true });
});

let addressBefore: string | undefined;
before(() => {
  addressBefore = process.env["BIT_BASE_URL"];
});
after(() => {
  if (addressBefore === undefined) delete process.env["BIT_BASE_URL"];
  else process.env["BIT_BASE_URL"] = addressBefore;
});

test("signals keep what was fetched, and the same command goes on", async (t) => {
  // Slow enough that the process hears the signal in between, however busy the machine is.
  const slowly = { trickleBytes: Math.ceil(archive.length / 1000) };
  const server = await serveFile(archive, [slowly, slowly, {}]);
  t.after(() => server.close());
  const folder = await temporaryFolder(t);
  const file = join(folder, `${model}.npz`);
  const env = { BIT_BASE_URL: server.url };
  const args = [model, "--bit-pretrained-dir", folder];
  const size = async () => (await readFile(`${file}.part`).catch(() => new Uint8Array(0))).length;

  let left = 0;
  for (const [signal, exit] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
  ] as const) {
    const stopped = await runBin("bit-download", args, {
      env,
      started: (child) => {
        const interrupt = async () => {
          while ((await size()) <= left) await sleep(5);
          child.kill(signal);
        };
        void interrupt();
      },
    });
    assert.equal(stopped.code, exit, stopped.stderr);
    assert.match(stopped.stderr, new RegExp(`To go on, type: npx bit-download ${model}`));
    assert.ok((await size()) > left);
    left = await size();
    assert.ok(left < archive.length);
  }

  const whole = await runBin("bit-download", args, { env });
  assert.equal(whole.code, 0, whole.stderr);
  assert.match(whole.stdout, /BiT-S-R50x1\.npz: downloaded, \d+\.\d MB/);
  assert.match(whole.stderr, /BiT-S-R50x1: .* has \d+ bytes, the official archive 102242668;/);
  assert.equal(server.requests[2]!.range, `bytes=${left}-`);
  assert.deepEqual(await readdir(folder), [`${model}.npz`, "SHA256SUMS"]);
  assert.deepEqual(new Uint8Array(await readFile(file)), archive);

  process.env["BIT_BASE_URL"] = server.url;
  const again = await runHere(main, args);
  assert.match(again.stdout, /there already/);
  assert.equal(server.requests.length, 3);
});

test("a pattern brings many; a check of them all finds the damaged one", async (t) => {
  const files = Object.fromEntries(vtab.map((name, i) => [`/${name}.npz`, vtabArchives[i]!]));
  const server = await serveFile(files);
  t.after(() => server.close());
  const folder = await temporaryFolder(t);
  const at = ["--bit_pretrained_dir", folder, "--base_url", `${server.url}/`];
  const pattern = "vtab/BiT-M-R50x1-run1-clevr-*";

  const dry = await runHere(main, [pattern, "--dry_run", ...at]);
  assert.equal(dry.code, 0, dry.stderr);
  assert.match(dry.stdout, /2 of 2 models to fetch, 188\.\d MB; 0 here\n.* free on the disk: /);
  assert.equal(server.requests.length, 0);

  const busy = join(folder, `${vtab[1]}.npz`);
  await mkdir(join(folder, "vtab"));
  const lock = await acquireLock(busy, { purpose: "downloading it" });
  const first = await runHere(main, [pattern, ...at]);
  assert.equal(first.code, 2);
  assert.match(first.stdout, /clevr-count\.npz: downloaded/);
  assert.match(first.stderr, /1 of 2 models did not come:\n.*clevr-distance: process \d+ is/);
  await lock.release();
  const second = await runHere(main, [pattern, ...at, "--parallel", "1"]);
  assert.equal(second.code, 0, second.stderr);
  assert.match(second.stdout, /distance\.npz: downloaded.*\n.*count\.npz: there already/);

  const good = await runHere(main, ["--verify", ...at]);
  assert.equal(good.code, 0, good.stderr);
  assert.equal(good.stdout.match(/whole, .* \(as in SHA256SUMS\)/g)?.length, 2);
  await writeFile(busy, vtabArchives[1]!.subarray(0, -100));
  const bad = await runHere(main, ["--verify", ...at]);
  assert.equal(bad.code, 2);
  assert.match(bad.stdout, /distance\.npz: is not .*cut off.*\n.*count\.npz: whole/);
  assert.match(bad.stderr, /1 of 2 models is not good: vtab\/.*clevr-distance/);
});

test("--verify names what an unfinished download has left", async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, `${model}.npz.part`), archive.subarray(0, 5000));
  const at = ["--bit_pretrained_dir", folder];
  const here = await runHere(main, ["--verify", ...at]);
  assert.equal(here.code, 0, here.stderr);
  const named = `${model}\\.npz: there is no such file, only .*${model}\\.npz\\.part, 5000 bytes of an unfinished`;
  assert.match(here.stdout, new RegExp(named));
  // Asked for by name, it is missed.
  const missed = await runHere(main, ["--verify", model, ...at]);
  assert.equal(missed.code, 2);
  assert.match(missed.stderr, new RegExp(`npx bit-download --force ${model} --bit_pretrained_dir`));

  await writeFile(join(folder, `${model}.npz`), archive);
  const both = await runHere(main, ["--verify", ...at]);
  assert.equal(both.code, 0, both.stderr);
  assert.match(both.stdout, /npz: whole.*; beside it lies .*\.npz\.part, 5000 bytes/);
});

test("what the server refuses, names that there are not, and flags that do not fit", async (t) => {
  const folder = await temporaryFolder(t);
  const server = await serveFile(archive, [{ status: 404 }]);
  t.after(() => server.close());
  process.env["BIT_BASE_URL"] = server.url;
  const cases: [string[], RegExp][] = [
    [[model], /BiT-S-R50x1\.npz: there is no such file \(404\)/],
    [["BiT-S-R50x2"], /perhaps BiT-S-R50x[13] or/],
    [[model, "BiT-XL-R50x1"], /no published model has this name/],
    [["BiT-XL-*"], /no published model's name is like this/],
    [[], /no model is named/],
    [[model, "--parallel", "0"], /--parallel: 0 is not possible/],
    [[model, "--json"], /--json: without --list/],
    [[model, "--base_url", "models"], /is no address/],
  ];
  for (const [args, message] of cases) {
    const result = await runHere(main, [...args, "--bit_pretrained_dir", folder]);
    assert.equal(result.code, 2, result.stderr);
    assert.match(result.stderr, message);
  }
  assert.deepEqual(await readdir(folder), []);
  assert.equal(server.requests.length, 1);
});

test("--list tells all models, or some, and whether they are here", async (t) => {
  const folder = await temporaryFolder(t);
  const at = ["--bit_pretrained_dir", folder];
  await writeFile(join(folder, `${model}.npz`), archive);
  await writeFile(join(folder, "BiT-M-R50x1.npz.part"), new Uint8Array(30_000_000));
  const all = await runHere(main, ["--list", ...at]);
  assert.equal(all.code, 0);
  assert.equal(all.stdout.split("\n").length, 1 + 308);
  assert.match(all.stdout, /^BiT-S-R50x1 +102\.2 MB +25\.5 M +1000 +here +ILSVRC-2012$/m);
  assert.match(all.stdout, /^BiT-M-R50x1 +273\.1 MB +68\.3 M +21843 +10 % +ImageNet-21k$/m);
  assert.match(all.stdout, /^BiT-M-R152x4 +4\.43 GB +1107\.3 M +21843 +- /m);
  const vtabOnly = await runHere(main, ["--list", "--vtab", ...at]);
  assert.equal(vtabOnly.stdout.split("\n").length, 1 + 285);
  const { stdout } = await runHere(main, ["--list", "BiT-S-R50x*", "--json", ...at]);
  const rows = JSON.parse(stdout) as Record<string, unknown>[];
  assert.deepEqual(
    rows.map(({ name }) => name),
    ["BiT-S-R50x1", "BiT-S-R50x3"],
  );
  assert.deepEqual(rows[0], {
    name: model,
    path: `${model}.npz`,
    sizeBytes: 102_242_668,
    parameters: 25_549_352,
    classes: 1000,
    trainedOn: "ILSVRC-2012",
    exact: true,
    local: { path: join(folder, `${model}.npz`), presence: "here", sizeBytes: archive.length },
  });
});

test("a terminal shows a bar for each file, and lines above them", async (t) => {
  const terminal = Object.assign(new PassThrough(), { isTTY: true, columns: 100, rows: 30 });
  let text = "";
  terminal.on("data", (chunk: Buffer) => {
    text += chunk.toString();
  });
  const printed = t.mock.method(output, "result", () => undefined);
  const progress = downloadProgress(terminal as unknown as NodeJS.WriteStream);
  const [one, two] = [progress.file("one"), progress.file("two")];
  one.fetched(5e6, 10e6);
  two.checked(2e9, 4e9);
  two.note("a remark");
  while (!text.includes("one  ")) await sleep(10);
  one.finish("one.npz: downloaded");
  progress.close();
  await sleep(10);
  assert.match(text, /two: a remark\n/);
  assert.match(text, /one {2}#{12}-{12} {2}5\.0 MB of 10\.0 MB/);
  assert.match(text, /two {2}#{12}-{12} {2}checking 2\.00 GB of 4\.00 GB/);
  // Standard output is no terminal in tests, or it would stand there.
  const where = output.isSeen ? text : printed.mock.calls[0]!.arguments.join();
  assert.match(where, /one\.npz: downloaded/);
});
