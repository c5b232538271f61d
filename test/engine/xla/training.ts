/** The smallest network in training on made-up images, on any engine: batches of 8, in parts or whole. */
import type { Split } from "../../../src/data/dataset.js";
import {
  type Engine,
  floats,
  type HostTensor,
  integers,
  scalar,
} from "../../../src/engine/session.js";
import { type ComputeType, inType } from "../../../src/graph/target.js";
import { parseArchitecture } from "../../../src/model/architecture.js";
import { mixupPartners } from "../../../src/recipe/mixup.js";
import { openTrainProgram, startImages, type TrainProgram } from "../../../src/step/program.js";
import type { LossOptions } from "../../../src/step/training-loss.js";
import { assignVariables, readVariables } from "../../../src/step/variables.js";
import { variableValues } from "../../deterministic.js";

const [side, precrop, crop, batch, classes] = [20, 24, 16, 8, 10];

function splitOf(count: number, seed: number): Split {
  const pixels = Uint8Array.from({ length: count * side * side * 3 }, (_, i) => {
    return 128 + 100 * Math.sin(12.9898 * (i + seed)) + 27 * Math.cos((i * i) % 1009);
  });
  const labels = Int32Array.from({ length: count }, (_, i) => (i * 7 + seed) % classes);
  return { images: { kind: "pixels", pixels, height: side, width: side }, labels };
}

const train = splitOf(40, 0);
const val = splitOf(16, 5);

interface Trial extends LossOptions {
  readonly computeType?: ComputeType;
  /** Parts of a batch. */
  readonly split?: number;
  readonly mixup?: boolean;
  readonly remat?: boolean;
}

/** Both of a loss's options. */
export const weighed: LossOptions = {
  labelSmoothing: 0.1,
  classWeights: Float64Array.of(0.4, 3, 0.7, 2, 1, 0.2, 5, 0.6, 0.9, 1.5),
};

/** A network whose variables have values that look random, at its first step. */
export class Training {
  private step = 0;

  private constructor(
    readonly program: TrainProgram,
    private readonly trial: Trial,
  ) {}

  static async open(engine: Engine, trial: Trial = {}): Promise<Training> {
    const { computeType = "float32", split = 1, mixup = false, remat = false } = trial;
    const { labelSmoothing, classWeights } = trial;
    const architecture = parseArchitecture("R14x0.5");
    const target = inType(engine.target, computeType);
    const program = await openTrainProgram(
      engine.open,
      { architecture, classes, target, remat },
      { train, val },
      {
        ...{ labelSmoothing, classWeights },
        ...{ split, mixup, microBatch: batch / split, evalBatch: batch, workers: 2 },
        resolution: { precrop, crop },
      },
    );
    const { session, variables } = program;
    await assignVariables(
      session,
      variables.map((variable) => [variable, variableValues(variable)]),
    );
    await session.run({}, ["train/initialize"]);
    const training = new Training(program, trial);
    await training.begin();
    return training;
  }

  /** Lets the images begin anew. */
  async begin(): Promise<void> {
    const indices = Int32Array.from({ length: 40 }, (_, i) => (i * 11) % 40);
    const augmentations = new Int32Array(3 * 40).map((_, i) => (i % 3 === 2 ? i % 2 : i % 5));
    await startImages(this.program, "train_images", indices, augmentations);
  }

  /** The losses of so many steps, at most five since the images began. */
  async losses(steps: number, rate = 0.001): Promise<number[]> {
    const { split = 1, mixup = false } = this.trial;
    const made: number[] = [];
    for (let i = 0; i < steps; i++, this.step++) {
      let loss = 0;
      for (let part = 0; part < split; part++) {
        const last = part === split - 1;
        const partners = mixupPartners(3, this.step, part, batch / split);
        const feeds: Record<string, HostTensor> = {
          ...(last && { "train/learning_rate": scalar("float32", rate) }),
          ...(mixup && {
            "train/mixup_lambda": scalar("float32", 0.7),
            "train/mixup_partners": { type: "int32", shape: [batch / split], data: partners },
          }),
        };
        const fetch = split === 1 ? "train/step" : last ? "train/finish" : "train/accumulate";
        const [value] = await this.program.session.run(feeds, [fetch]);
        loss += floats(value)[0]! / split;
      }
      made.push(loss);
    }
    return made;
  }

  /** Losses and best classes of the 16 images of validation. */
  async evaluation(): Promise<{ losses: number[]; top: number[] }> {
    const { session } = this.program;
    const indices = Int32Array.from({ length: 16 }, (_, i) => 15 - i);
    await startImages(this.program, "val_images", indices, new Int32Array(3 * 16));
    const [losses, top]: [number[], number[]] = [[], []];
    for (let part = 0; part < 2; part++) {
      const [loss, best] = await session.run({}, ["eval/loss", "eval/top"]);
      losses.push(...floats(loss));
      top.push(...integers(best));
    }
    return { losses, top };
  }

  /** All that is to be saved, by name. */
  async state(): Promise<Map<string, Float32Array>> {
    const { session, variables, optimizerState } = this.program;
    const found = new Map<string, Float32Array>();
    for await (const [{ name }, values] of readVariables(session, [
      ...variables,
      ...optimizerState,
    ]))
      found.set(name, values);
    return found;
  }

  async setState(state: ReadonlyMap<string, Float32Array>): Promise<void> {
    const { session, variables, optimizerState } = this.program;
    await assignVariables(
      session,
      [...variables, ...optimizerState].map((one) => [one, state.get(one.name)!]),
    );
  }

  close(): void {
    this.program.session.close();
  }
}

/** The largest relative difference of each number from what was expected. */
export function apart(values: readonly number[], expected: readonly number[]): number[] {
  return values.map((x, i) => Math.abs(x - expected[i]!) / Math.abs(expected[i]!));
}
