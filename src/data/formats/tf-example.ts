/**
 * Reads the few features of a tf.train.Example that make an image with its label. The rest is passed
 * over undecoded.
 */

import { featuresOf, valuesOf } from "./example-features.js";
import {
  type LabelValue,
  labelAmong,
  labelOfNumbers,
  labelOfText,
  textOf,
  UnfitExample,
} from "./label-value.js";

/** An image as TensorFlow's datasets store it. */
export interface ImageExample {
  /** The image's file, a view of the example's bytes. */
  readonly encoded: Uint8Array;
  readonly label: LabelValue;
  /** The class in words, its WordNet id first, where the example has these. */
  readonly text: string | undefined;
}

/** The features that are the image and its label. */
export interface ExampleNames {
  readonly image: string;
  readonly label: string;
}

/**
 * The features' names where nothing tells them: as ImageNet's and TF-Slim's scripts write them; as TFDS
 * does; and as TensorFlow's tutorials, the datasets on Kaggle, FiftyOne and img2dataset have them.
 */
const NAMES = [
  {
    images: ["image/encoded"],
    labels: ["image/class/label"],
    texts: ["image/class/synset", "image/class/text"],
  },
  {
    images: ["image", "image_raw", "image_bytes", "encoded", "img", "jpeg", "jpg", "png", "webp"],
    labels: ["label", "class", "target", "labels", "class_id", "label_id", "one_hot_class"],
    texts: ["class_name", "label_name"],
  },
] as const;

/**
 * @param names where it is known which features these are
 * @throws UnfitExample that says what is lacking; Error where the bytes are no Example
 */
export function parseImageExample(bytes: Uint8Array, names?: ExampleNames): ImageExample {
  const features = featuresOf(bytes);
  const known = names && [{ images: [names.image], labels: [names.label], texts: [] }];
  for (const { images, labels, texts } of known ?? NAMES) {
    const imageNames = images.filter((name) => features.has(name));
    const labelNames = labels.filter((name) => features.has(name));
    const [image, second] = imageNames;
    if (image === undefined || labelNames.length === 0) continue;
    if (second !== undefined)
      throw new UnfitExample(`two features could be the image: ${image} and ${second}`);
    const encoded = imageIn(image, features.get(image)!);
    const { label, word } = labelAmong(
      labelNames.map((name) => [name, labelIn(name, features.get(name)!)]),
    );
    const words = texts.flatMap((name) => {
      const { values } = valuesOf(features.get(name) ?? new Uint8Array(0));
      return values.flatMap((value) =>
        value instanceof Uint8Array && value.length > 0 ? [textOf(value) ?? []].flat() : [],
      );
    });
    return { encoded, label, text: words.join(" ") || word };
  }
  throw new UnfitExample(lacking(features, known ?? NAMES));
}

function imageIn(name: string, feature: Uint8Array): Uint8Array {
  const { kind, values } = valuesOf(feature);
  const [first] = values;
  if (kind !== "bytes" || !(first instanceof Uint8Array))
    throw new UnfitExample(`the feature ${name} holds no bytes`);
  if (values.length > 1)
    throw new UnfitExample(
      `the feature ${name} holds ${values.length} images, and one is expected`,
    );
  return first;
}

function labelIn(name: string, feature: Uint8Array): LabelValue {
  const { kind, values } = valuesOf(feature);
  try {
    return kind === "bytes" ? labelOfText(values) : labelOfNumbers(values);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new UnfitExample(`the feature ${name} ${reason}`);
  }
}

/** The features by which records of raw pixels tell their shape. */
const SHAPES = [
  ["image/height", "image/width"],
  ["height", "width"],
  ["rows", "cols"],
] as const;

/**
 * Whether what begins as no image file is pixels instead, as tutorials write them.
 * @param bytes of the example
 * @param image as `parseImageExample` gives it
 * @throws UnfitExample where it is a tensor's bytes, or a serialized tensor
 */
export function refusePixels(bytes: Uint8Array, image: Uint8Array): void {
  const features = featuresOf(bytes);
  const whole = (feature: string) => {
    const [value] = valuesOf(features.get(feature) ?? new Uint8Array(0)).values;
    return typeof value === "number" ? value : 0;
  };
  const isShape = ([rows, columns]: (typeof SHAPES)[number]) => {
    const pixels = whole(rows) * whole(columns);
    return pixels > 0 && [1, 3, 4].some((channels) => image.length === channels * pixels);
  };
  // A TensorProto: field 1 is the type of its numbers, 1 (float32) to 30, field 2 its shape.
  const isTensor = image[0] === 0x08 && image[1]! >= 1 && image[1]! <= 30 && image[2] === 0x12;
  if (isTensor || SHAPES.some(isShape))
    throw new UnfitExample(
      `the image is ${isTensor ? "a serialized tensor" : "raw pixels"}, no file of an image, as ` +
        "tf.io.encode_png makes it",
    );
}

function lacking(
  features: ReadonlyMap<string, Uint8Array>,
  wanted: readonly { readonly images: readonly string[]; readonly labels: readonly string[] }[],
): string {
  const names = [...features.keys()].sort().map((name) => name.slice(0, 40));
  const more = names.length > 10 ? ` and ${names.length - 10} more` : "";
  const found = names.slice(0, 10).join(", ") + more || "no feature at all";
  const pairs = wanted.map(({ images, labels }) => `${images[0]} and ${labels[0]}`);
  return `has neither ${pairs.join(", nor ")}, but ${found}`;
}
