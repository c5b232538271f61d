/** An export's logits by readers that are JavaScript. */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import * as tf from "@tensorflow/tfjs";
import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm";
import * as ort from "onnxruntime-node";
import type { NumericArray } from "../../src/archive/npy.js";

const atOnce = 20;

/** What a reader said, and which version it is. */
export interface Reading {
  readonly logits: Float32Array;
  readonly version: string;
}

function inBatches({ shape, data }: NumericArray): { data: Float32Array; shape: number[] }[] {
  const [count = 0, ...rest] = shape;
  const each = rest.reduce((product, size) => product * size, 1);
  return Array.from({ length: Math.ceil(count / atOnce) }, (_, i) => {
    const part = (data as Float32Array).slice(i * atOnce * each, (i + 1) * atOnce * each);
    return { data: part, shape: [part.length / each, ...rest] };
  });
}

function joined(parts: readonly Float32Array[]): Float32Array {
  return Float32Array.from(parts.flatMap((part) => [...part]));
}

function versionOf(name: string): string {
  const path = createRequire(import.meta.url).resolve(`${name}/package.json`);
  return JSON.parse(readFileSync(path, "utf8")).version;
}

/** By TensorFlow.js, on one of its backends. */
export async function tfjsLogits(
  folder: string,
  images: NumericArray,
  backend: "cpu" | "wasm",
): Promise<Reading> {
  const name = "@tensorflow/tfjs-backend-wasm";
  const wasm = createRequire(import.meta.url).resolve(`${name}/package.json`);
  setWasmPaths(`${join(dirname(wasm), "dist")}/`);
  if (!(await tf.setBackend(backend))) throw new Error(`no backend ${backend}`);
  const json = JSON.parse(readFileSync(join(folder, "model.json"), "utf8"));
  const [{ paths, weights }] = json.weightsManifest;
  const bytes = Buffer.concat(paths.map((path: string) => readFileSync(join(folder, path))));
  const model = await tf.loadGraphModel(
    tf.io.fromMemory({
      modelTopology: json.modelTopology,
      format: json.format,
      weightSpecs: weights,
      weightData: Uint8Array.from(bytes).buffer,
    }),
  );
  const parts: Float32Array[] = [];
  for (const { data, shape } of inBatches(images)) {
    const input = tf.tensor(data, shape);
    const output = model.execute({ image: input }, "logits") as tf.Tensor;
    parts.push((await output.data()) as Float32Array);
    tf.dispose([input, output]);
  }
  model.dispose();
  return { logits: joined(parts), version: tf.version.tfjs };
}

/** By ONNX Runtime in Node, as it is by default. */
export async function ortNodeLogits(folder: string, images: NumericArray): Promise<Reading> {
  const session = await ort.InferenceSession.create(join(folder, "model.onnx"));
  const parts: Float32Array[] = [];
  for (const { data, shape } of inBatches(images)) {
    const { logits } = await session.run({ image: new ort.Tensor("float32", data, shape) });
    parts.push(logits!.data as Float32Array);
  }
  await session.release();
  return { logits: joined(parts), version: versionOf("onnxruntime-node") };
}
