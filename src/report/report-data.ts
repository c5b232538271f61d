/** What a report's page is given: JSON in its file. It imports nothing, since the page is made of it too. */

/** Points of a run's curves. Where a run has many steps, each point stands for several. */
export interface ReportCurves {
  /** Steps that a point stands for. */
  readonly stride: number;
  /** `[n]`: the first step of each point, from 0. The others are means over its steps. */
  readonly steps: readonly number[];
  readonly loss: readonly (number | null)[];
  /** As on the terminal: each step's loss weighs 0.95 of the next one's. */
  readonly smoothed: readonly (number | null)[];
  readonly lr: readonly (number | null)[];
  readonly imagesPerSecond: readonly (number | null)[];
  /** Evaluations after so many steps: loss, and shares in [0, 1]. */
  readonly validations: readonly Validation[];
}

export interface Validation {
  /** Steps done. */
  readonly steps: number;
  readonly loss: number;
  readonly top1: number;
  readonly top5: number;
}

/** A part of a run's wall time. */
export interface TimePart {
  readonly part: string;
  readonly seconds: number;
}

/** An image, small, as a `data:` URL. */
export interface Picture {
  readonly url: string;
  /** Of the image itself, in pixels: the picture is as wide as it is high. */
  readonly width: number;
  readonly height: number;
}

/** Where on an image what speaks for a class is: Grad-CAM on the network's last map. */
export interface HeatMap {
  readonly label: number;
  readonly rows: number;
  readonly columns: number;
  /** Base64 of bytes, row by row: 255 is the largest value of all of the image's maps. */
  readonly levels: string;
}

/** The training image of a class that the model finds most like an image. */
export interface LikeImage {
  readonly label: number;
  readonly picture: Picture;
  /** How many of the class's images were looked at, of all. */
  readonly among: number;
  readonly all: number;
}

/** An image with the model's answer. */
export interface ShownImage {
  /** Its file, and its record where the file holds many. */
  readonly name: string;
  /** Its class. */
  readonly truth: number;
  /** The three most probable classes with their probabilities, and its own where that is known. */
  readonly top: readonly (readonly [label: number, probability: number])[];
  readonly picture?: Picture | undefined;
  /** For the model's answer, and of the worst mistakes also for the image's own class. */
  readonly heat?: readonly HeatMap[] | undefined;
  /** Of the worst mistakes: of the class answered and of its own, as far as they were looked for. */
  readonly like?: readonly LikeImage[] | undefined;
}

/** How one class fares: shares in [0, 1]; null where there is nothing to divide by. */
export interface ClassFigures {
  readonly count: number;
  readonly predicted: number;
  readonly precision: number | null;
  readonly recall: number | null;
  readonly f1: number | null;
}

/** Images whose highest probability lies between two. */
export interface ReliabilityBin {
  readonly low: number;
  readonly high: number;
  readonly count: number;
  readonly confidence: number | null;
  readonly accuracy: number | null;
}

/** What the predictions of the held-out images come to. */
export interface ReportJudgement {
  readonly count: number;
  readonly classNames: readonly string[];
  readonly interval: { readonly low: number; readonly high: number };
  readonly macro: { readonly precision: number; readonly recall: number; readonly f1: number };
  /** `[classes]` */
  readonly perClass: readonly ClassFigures[];
  /** Cells that are not 0. */
  readonly confusion: readonly (readonly [truth: number, predicted: number, count: number])[];
  readonly calibrationError: number;
  readonly reliability: readonly ReliabilityBin[];
  readonly mistakes: number;
  /** How many classes of each image were looked at for its own. */
  readonly places: number;
  /** The wrong answers that the model is surest of, the surest first. */
  readonly worst: readonly ShownImage[];
  /** The images whose most probable class is least probable. */
  readonly unsure: readonly ShownImage[];
  /** The first training image of a class, by the class's number, for images without those most like them. */
  readonly samples: Readonly<Record<string, Picture>>;
}

/** One run. */
export interface ReportedRun {
  readonly name: string;
  /** Of the folder or file that it was read from. */
  readonly path: string;
  readonly model?: string | undefined;
  readonly dataset?: string | undefined;
  readonly note?: string | undefined;
  /** Steps done, of its schedule. */
  readonly steps: number;
  readonly totalSteps?: number | undefined;
  readonly trainSize?: number | undefined;
  readonly valSize?: number | undefined;
  readonly classes?: number | undefined;
  /** The evaluation at its end. */
  readonly final?: Validation | undefined;
  readonly best?: { readonly step: number; readonly top1: number } | undefined;
  readonly seconds?: number | undefined;
  readonly settings: Readonly<Record<string, string>>;
  readonly curves: ReportCurves;
  readonly times: readonly TimePart[];
  readonly judgement?: ReportJudgement | undefined;
  /** What the report lacks, and why. */
  readonly remarks: readonly string[];
}

/** Mean over runs, and standard deviation of the sample (n - 1). */
interface OverRuns {
  readonly mean: number;
  readonly deviation: number | null;
}

/** Runs that differ in their seeds alone. Undefined is what not all of them have. */
export interface RepeatedRuns {
  readonly name: string;
  /** Their names. */
  readonly runs: readonly string[];
  readonly top1?: OverRuns | undefined;
  readonly top5?: OverRuns | undefined;
  readonly loss?: OverRuns | undefined;
  readonly macroF1?: OverRuns | undefined;
  readonly calibrationError?: OverRuns | undefined;
}

/** A report: of one run, or of several side by side. */
export interface ReportData {
  /** The bit-train that made it. */
  readonly bitTrain: string;
  /** When, in ISO 8601. */
  readonly made: string;
  readonly runs: readonly ReportedRun[];
  /** Those of them that were made under the same settings. */
  readonly repeats?: readonly RepeatedRuns[] | undefined;
}
