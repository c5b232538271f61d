/** `bit-train` end to end: what a run leaves, and that an interrupted one ends as if it had not been. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { NpzReader } from "../../src/archive/npz-reader.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { repositoryRoot } from "../fixture-path.js";
import { runBin } from "./command.js";
import { tinyClasses, tinyFlags, writeTinyFolder } from "./tiny-images.js";

// Bit for bit. Order, augmentation and mixup are functions of seed and step, a checkpoint holds
// variables and momentum in full, and TensorFlow's CPU kernels add in the same order each time.
const tolerance = 0;
// A GPU's kernels do not.
const env = { CUDA_VISIBLE_DEVICES: "" };

async function lines(path: string): Promise<string[]> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text.split("\n").filter((line) => line !== "");
}

test("a run that is interrupted and resumed ends like one that is not", async (t) => {
  const folder = await temporaryFolder(t);
  const images = await writeTinyFolder(folder);
  const logs = join(folder, "logs");
  const flags = [...tinyFlags(images, logs), "--steps", "14", "--eval-every", "6"];

  const [whole, first] = await Promise.all([
    runBin("bit-train", [...flags, "--name", "whole"], { env }),
    runBin("bit-train", [...flags, "--name", "parts"], {
      env,
      started: (child) => {
        const interrupt = async () => {
          while ((await lines(join(logs, "parts", "metrics.jsonl"))).length < 4) await sleep(5);
          child.kill("SIGINT");
        };
        void interrupt();
      },
    }),
  ]);
  assert.equal(whole.code, 0, whole.stderr);
  assert.equal(whole.stderr, "");
  assert.equal(first.code, 130, first.stderr);
  assert.match(first.stdout, /Stopped after \d+ steps.*--name parts/);

  const second = await runBin("bit-train", [...flags, "--name", "parts"], { env });
  assert.equal(second.code, 0, second.stderr);
  assert.match(second.stdout, /Resumed at step \d+/);

  await t.test("the checkpoints are the same, momentum and position included", async () => {
    for (const [file, holds] of [
      ["checkpoint.npz", "resnet/head/conv2d/kernel"],
      ["checkpoints/00000014/optimizer.npz", "training/step"],
    ] as const) {
      const [a, b] = await Promise.all(
        ["whole", "parts"].map((name) => NpzReader.open(join(logs, name, file))),
      );
      try {
        assert.deepEqual(a!.names, b!.names);
        assert.ok(a!.has(holds));
        for (const name of a!.names) {
          const [x, y] = [await a!.read(name), await b!.read(name)];
          assert.deepEqual(x.shape, y.shape);
          let farthest = 0;
          for (let i = 0; i < x.data.length; i++)
            farthest = Math.max(farthest, Math.abs(Number(x.data[i]) - Number(y.data[i])));
          assert.ok(farthest <= tolerance, `${name}: ${farthest}`);
        }
      } finally {
        await a!.close();
        await b!.close();
      }
    }
  });

  await t.test("the files of the run", async () => {
    const run = join(logs, "whole");
    const config = JSON.parse(await readFile(join(run, "config.json"), "utf8"));
    assert.deepEqual(config.classNames, tinyClasses);
    assert.equal(config.dataset, images);
    const result = JSON.parse(await readFile(join(run, "result.json"), "utf8"));
    assert.equal(result.steps, 14);
    const metrics = (await lines(join(run, "metrics.jsonl"))).map((line) => JSON.parse(line));
    assert.equal(metrics.filter(({ step }) => step !== undefined).length, 14);
    assert.deepEqual(
      metrics.map(({ validation }) => validation).filter((at) => at !== undefined),
      [6, 12, "end"],
    );
    const log = await lines(join(run, "train.log"));
    const stamp = String.raw`^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} \[INFO\] bit_common: `;
    for (const line of log) assert.match(line, new RegExp(stamp));
    const last = { loss: result.val_loss.toFixed(5), top1: (100 * result.val_top1).toFixed(2) };
    const share = String.raw`\d+\.\d s \(\d+ %\)`;
    const parts = ["load", "step", "eval", "save", "close"].map((part) => `${part} ${share}`);
    assert.match(log.at(-3)!, new RegExp(`${stamp}Time: ${parts.join(", ")}$`));
    assert.match(log.at(-2)!, new RegExp(`${stamp}Making the report$`));
    assert.match(log.at(-1)!, new RegExp(`${stamp}Report: .*report\\.html$`));
    const { step: bestStep, top1: bestTop1 } = result.best;
    const best = `Best: top1 ${(100 * bestTop1).toFixed(2)}% after step ${bestStep} \\(best\\.npz\\)$`;
    assert.match(log.at(-4)!, new RegExp(`${stamp}${best}`));
    assert.match(log.at(-5)!, new RegExp(`Validation@end loss ${last.loss}, top1 ${last.top1}%`));
    const step = new RegExp(`${stamp}\\[step 13\\]: loss=\\d\\.\\d{5} \\(lr=\\d\\.\\de-\\d\\d\\)$`);
    assert.ok(log.some((line) => step.test(line)));
  });
});

test("SIGTERM saves and exits 143; a full disk exits 2, and the earlier checkpoint goes on", async (t) => {
  const folder = await temporaryFolder(t);
  const images = await writeTinyFolder(folder);
  const logs = join(folder, "logs");
  const run = join(logs, "stopped");
  const args = [...tinyFlags(images, logs), "--steps", "500", "--name", "stopped"];
  const terminated = await runBin("bit-train", args, {
    env,
    started: (child) => {
      const terminate = async () => {
        while ((await lines(join(run, "metrics.jsonl"))).length < 2) await sleep(5);
        child.kill("SIGTERM");
      };
      void terminate();
    },
  });
  assert.equal(terminated.code, 143, terminated.stderr);
  const [saved] = await readdir(join(run, "checkpoints"));
  assert.match(terminated.stdout, new RegExp(`Stopped after ${Number(saved)} steps`));

  // A limit on the size of files stands in for a full disk: the system fails the write itself.
  const bin = join(repositoryRoot, "bin", "bit-train.js");
  const command = [process.execPath, bin, ...args, "--save_every", "1"].join(" ");
  const full = await promisify(execFile)("bash", ["-c", `ulimit -f 2048; exec ${command}`], {
    env: { ...process.env, ...env },
  }).then(
    () => assert.fail("it has written more than it could"),
    (error: { readonly code: number; readonly stderr: string }) => error,
  );
  assert.equal(full.code, 2, full.stderr);
  assert.match(full.stderr, /^error: \S*checkpoints\/\d{8}: the file grew past the size limit/);
  assert.deepEqual(await readdir(join(run, "checkpoints")), [saved]);
});

test("--json: standard output has an event a line, and is not torn by what is for people", async (t) => {
  const folder = await temporaryFolder(t);
  const images = await writeTinyFolder(folder);
  const flags = tinyFlags(images, join(folder, "logs"));
  const more = ["--steps", "4", "--eval_every", "2", "--name", "run", "--json"];
  const { code, stdout, stderr } = await runBin("bit-train", [...flags, ...more], { env });
  assert.equal(code, 0, stderr);
  assert.match(stderr, /^Done in \d+ s: /m);
  const events = stdout.trimEnd().split("\n");
  const parsed = events.map((line) => JSON.parse(line) as Record<string, unknown>);
  for (const { time } of parsed) assert.match(String(time), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  const told = parsed.filter(
    ({ type }) => !["note", "evaluating", "checkpoint"].includes(String(type)),
  );
  assert.deepEqual(
    told.map(({ type, step, at }) => [type, step ?? at].filter((value) => value !== undefined)),
    [
      ["start"],
      ["picture", 0],
      ...[0, 1].map((step) => ["step", step]),
      ["validation", 2],
      ["picture", 2],
      ...[2, 3].map((step) => ["step", step]),
      ["validation", "end"],
      ["picture", 4],
      ["done"],
    ],
  );
  const { result } = parsed.at(-1) as { result: { steps: number; validation: { count: number } } };
  assert.deepEqual([result.steps, result.validation.count], [4, 15]);
});

test("--no-tensorboard writes no event file", async (t) => {
  const folder = await temporaryFolder(t);
  const images = await writeTinyFolder(folder);
  const logs = join(folder, "logs");
  const more = ["--steps", "1", "--name", "run", "--no-tensorboard"];
  const { code, stderr } = await runBin("bit-train", [...tinyFlags(images, logs), ...more], {
    env,
  });
  assert.equal(code, 0, stderr);
  const names = await readdir(join(logs, "run"));
  assert.ok(names.includes("metrics.jsonl") && !names.some((name) => /tfevents/.test(name)));
});

test("a second signal ends the process in the middle of a step", async (t) => {
  const folder = await temporaryFolder(t);
  const logs = join(folder, "logs");
  const tiny = tinyFlags(await writeTinyFolder(folder), logs);
  // A step of many seconds on any machine, in parts, between which the first signal is heard.
  const slow = [
    "--batch",
    "960",
    "--batch_split",
    "240",
    "--resolution",
    "480",
    "--crop",
    "448",
    "--no-tensorboard",
  ];
  const args = [...tiny.join(" ").replace("--batch 8 --resolution 40 --crop 32 ", "").split(" ")];
  let heardMs = 0;
  const { signal, stdout } = await runBin("bit-train", [...args, ...slow, "--name", "slow"], {
    env,
    started: (child) => {
      child.stdout!.on("data", (text: string) => {
        if (text.includes("steps of 960 images")) setTimeout(() => child.kill("SIGINT"), 4000);
        if (!text.includes("Stopping after this step")) return;
        // What npm, npx and timeout do: the same signal once more, which is not a second one.
        child.kill("SIGINT");
        setTimeout(() => {
          heardMs = performance.now();
          child.kill("SIGINT");
        }, 1500);
      });
    },
  });
  const tookMs = performance.now() - heardMs;
  assert.match(stdout, /Stopping after this step/);
  assert.equal(signal, "SIGINT");
  t.diagnostic(`${tookMs.toFixed(0)} ms after the second signal`);
  assert.deepEqual(await readdir(join(logs, "slow")), [
    "config.json",
    "metrics.jsonl",
    "run.lock",
    "train.log",
  ]);
});
