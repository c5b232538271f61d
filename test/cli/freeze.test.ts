/** `bit-train --freeze` on the embedded sample, as users type it: beside logistic regression, killed, over XLA. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { sampleFolder } from "../../src/data/known-datasets.js";
import { cpuPlugin } from "../cpu-plugin.js";
import { quickCompiler } from "../engine/xla/quick-compiler.js";
import { fixturePath } from "../fixture-path.js";
import { bitEval, bitPredict, bitTrain, runBin, runHere } from "./command.js";
import { assertSameLosses, lossesOf, trainedOn } from "./device-runs.js";
import { endedAsWhole, env, killAfterSteps, runUninterrupted } from "./random-moments.js";

const probe = JSON.parse(readFileSync(fixturePath("probe.json"), "utf8")) as {
  readonly top1: number;
};

let root: string;
let flags: string[];

before(async () => {
  root = await mkdtemp(join(tmpdir(), "bit-train-test-"));
  const model = ["--model", "sample-R14x0.5", "--dataset", "sample", "--precision", "fp32"];
  flags = [...model, "--crop", "48", "--freeze", "--logdir", root];
});

after(() => rm(root, { recursive: true, force: true }));

test("the sample's probe is as good as a converged logistic regression, and is a run as any", async () => {
  const args = [...flags, "--name", "probe", "--eval_every", "100", "--json"];
  const { code, stdout, stderr } = await runHere(bitTrain, args);
  assert.equal(code, 0, stderr);
  const events = stdout.split("\n").map((line) => JSON.parse(line) as Record<string, unknown>);
  const { result } = events.at(-1) as { result: { validation: Record<string, number> } };
  const { top1, loss } = result.validation;
  // A point: of 500 images, 5.
  assert.ok(top1! >= probe.top1 - 0.01, `${top1}, where scikit-learn has ${probe.top1}`);

  const run = join(root, "probe");
  assert.match(await readFile(join(run, "report.html"), "utf8"), /freeze/);
  const judged = await runHere(bitEval, [run, "--json"]);
  assert.equal(judged.code, 0, judged.stderr);
  const report = JSON.parse(judged.stdout) as { val_top1: number; val_loss: number };
  assert.equal(report.val_top1, top1);
  assert.ok(Math.abs(report.val_loss - loss!) < 1e-5 * loss!);
  const image = join(sampleFolder(), "val", "sandal", "003.png");
  const seen = await runHere(bitPredict, [image, run, "--top", "1"]);
  assert.equal(seen.code, 0, seen.stderr);
  assert.match(seen.stdout, /sandal/);
  // Its checkpoint is a model to start from, for a probe and for the whole network.
  const further = ["--weights", run, "--dataset", "sample", "--crop", "32", "--logdir", root];
  const short = ["--steps", "2", "--batch", "4", "--no-report"];
  for (const more of [["--freeze"], []]) {
    const name = `further${more}`;
    const went = await runHere(bitTrain, [...further, ...short, ...more, "--name", name]);
    assert.equal(went.code, 0, went.stderr);
  }
});

test("killed between its steps, it goes on and ends as if nobody had killed it", async () => {
  const args = [...flags, "--steps", "1000", "--save_every", "100", "--no-report"];
  await runUninterrupted(args, root);
  let killed = 0;
  for (const delayMs of [20, 300]) {
    const { code } = await runBin("bit-train", [...args, "--name", "killed"], {
      env,
      started: ({ pid }) =>
        void killAfterSteps(pid!, join(root, "killed", "metrics.jsonl"), delayMs),
    });
    if (code !== null) break;
    killed++;
  }
  assert.ok(killed > 0);
  const last = await runBin("bit-train", [...args, "--name", "killed"], { env });
  assert.equal(last.code, 0, last.stderr);
  await endedAsWhole(root, "killed");
});

test("over XLA it is the CPU's, gone on with after a stop too", async () => {
  await cpuPlugin();
  Object.assign(process.env, quickCompiler);
  const options = {
    ...({ model: "sample-R14x0.5", dataset: "sample", precision: "fp32", crop: 48 } as const),
    ...{ freeze: true, logdir: root, steps: 40, evalEvery: 20, report: false },
  };
  await trainedOn("cpu", { ...options, name: "cpu" });
  await trainedOn("xla:cpu", { ...options, name: "xla" }, 30);
  await trainedOn("xla:cpu", { ...options, name: "xla" });
  // What rounding of features becomes in forty steps.
  assertSameLosses(await lossesOf(root, "xla"), await lossesOf(root, "cpu"), 1e-4);
});
