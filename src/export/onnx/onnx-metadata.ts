/** What an ONNX file says of itself beside its graph: class names, and how photos become its input. */

import { z } from "zod";
import { counted } from "../../counted.js";
import { type ResizeMethod, resizeMethods } from "../../input/resize-method.js";
import { packageVersion } from "../../package-root.js";
import type { ExportModel } from "../export-model.js";
import { irVersion, type ModelProto, opset } from "./onnx-proto.js";

/** A model, but for its graph. Values of its metadata are text, or JSON of what is more than that. */
export function modelProto({ model, classes, classNames, size, resize }: ExportModel): ModelProto {
  const filter =
    resize === "pillow"
      ? "bilinear with antialiasing, as Pillow's resize(..., BILINEAR)"
      : "bilinear without antialiasing, as tf.image.resize";
  const metadata: Readonly<Record<string, unknown>> = {
    model,
    // As Ultralytics' tools write and read it: an object, by the class's number.
    ...(classNames && { names: { ...classNames } }),
    size: [size, size],
    resize,
    mean: [0.5, 0.5, 0.5],
    std: [0.5, 0.5, 0.5],
    channels: "RGB",
    layout: "NHWC",
  };
  return {
    ...{ irVersion, producerName: "bit-train", producerVersion: packageVersion() },
    docString:
      `Image classifier ${model}, ${counted(classes, "class", "classes")}. Input: RGB photos squashed to ${size}x${size} ` +
      `(${filter}), values (v / 255 - 0.5) / 0.5, float32 [batch,height,width,3]. Outputs: logits ` +
      `(softmax gives probabilities), and the features that the last layer sees.`,
    opsetImport: [{ domain: "", version: opset }],
    metadataProps: Object.entries(metadata).map(([key, value]) => {
      return { key, value: typeof value === "string" ? value : JSON.stringify(value) };
    }),
  };
}

const names = z.record(z.string().regex(/^\d+$/), z.string());
const size = z.tuple([z.int().positive(), z.int().positive()]);

/**
 * Class names, the side of the images, and how they are resized, as a file's metadata tells them.
 * @throws Error where it does not
 */
export function readMetadata({ metadataProps }: ModelProto): {
  readonly classNames: readonly string[] | undefined;
  readonly size: number;
  readonly resize: ResizeMethod;
} {
  const text = (key: string) => metadataProps.find((entry) => entry.key === key)?.value;
  const told = (key: string): unknown => {
    const found = text(key);
    return found && JSON.parse(found);
  };
  const [height, width] = size.parse(told("size"));
  if (height !== width) throw new Error(`a size of ${height}x${width}`);
  const given = names.optional().parse(told("names"));
  const count = Object.keys(given ?? {}).length;
  const inOrder = given && Array.from({ length: count }, (_, i) => given[String(i)]);
  if (inOrder?.includes(undefined)) throw new Error("its class names are not numbered from 0 on");
  const resize = z.enum(resizeMethods).parse(text("resize"));
  return { classNames: inOrder as readonly string[] | undefined, size: height, resize };
}
