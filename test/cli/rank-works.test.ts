/** What several processes do together beside one run: plan it, or make several, one after the other. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { temporaryFolder } from "../data/temporary-folder.js";
import { freePorts } from "../free-ports.js";
import { flags, launchTrain, requireDone, skip, startRank, stateOf } from "./launched.js";

test("--dry_run: all ranks time the steps, rank 0 says the plan, and nothing is written", {
  skip,
}, async (t) => {
  const logdir = await temporaryFolder(t);
  const command = [...flags(logdir, "run"), "--dry_run"];
  const text = await requireDone(launchTrain(command));
  assert.match(text, /2 processes share each batch, 4 images each/);
  assert.match(text, /12 steps will take about .* by \d timed steps?\), evaluations included/);
  assert.match(text, /Nothing was written \(--dry_run\)/);
  assert.doesNotMatch(text, /\[rank 1\]/);

  const json = await requireDone(launchTrain([...command, "--json"], { processes: 2 }));
  const facts = JSON.parse(json.split("\n").find((line) => line.startsWith("{"))!);
  assert.equal(facts.config.ranks, 2);
  assert.ok(facts.measured.stepMs > 0);

  const whole = command.filter((word, i) => word !== "--steps" && command[i - 1] !== "--steps");
  const limited = await requireDone(launchTrain([...whole, "--max_minutes", "60"]));
  assert.match(limited, /all 500 steps of the recipe fit 60 minutes, by \d timed step/);
  assert.deepEqual(readdirSync(logdir), []);
});

test("ranks that are told to do different things are refused", { skip }, async (t) => {
  const logdir = await temporaryFolder(t);
  const [port] = await freePorts(1);
  const both = [[], ["--dry_run"]].map((more, rank) =>
    startRank({ rank, ranks: 2, port: port! }, [...flags(logdir, "run"), ...more]),
  );
  for (const { ended } of both) {
    const { code, text } = await ended;
    assert.equal(code, 2, text);
    assert.match(text, /rank 1: --dry_run is true, that of rank 0 is false/);
  }
  assert.deepEqual(readdirSync(logdir), []);
});

test("--seeds: runs one after the other, each as by itself, also where they are stopped between", {
  skip,
}, async (t) => {
  const logdir = await temporaryFolder(t);
  const own = flags(logdir, "set", { steps: "4" });
  const seeds = [...own, "--seeds", "2", "--seed", "5"];
  const stopping = launchTrain([...flags(logdir, "set", { steps: "100000" }), "--seeds", "2"]);
  await Promise.race([stopping.stepped, stopping.ended]);
  stopping.child.kill("SIGTERM");
  const { code, text: stopped } = await stopping.ended;
  assert.equal(code, 143, stopped);
  assert.match(stopped, /Stopped after \d+ steps\.[\s\S]*0 of 2 runs are done/);

  // Within the report of the first, which is done: no other begins.
  const reporting = flags(logdir, "told", { steps: "2" }).filter((flag) => flag !== "--no-report");
  const first = launchTrain([...reporting, "--seeds", "2"]);
  while (!first.said().includes("Making the report")) await sleep(20);
  first.child.kill("SIGTERM");
  const { code: after, text: told } = await first.ended;
  assert.equal(after, 143, told);
  assert.match(told, /Done in [\s\S]*1 of 2 runs are done\./);
  assert.doesNotMatch(told, /Run 2 of 2|error:/);

  const text = await requireDone(launchTrain(seeds));
  assert.match(text, /Run 2 of 2, seed 6 \(set_seed6\)[\s\S]*mean of 2/);
  const summary = JSON.parse(readFileSync(join(logdir, "set_seeds.json"), "utf8"));
  assert.equal(summary.runs.length, 2);
  await requireDone(launchTrain(flags(logdir, "alone", { steps: "4", seed: "6" })));
  assert.equal(stateOf(join(logdir, "set_seed6"), 4), stateOf(join(logdir, "alone"), 4));

  const dry = await requireDone(launchTrain([...own, "--seeds", "3", "--seed", "5", "--dry_run"]));
  assert.match(dry, /The 3 runs, of which 2 are done, will take about/);
  assert.equal(existsSync(join(logdir, "set_seed7")), false);
  const again = await requireDone(launchTrain(seeds));
  assert.match(again, /Run 2 of 2, seed 6 \(set_seed6\) is done/);
});
