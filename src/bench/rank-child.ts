/**
 * Run as a process of its own by measure-ranks.ts, which tells it by a message what to do: joins the other processes, and
 * times reductions or training steps with them.
 */
import { openEngine } from "../engine/open.js";
import { UserError } from "../errors.js";
import { Collectives } from "../graph/collectives.js";
import { GraphBuilder } from "../graph/graph-builder.js";
import type { ShapedOutput } from "../graph/node-list.js";
import { assign, fill } from "../graph/ops.js";
import { parseArchitecture } from "../model/architecture.js";
import { type Joint, joinRun } from "../run/joint-run.js";
import { declareVariable } from "../step/variables.js";
import { graphContestant } from "./graph-contestant.js";
import type {
  RankMeasurement,
  RankOrder,
  RankReport,
  ReductionWork,
  TrainWork,
} from "./rank-order.js";
import { type StepTimes, timeSteps } from "./step-timing.js";

type Timing = Pick<RankOrder, "steps" | "warmup">;

const engine = openEngine("cpu");

process.once("message", (order: RankOrder) => {
  obey(order).then(
    (measurement) => tell({ type: "measured", measurement }),
    (error: unknown) => {
      if (!(error instanceof UserError)) tell({ type: "failed", message: String(error) });
      else {
        const { where, got, expected, nextStep } = error;
        tell({ type: "mistake", said: [where, got, expected, nextStep] });
      }
    },
  );
});
// Nobody is left to be told.
process.once("disconnect", () => process.exit());

function tell(report: RankReport): void {
  process.send!(report);
}

async function obey({ settings, work, ...timing }: RankOrder): Promise<RankMeasurement> {
  const joint = await joinRun(engine, settings);
  const measurement =
    work.type === "reduce" ? await reduce(joint, work, timing) : await train(joint, work, timing);
  await joint.group.end();
  return measurement;
}

async function reduce(
  { open, group }: Joint,
  { shapes, small, wire }: ReductionWork,
  { steps, warmup }: Timing,
): Promise<RankMeasurement> {
  const builder = new GraphBuilder();
  const collectives = new Collectives(builder, group.ranks);
  const variables = shapes.map((shape, i) =>
    declareVariable(builder, { name: `array_${i}`, shape }),
  );
  const values = variables.map(({ read, shape }): ShapedOutput => ({ ...read, shape }));
  const initialized = variables.map(({ handle, shape }) => {
    return assign(builder, handle, fill(builder, "float32", shape, 1));
  });
  const done = builder.ints(0);
  builder.fetchable("initialize", done, initialized);
  builder.fetchable("none", done);
  builder.fetchable("all", done, collectives.means(values, wire));
  const reductions = collectives.reductions.length;
  // A number for each process is the least that goes all ways.
  const few = fill(builder, "float32", [group.ranks], 1);
  const reduced = Array.from({ length: small }, () => collectives.means([few], wire)[0]!);
  builder.fetchable("small", done, reduced);
  builder.fetchable("one", done, collectives.means([few], wire));
  const session = open(builder.build());
  await session.run({}, ["initialize"]);
  const times: Record<string, StepTimes> = {};
  for (const name of ["all", "small", "one", "none"]) {
    const step = () => session.run({}, [name]);
    await timeSteps(1 + warmup, step);
    times[name] = await timeSteps(steps, step);
  }
  session.close();
  return { times, reductions };
}

async function train(
  { open, group }: Joint,
  { model, task, wire }: TrainWork,
  { steps, warmup }: Timing,
): Promise<RankMeasurement> {
  const architecture = parseArchitecture(model);
  const contestant = await graphContestant(
    engine,
    { ...task, architecture },
    { ranks: group.ranks, open, wire },
  );
  const step = () => contestant.step();
  await timeSteps(1 + warmup, step);
  const times = { step: await timeSteps(steps, step) };
  contestant.close();
  return { times, reductions: contestant.reductions };
}
