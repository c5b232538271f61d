/**
 * What evaluators are: each is told of one image after the other, once, and then says what it found.
 * An evaluator is a file in `measures/`; `registry.ts` finds it there, and nothing else knows its name.
 */

/** What is evaluated. */
export interface EvaluatedSubject {
  /** Outputs of the model. */
  readonly classes: number;
  /** `[classes]`, what they mean. */
  readonly classNames: readonly string[];
  /** Images in all. */
  readonly count: number;
  /** What people call the image at an index; default: `image 7`. */
  readonly imageName?: ((index: number) => string) | undefined;
  /**
   * `[count]`: all classes that are right for an image, where several may be; none where nobody could say.
   * Undefined where no such labels are given.
   */
  readonly realLabels?: readonly (readonly number[])[] | undefined;
}

/** What the model makes of one image. */
export interface Example {
  /** Its place among the images, from 0. */
  readonly index: number;
  /** Its class. */
  readonly label: number;
  /** float32 `[classes]`, finite; to be copied by who keeps them. */
  readonly logits: Float32Array;
  /** Its cross-entropy, in nats. */
  readonly loss: number;
  /** int32 `[min(5, classes)]`: the most probable classes, best first. To be copied by who keeps them. */
  readonly top: Int32Array;
}

/** One evaluation under way. */
export interface Evaluation {
  /** Told of every image once. */
  add(example: Example): void;
}

/** A value as JSON has it. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** What an evaluator found. */
export interface Measured {
  /** For programs. */
  readonly values: { readonly [key: string]: JsonValue };
  /** The same for people, in a line or a few; none where there is nothing to say. */
  readonly lines: readonly string[];
}

/** An evaluator that has begun. */
export interface Measurement extends Evaluation {
  /** To be called once, after the last image. */
  finish(): Measured;
}

/** A kind of evaluation. */
export interface Evaluator {
  /** What reports have its values under, in snake_case. Lines for people come in the order of the names. */
  readonly name: string;
  /** Begins; undefined where it has nothing to say of such a subject. */
  begin(subject: EvaluatedSubject): Measurement | undefined;
}

/** `97.32%` */
export function percentText(share: number): string {
  return `${(100 * share).toFixed(2)}%`;
}
