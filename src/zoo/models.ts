/**
 * The published models: names, addresses, and what their archives hold.
 * Source: README and notebooks of google-research/big_transfer.
 */
import { join } from "node:path";
import { closeNames, perhaps } from "../close-names.js";
import { UserError } from "../errors.js";
import { embeddedModel, parseArchitecture, publishedVariants } from "../model/architecture.js";
import { archiveBytes, parameterCount } from "./archive-size.js";
import { isPattern, patternExpression } from "./patterns.js";
import { vtabRuns, vtabTasks, vtabTasksWithCertainClasses, vtabVariants } from "./vtab.js";

/** One published archive. */
export interface ZooModel {
  /** As in `BiT-M-R50x1`; its part `R<depth>x<width>` tells the architecture. */
  readonly name: string;
  /** Its address below the zoo's. */
  readonly path: string;
  /** Outputs of its head. */
  readonly classes: number;
  /** What it was trained on. */
  readonly trainedOn: string;
  /**
   * Whether `classes`, and the archive's size that follows, are certain. Where false they are what its
   * description tells, and a file with another head is accepted.
   */
  readonly exact: boolean;
}

/** Where the official archives lie. */
export const ZOO_URL = "https://storage.googleapis.com/bit_models";

/** Where the archives are fetched from: a mirror named by `$BIT_BASE_URL`, or the official place. */
export function zooUrl(env: NodeJS.ProcessEnv = process.env): string {
  return env["BIT_BASE_URL"] || ZOO_URL;
}

const ilsvrcClasses = 1000;
const imagenet21kClasses = 21_843;

function published(name: string, classes: number, trainedOn: string, exact = true): ZooModel {
  return { name, path: `${name}.npz`, classes, trainedOn, exact };
}

const distilled = "distilled from BiT-M-R152x2 on ILSVRC-2012, at";
const teacher = "ImageNet-21k, fine-tuned on ILSVRC-2012 as a teacher, at";

/** The models fine-tuned on the tasks of VTAB-1k. */
export const VTAB: readonly ZooModel[] = vtabVariants.flatMap((variant) =>
  vtabRuns.flatMap((run) =>
    Object.entries(vtabTasks).map(([task, classes]) =>
      published(
        `vtab/BiT-M-${variant}-run${run}-${task}`,
        classes,
        `ImageNet-21k, fine-tuned on 1000 examples of ${task}`,
        vtabTasksWithCertainClasses.has(task),
      ),
    ),
  ),
);

/** Every model that can be fetched by its name. */
export const ZOO: readonly ZooModel[] = [
  ...publishedVariants.map((variant) =>
    published(`BiT-S-${variant}`, ilsvrcClasses, "ILSVRC-2012"),
  ),
  ...publishedVariants.map((variant) =>
    published(`BiT-M-${variant}`, imagenet21kClasses, "ImageNet-21k"),
  ),
  ...publishedVariants.map((variant) =>
    published(
      `BiT-M-${variant}-ILSVRC2012`,
      ilsvrcClasses,
      "ImageNet-21k, fine-tuned on ILSVRC-2012",
    ),
  ),
  published("BiT-M-R50x1-CIFAR10", 10, "ImageNet-21k, fine-tuned on CIFAR-10"),
  published("distill/R50x1_224", ilsvrcClasses, `${distilled} 224 pixels`),
  published("distill/R50x1_160", ilsvrcClasses, `${distilled} 160 pixels`),
  published("distill/R152x2_T_224", ilsvrcClasses, `${teacher} 224 pixels`),
  published("distill/R152x2_T_384", ilsvrcClasses, `${teacher} 384 pixels`),
  ...VTAB,
];

const byName: ReadonlyMap<string, ZooModel> = new Map(ZOO.map((model) => [model.name, model]));

/** The model of a name, which may end in `.npz`; undefined where there is none. */
export function zooModel(name: string): ZooModel | undefined {
  return byName.get(name.replace(/\.npz$/, ""));
}

/**
 * The model of a name, which may end in `.npz`.
 * @throws UserError that suggests similar names
 */
export function findZooModel(name: string): ZooModel {
  const found = zooModel(name);
  if (found !== undefined) return found;
  const names = [...byName.keys()];
  const asked = name.replace(/\.npz$/, "");
  if (asked === embeddedModel)
    throw new UserError(
      name,
      "comes with the package, and need not be downloaded",
      "a published model's name",
      `give it to the other commands by its name: npx bit-train --model ${embeddedModel} --dataset FOLDER`,
    );
  throw new UserError(
    name,
    "no published model has this name",
    perhaps(asked, [embeddedModel, ...names]) ?? `a name such as ${names[0]}`,
    "type npx bit-download --list for all names",
  );
}

/**
 * Models, published or the package's own, like one that is not: first those whose names are near, published ones
 * where the name's architecture was published, and the package's where it is of that architecture; then the
 * published ones of its family, BiT-M's or BiT-S's, of the nearest depth and then width first.
 * @throws UserError where the name tells no architecture
 */
export function modelsLike(model: string): string[] {
  const { name, units, width } = parseArchitecture(model);
  const isPublished = publishedVariants.some((variant) => variant === name);
  const near = closeNames(model, [embeddedModel, ...(isPublished ? byName.keys() : [])]);
  if (name === parseArchitecture(embeddedModel).name) near.unshift(embeddedModel);
  const depth = unitsSum(units);
  const family = [...publishedVariants]
    .map((variant) => ({ variant, ...parseArchitecture(variant) }))
    .map((one) => ({ ...one, deeper: Math.abs(unitsSum(one.units) - depth) }))
    .sort((a, b) => a.deeper - b.deeper || Math.abs(a.width - width) - Math.abs(b.width - width))
    .map(({ variant }) => `${/^BiT-S\b/i.test(model) ? "BiT-S" : "BiT-M"}-${variant}`);
  return [...new Set([...near, ...family])];
}

function unitsSum(units: readonly number[]): number {
  return units.reduce((sum, count) => sum + count, 0);
}

/**
 * The models of some names and patterns such as `vtab/BiT-M-R50x1-*`, each once, in the order in
 * which they are asked for.
 * @throws UserError for a name that there is not, and a pattern that no name matches
 */
export function findZooModels(patterns: readonly string[]): ZooModel[] {
  const found = patterns.flatMap((pattern) => {
    if (!isPattern(pattern)) return [findZooModel(pattern)];
    const expression = patternExpression(pattern.replace(/\.npz$/, ""));
    const matching = ZOO.filter(({ name }) => expression.test(name));
    if (matching.length > 0) return matching;
    throw new UserError(
      pattern,
      "no published model's name is like this",
      "a pattern such as 'BiT-M-*' or 'vtab/*-run0-dtd', in quotes; * does not go beyond a /",
      "type npx bit-download --list for all names",
    );
  });
  return [...new Set(found)];
}

/** Where a model lies in a folder of models. */
export function modelPath(folder: string, name: string): string {
  return join(folder, `${name}.npz`);
}

/** Parameters of a model, head included. */
export function modelParameters({ name, classes }: ZooModel): number {
  return parameterCount(parseArchitecture(name), classes);
}

/** Length in bytes of a model's archive; about that where the model is not `exact`. */
export function modelBytes({ name, classes }: ZooModel): number {
  return archiveBytes(parseArchitecture(name), classes);
}
