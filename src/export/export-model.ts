/** A trained model as export formats see it: a description, and weights one at a time. */
import { openArchive } from "../archive/array-archive.js";
import type { ArrayArchive } from "../archive/array-entry.js";
import type { ResizeMethod } from "../input/resize-method.js";
import { type Architecture, variableSpecs } from "../model/architecture.js";
import { type FittedArchive, fitArchive } from "../model/checkpoint.js";
import { readWeights } from "../model/read-weights.js";
import type { RunRecord } from "../record/run-record.js";
import type { TrainedModel } from "../run/trained-model.js";
import { type InferenceGraph, inferenceGraph } from "./inference-graph.js";
import { standardized } from "./standardize.js";

/** A variable as the official archives have it: kernels `[H,W,I,O]`, the head's `[1,1,C,K]`. */
export interface Variable {
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** How photos become what the network takes. */
export interface ImagePreparation {
  /** The side to which they are squashed, whatever their proportions. */
  readonly size: number;
  readonly resize: ResizeMethod;
}

export interface ExportModel extends ImagePreparation {
  /** As in `BiT-M-R50x1`. */
  readonly model: string;
  readonly architecture: Architecture;
  readonly classes: number;
  /** What its outputs mean; undefined where nobody says. */
  readonly classNames: readonly string[] | undefined;
  /** What is known of how it was trained. */
  readonly run: RunRecord | undefined;
  /** Steps of that training; undefined where nobody says. */
  readonly steps: number | undefined;
  readonly graph: InferenceGraph;
  /**
   * A weight of the graph, row-major, standardized where the graph says so. It is read each time: who
   * keeps one at a time needs no more memory than that.
   * @throws UserError where the archive is damaged
   */
  weight(name: string): Promise<Float32Array>;
  /**
   * A variable as it is, by its official name.
   * @throws UserError where the archive is damaged
   */
  variable(name: string): Promise<Variable>;
  close(): Promise<void>;
}

/**
 * Opens a trained model for export.
 * @throws UserError where its archive is damaged or does not fit
 */
export async function openExportModel(
  { model, architecture, classes, classNames, weights, run, steps }: TrainedModel,
  { size, resize }: ImagePreparation,
): Promise<ExportModel> {
  const archive = await openArchive(weights);
  try {
    const specs = variableSpecs(architecture, classes);
    const arrays = archive.names.map((name) => archive.entry(name));
    const fitted = fitArchive(specs, arrays, { where: weights, model, newHead: false });
    const graph = inferenceGraph(architecture, classes);
    const variable = variablesOf(archive, fitted, specs);
    const isStandardized = new Set(
      graph.weights.filter((weight) => weight.standardized).map(({ name }) => name),
    );
    return {
      ...{ model, architecture, classes, classNames, size, resize, run, steps, graph, variable },
      weight: async (name) => {
        const { shape, values } = await variable(name);
        return isStandardized.has(name) ? standardized(values, shape.at(-1)!) : values;
      },
      close: () => archive.close(),
    };
  } catch (error) {
    await archive.close();
    throw error;
  }
}

function variablesOf(
  archive: ArrayArchive,
  fitted: FittedArchive,
  specs: ReturnType<typeof variableSpecs>,
): ExportModel["variable"] {
  const byName = new Map(specs.map((spec) => [spec.name, spec]));
  return async (name) => {
    const spec = byName.get(name);
    const values = spec && (await readWeights(archive, fitted, spec));
    if (spec === undefined || values === undefined) throw new Error(`no variable ${name}`);
    return { shape: spec.shape, values };
  };
}
