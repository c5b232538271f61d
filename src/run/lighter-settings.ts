/** Settings under which a run takes about a tenth of its time: a first look at what is to come. */
import { type Architecture, parseArchitecture } from "../model/architecture.js";
import { multiplyAdds } from "../model/multiply-adds.js";
import type { RunConfig } from "../record/run-config.js";
import { commandLine } from "../settings/command-line.js";
import { ZOO, zooModel } from "../zoo/models.js";
import type { ModelledOptions } from "./options.js";

/** What is taken instead. */
export interface LighterSettings {
  readonly model: string;
  /** Undefined where whole images are taken, of the side `crop`. */
  readonly resolution: number | undefined;
  readonly crop: number;
  readonly steps: number;
  /** Of the run's work, in (0, 1). */
  readonly share: number;
}

const wanted = 0.1;
// What photographs are classified at nearly as well; the rule's 480 is for the last percent.
const photoSize = { precrop: 256, crop: 224 };

/**
 * Settings for about a tenth of a run's work: first smaller images, where they are larger than 224 x 224; then
 * the largest published model of the same kind that is small enough; then fewer steps.
 * @param ownWeights whether the run's weights are the user's own, of one model only
 */
export function lighterSettings(
  config: Pick<RunConfig, "model" | "resolution" | "schedule" | "classNames"> &
    Partial<Pick<RunConfig, "freeze">>,
  ownWeights: boolean,
): LighterSettings {
  const { schedule, classNames, resolution } = config;
  const work = (architecture: Architecture, size: number) =>
    multiplyAdds(architecture, size, classNames.length);
  const whole = work(parseArchitecture(config.model), resolution.crop);
  const { precrop, crop } = resolution.crop > photoSize.crop ? photoSize : resolution;
  const shareOf = (model: string) => work(parseArchitecture(model), crop) / whole;
  const models = [config.model, ...(ownWeights ? [] : siblings(config.model))]
    .filter((model) => shareOf(model) <= shareOf(config.model))
    .sort((a, b) => shareOf(b) - shareOf(a));
  const model = models.find((name) => shareOf(name) <= 1.2 * wanted) ?? models.at(-1)!;
  const totalSteps = schedule.at(-1)!;
  const share = shareOf(model);
  // With a frozen body the time goes to the images, of which each is seen once.
  if (config.freeze) return { model, resolution: undefined, crop, steps: totalSteps, share };
  const steps = share <= 1.2 * wanted ? totalSteps : rounded((totalSteps * wanted) / share);
  return { model, resolution: precrop, crop, steps, share: (share * steps) / totalSteps };
}

/** Published models that differ in depth and width alone. */
function siblings(model: string): string[] {
  const kindOf = (name: string) => name.replace(/R\d+x\d+/, "R");
  const known = zooModel(model);
  if (known === undefined) return [];
  return ZOO.map(({ name }) => name).filter(
    (name) => name !== known.name && kindOf(name) === kindOf(known.name),
  );
}

/** To two digits, at least 1. */
function rounded(steps: number): number {
  return Math.max(1, Math.round(Number(steps.toPrecision(2))));
}

/** The command for them: the run's own, with these settings, and a name of its own. */
export function lighterCommand(options: ModelledOptions, lighter: LighterSettings): string {
  const { share: _, ...settings } = lighter;
  const name = options.name === undefined ? undefined : `${options.name}_quick`;
  const instead = { epochs: undefined, maxMinutes: undefined, force: undefined, name };
  return commandLine("bit-train", "train", { ...options, ...instead, ...settings });
}
