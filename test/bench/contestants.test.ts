/**
 * Both implementations compute the same, or comparing their speed would be idle. They share neither
 * layers nor gradients: only the variables' names and the values they start from.
 *
 * Tolerances: the first loss is one float32 forward pass, 1e-5 relative. Later ones follow updates
 * from gradients in another order of additions and with a variance computed another way; 1e-3 is
 * ten times what is seen, and a missing momentum or a wrong gradient differs by 1e-1.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { eagerContestant } from "../../src/bench/eager-contestant.js";
import { graphContestant } from "../../src/bench/graph-contestant.js";
import type { BenchMode, BenchTask, Contestant } from "../../src/bench/task.js";
import { openEngine } from "../../src/engine/open.js";
import { parseArchitecture } from "../../src/model/architecture.js";

async function losses(contestant: Contestant, steps: number): Promise<number[]> {
  try {
    const found: number[] = [];
    for (let i = 0; i < steps; i++) found.push(await contestant.step());
    return found;
  } finally {
    contestant.close();
  }
}

function taskOf(mode: BenchMode): BenchTask {
  const architecture = parseArchitecture("R14x0.5");
  return { architecture, mode, batch: 4, resolution: 48, classes: 5, precision: "fp32" };
}

function near(got: number, wanted: number, tolerance: number): void {
  assert.ok(Math.abs(got - wanted) <= tolerance * wanted, `${got} instead of ${wanted}`);
}

test("graph and textbook code train alike", async () => {
  const engine = openEngine();
  const graph = await losses(await graphContestant(engine, taskOf("train")), 4);
  const eager = await losses(await eagerContestant(engine, taskOf("train")), 4);
  near(eager[0]!, graph[0]!, 1e-5);
  for (let i = 1; i < 4; i++) near(eager[i]!, graph[i]!, 1e-3);
  assert.ok(graph[3]! < 0.99 * graph[0]!, `training does not move the loss: ${graph}`);
});

test("graph and textbook code evaluate alike, and change nothing by it", async () => {
  const engine = openEngine();
  const graph = await losses(await graphContestant(engine, taskOf("eval")), 2);
  const eager = await losses(await eagerContestant(engine, taskOf("eval")), 2);
  near(eager[0]!, graph[0]!, 1e-5);
  near(graph[1]!, graph[0]!, 1e-6);
  near(eager[1]!, eager[0]!, 1e-6);
});
