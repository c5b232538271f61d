/** Settings of several processes, of the commands as a launcher starts them. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { loadTensorflow } from "../../src/engine/tensorflow-session.js";
import { packageRoot } from "../../src/package-root.js";
import { sampleModel } from "../../src/run/sample-model.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { engine } from "../engine-for-tests.js";
import { freePorts } from "../free-ports.js";

const skip = loadTensorflow(engine.installed) === undefined && "the engine has no addon of ours";

const usual = [
  ...["--model", sampleModel, "--dataset", "sample", "--batch", "8"],
  ...["--resolution", "36", "--crop", "32", "--precision", "fp32", "--workers", "1"],
  ...["--batch_split", "2", "--no-report", "--no-tensorboard"],
];

interface Ended {
  readonly code: unknown;
  readonly text: string;
}

/** `bit-train` in one process for each list of flags, which train together. */
async function trainInRanks(
  logdir: string,
  flags: readonly (readonly string[])[],
): Promise<Ended[]> {
  const [port] = await freePorts(1);
  const ended = flags.map(async (own, rank) => {
    const ranks = { RANK: String(rank), WORLD_SIZE: String(flags.length) };
    const place = { MASTER_ADDR: "127.0.0.1", MASTER_PORT: String(port) };
    const env = { ...process.env, ...(flags.length > 1 && { ...ranks, ...place }) };
    const bin = join(packageRoot, "bin", "bit-train.js");
    const args = [bin, ...usual, "--logdir", logdir, ...own];
    const child = spawn(process.execPath, args, { env, stdio: ["ignore", "pipe", "pipe"] });
    let text = "";
    for (const stream of [child.stdout, child.stderr])
      stream.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
    const [code] = await once(child, "close");
    return { code, text };
  });
  return Promise.all(ended);
}

function requireDone(all: readonly Ended[]): void {
  for (const { code, text } of all) assert.equal(code, 0, text);
}

test("gradients as bfloat16: said, recorded, and not to be changed later", { skip }, async (t) => {
  const logdir = await temporaryFolder(t);
  const flags = ["--name", "narrow", "--steps", "4"];
  const narrow = [...flags, "--reduce_dtype", "bf16"];
  const [alone] = await trainInRanks(logdir, [narrow]);
  assert.equal(alone!.code, 2, alone!.text);
  assert.match(alone!.text, /--reduce_dtype bf16: one process/);

  const both = await trainInRanks(logdir, [narrow, narrow]);
  requireDone(both);
  assert.match(both[0]!.text, /2 processes share each batch, 4 images each; .*bfloat16/);
  const config = JSON.parse(readFileSync(join(logdir, "narrow", "config.json"), "utf8"));
  assert.equal(config.reduceDtype, "bf16");

  const [first] = await trainInRanks(logdir, [flags, flags]);
  assert.equal(first!.code, 2, first!.text);
  assert.match(first!.text, /reduceDtype was "bf16", is now "fp32"/);
  // A rank that would send otherwise is refused too.
  const other = ["--name", "other", "--steps", "4"];
  for (const { code, text } of await trainInRanks(logdir, [
    other,
    [...other, "--reduce_dtype", "bf16"],
  ])) {
    assert.equal(code, 2, text);
    assert.match(text, /rank 1: it would train otherwise than rank 0: reduceDtype/);
  }
});

test("ranks evaluate when rank 0 does, whatever they are told", { skip }, async (t) => {
  const logdir = await temporaryFolder(t);
  const flags = ["--name", "run", "--steps", "4"];
  const all = await trainInRanks(logdir, [
    [...flags, "--eval_every", "2"],
    [...flags, "--eval_every", "3", "--eval_first", "--workers", "2", "--save_every", "1"],
  ]);
  requireDone(all);
  const lines = readFileSync(join(logdir, "run", "metrics.jsonl"), "utf8")
    .trim()
    .split("\n");
  assert.equal(lines.filter((line) => "val_top1" in JSON.parse(line)).length, 2);
});
