/** One of several processes: what becomes of values and of gradients that each is given. */
import { createHash } from "node:crypto";
import { readdirSync } from "node:fs";
import { floats } from "../../src/engine/session.js";
import { Collectives, type WireType } from "../../src/graph/collectives.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import { addLossScale } from "../../src/step/loss-scale.js";
import { addMomentumUpdate, meanOfRanks, transformed } from "../../src/step/update.js";
import { assignVariables, declareVariable, readVariables } from "../../src/step/variables.js";
import { shapes, valuesOf } from "../graph/rank-values.js";
import { asRank } from "../train/rank-processes.js";

/** What is tried. */
export interface UpdateTrial {
  readonly wire: WireType;
  /** Whether means of `rank-values` are made. */
  readonly means?: boolean;
  /** Of each step and each rank, the gradient of a variable `[1]`, as `Number` reads it. */
  readonly steps: readonly (readonly string[])[];
  /** How often the values of all are gathered. */
  readonly gatherings?: number;
}

/** What a process comes to. */
export interface UpdateResult {
  /** Of the means of `rank-values`: all of the small ones, and a hash of each. */
  readonly small: readonly (readonly string[])[];
  readonly hashes: readonly string[];
  /** After each step: the variable, its momentum, the loss's factor, and finite steps in a row. */
  readonly states: readonly (readonly number[])[];
  /** The values of all ranks, one after the other in the order of their ranks. */
  readonly gathered: readonly number[];
  /** Whether there are not many more threads after all gatherings than after the first. */
  readonly fewThreads: boolean;
}

const { place, cluster, trial } = asRank<UpdateTrial>();
const builder = new GraphBuilder();
const collectives = new Collectives(builder, place.ranks);

const chosen = trial.means === true ? shapes : [];
const fed = chosen.map((shape, i) => {
  return { ...builder.placeholder(`value_${i}`, "float32", shape), shape };
});
for (const [i, mean] of collectives.means(fed, trial.wire).entries())
  builder.fetchable(`mean_${i}`, mean);
const own = { ...builder.placeholder("own", "float32", [1]), shape: [1] };
builder.fetchable("all", collectives.gathered(own));

const variable = declareVariable(builder, { name: "variable", shape: [1] });
const scale = addLossScale(builder);
const optimizer = addMomentumUpdate(builder, [variable]);
const start = {
  gradients: [builder.placeholder("gradient", "float32", [1])],
  learningRate: builder.constant("float32", [], [0.5]),
  momentum: builder.constant("float32", [], [0.9]),
  ...{ updates: [], besides: [] },
};
const update = [
  meanOfRanks(collectives, [variable], trial.wire),
  scale.guard,
  optimizer.apply,
] as const;
builder.fetchable("step", builder.ints(0), transformed(start, update));
builder.fetchable("begin", builder.ints(0), [...scale.initialized, ...optimizer.initialized]);

const session = cluster.open(builder.build());
await session.run({}, ["begin"]);
await assignVariables(session, [[variable, Float32Array.of(1)]]);
const feeds = Object.fromEntries(
  chosen.map((shape, i) => {
    return [`value_${i}`, { type: "float32", shape, data: valuesOf(place.rank, i) }] as const;
  }),
);
const fetches = chosen.map((_, i) => `mean_${i}`);
const means = fetches.length > 0 ? await session.run(feeds, fetches) : [];
const data = Float32Array.of(place.rank);
const gather = () => session.run({ own: { type: "float32", shape: [1], data } }, ["all"]);
const [all] = await gather();
const threads = () => readdirSync("/proc/self/task").length;
const threadsBefore = threads();
for (let i = 1; i < (trial.gatherings ?? 1); i++) await gather();
const fewThreads = threads() < threadsBefore + 200;
const states: number[][] = [];
for (const gradients of trial.steps) {
  const gradient = Float32Array.of(Number(gradients[place.rank]));
  await session.run({ gradient: { type: "float32", shape: [1], data: gradient } }, ["step"]);
  const state: number[] = [];
  const variables = [variable, ...optimizer.state, ...scale.state];
  for await (const [, values] of readVariables(session, variables)) state.push(values[0]!);
  states.push(state);
}
session.close();
const result: UpdateResult = {
  small: means.map((mean) => [...floats(mean)].slice(0, 100).map(String)),
  hashes: means.map((mean) => createHash("sha256").update(floats(mean)).digest("hex")),
  ...{ states, gathered: [...floats(all)], fewThreads },
};
console.log(JSON.stringify(result));
