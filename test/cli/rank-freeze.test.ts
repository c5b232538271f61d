/** `--freeze` in several processes: each makes its share of the features, and the head is trained by all of them. */
import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { cacheFolder } from "../../src/cache-folder.js";
import { temporaryFolder, writeTree } from "../data/temporary-folder.js";
import { soundJpeg, torn } from "../input/torn-jpegs.js";
import {
  appears,
  bin,
  childrenOf,
  flags,
  launchTrain,
  losses,
  requireDone,
  skip,
  start,
  stateOf,
} from "./launched.js";
import { writeTinyFolder } from "./tiny-images.js";

const before = process.env["BIT_CACHE"];
const engine = join(cacheFolder(), "engine");

/** Has processes that are started find the engine, and no features of others. */
function emptyCache(t: TestContext, root: string, name: string): void {
  const own = join(root, name);
  mkdirSync(own);
  symlinkSync(engine, join(own, "engine"));
  process.env["BIT_CACHE"] = own;
  t.after(() => {
    if (before === undefined) delete process.env["BIT_CACHE"];
    else process.env["BIT_CACHE"] = before;
  });
}

/** The flags of a run of the head alone. */
function headFlags(logdir: string, name: string, more: Record<string, string> = {}): string[] {
  const some = { batch: "12", batch_split: "6", steps: "300", eval_every: "100", save_every: "50" };
  const all = flags(logdir, name, { ...some, ...more });
  // Features are of whole images.
  const at = all.indexOf("--resolution");
  return [...all.slice(0, at), ...all.slice(at + 2), "--freeze"];
}

const tables = (root: string, cache: string) => {
  const folder = join(root, cache, "features");
  return readdirSync(folder).filter((name) => name.endsWith(".npz"));
};

test("1, 2 and 3 processes train a head alike, on features of which each makes its share", {
  skip,
}, async (t) => {
  const root = await temporaryFolder(t);
  const found: number[][] = [];
  const kept: string[][] = [];
  for (const processes of [1, 2, 3]) {
    const name = `of${processes}`;
    emptyCache(t, root, `cache${processes}`);
    const args = headFlags(root, name);
    const run =
      processes === 1 ? start([bin("bit-train"), ...args]) : launchTrain(args, { processes });
    const text = await requireDone(run);
    assert.match(text, /Frozen body \(--freeze\): the head alone is trained/);
    assert.doesNotMatch(text, /\[rank \d\]/);
    found.push(losses(join(root, name)));
    kept.push(tables(root, `cache${processes}`).sort());
  }
  assert.equal(found[0]!.length, 300);
  assert.ok(found[0]!.at(-1)! < found[0]![0]! / 2);
  // float32 numbers are added in another order; the losses, of logits up to 10, come near 0.
  for (const other of found.slice(1))
    for (const [i, loss] of other.entries())
      assert.ok(Math.abs(loss - found[0]![i]!) < 1e-6, `${i}: ${loss} ~ ${found[0]![i]}`);
  // Whoever asks for the same finds it, in one process or several.
  assert.deepEqual(kept[1], kept[0]);
  assert.deepEqual(kept[2], kept[0]);

  const report = await requireDone(start([bin("bit-eval"), join(root, "of2"), "--json"]));
  const result = JSON.parse(readFileSync(join(root, "of2", "result.json"), "utf8"));
  const evaluated = JSON.parse(report.split("\n").find((line) => line.startsWith("{"))!);
  assert.equal(evaluated.val_top1, result.val_top1);
});

test("a process is killed, and the run goes on with kept features to the same bits", {
  skip,
}, async (t) => {
  const root = await temporaryFolder(t);
  emptyCache(t, root, "cache");
  const steps = { steps: "1500", eval_every: "500" };
  const whole = headFlags(root, "whole", steps).filter((flag) => flag !== "--no-report");
  assert.match(await requireDone(launchTrain(whole)), /Report: .*report\.html/);
  assert.equal(existsSync(join(root, "whole", "report.html")), true);

  const killed = launchTrain(headFlags(root, "killed", steps), { restarts: 1 });
  await appears(join(root, "killed", "checkpoints", "00000050"));
  process.kill(childrenOf(killed.child)[1]!, "SIGKILL");
  const text = await requireDone(killed);
  assert.match(text, /Starting all again from the last checkpoint/);
  assert.match(text, /Resumed at step \d+/);
  assert.match(text, /kept by an earlier command/);
  assert.doesNotMatch(text, /made again/);
  assert.deepEqual(losses(join(root, "killed")), losses(join(root, "whole")));
  assert.equal(stateOf(join(root, "killed"), 1500), stateOf(join(root, "whole"), 1500));
});

test("--dry_run: what the features and the head's steps would take", { skip }, async (t) => {
  const root = await temporaryFolder(t);
  const text = await requireDone(launchTrain([...headFlags(root, "run"), "--dry_run"]));
  assert.match(text, /2 processes share each batch, 6 images each; their gradients meet as 21 KB/);
  assert.match(text, /300 steps will take about .*, after about .* for the features of all images/);
  assert.match(text, /Nothing was written \(--dry_run\)/);
  assert.deepEqual(readdirSync(root), []);
});

test("an image that a process cannot decode is named by all, with what to do", {
  skip,
}, async (t) => {
  const root = await temporaryFolder(t);
  emptyCache(t, root, "cache");
  const dataset = await writeTinyFolder(root);
  await writeTree(dataset, { "val/red/torn.jpg": torn(soundJpeg("colour.jpg"), 0.4) });
  const { code, text } = await launchTrain(headFlags(root, "run", { dataset })).ended;
  assert.equal(code, 2, text);
  const said = text.match(/torn\.jpg: cannot be decoded/g) ?? [];
  assert.equal(said.length, 2, text);
  assert.equal(
    (text.match(/next: mend the file, or leave it out: --bad_images skip/g) ?? []).length,
    2,
  );
});
