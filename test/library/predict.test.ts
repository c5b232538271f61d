/** Models in a program: predictions against those of the command's own way, order, errors, many calls. */
import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { UserError } from "../../src/errors.js";
import type { ImageInput } from "../../src/library/image-input.js";
import { loadModel } from "../../src/library/loaded-model.js";
import type { Prediction } from "../../src/library/model.js";
import { predict } from "../../src/run/predict.js";
import { pattern } from "../cli/tiny-images.js";
import { makeTinyRun } from "../cli/tiny-run.js";
import { engine } from "../engine-for-tests.js";
import { fixturePath } from "../fixture-path.js";

const root = await mkdtemp(join(tmpdir(), "bit-train-library-"));
after(() => rm(root, { recursive: true, force: true }));
const { run, checkpoint, images } = await makeTinyRun(root);
const paths = ["red/8", "blue/9", "green/10", "blue/11", "red/12"].map((name) => {
  return join(images, "val", `${name}.bmp`);
});
const variants = ["rgb.jpg", "exif-big-long-12.jpg", "cmyk-adobe.jpg", "animated.webp"];
const files = [...paths, ...variants.map((name) => fixturePath("variants", name))];

/** What `bit-predict` computes. */
async function reference(inputs: readonly string[], size?: number): Promise<Float32Array[]> {
  const logits: Float32Array[] = [];
  const predicted = (made: { readonly logits: Float32Array }) =>
    void logits.push(made.logits.slice());
  await predict({ source: run, inputs, size }, engine, { predicted });
  return logits;
}

async function all<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const values: T[] = [];
  for await (const value of stream) values.push(value);
  return values;
}

/** float32's rounding, which differs with the number of images that are computed together. */
function assertNear(got: Float32Array, wanted: Float32Array, what: string): void {
  assert.equal(got.length, wanted.length, what);
  got.forEach((value, i) => {
    assert.ok(Math.abs(value - wanted[i]!) < 1e-4, `${what}: ${value}, not ${wanted[i]}`);
  });
}

test("paths, URLs, buffers and pixels give the command's logits, in order", async () => {
  await using model = await loadModel(run, { engine });
  assert.equal(model.name, "R14x0.5");
  assert.equal(model.size, 32);
  assert.deepEqual(model.classNames, ["blue", "green", "red"]);
  const wanted = await reference(files);
  const bytes = await Promise.all(files.map((file) => readFile(file)));
  const asPixels = (label: number, number: number) => {
    return { data: pattern(label, number, 40, 36), shape: [40, 36, 3] };
  };
  const forms: Record<string, readonly ImageInput[]> = {
    paths: files,
    urls: files.map((file) => pathToFileURL(file)),
    buffers: bytes,
    arrayBuffers: bytes.map((one) => new Uint8Array(one).buffer),
    pixels: [asPixels(2, 8), asPixels(0, 9), asPixels(1, 10), asPixels(0, 11), asPixels(2, 12)],
  };
  for (const [form, inputs] of Object.entries(forms)) {
    const predictions = await all(model.predict(inputs));
    assert.equal(predictions.length, inputs.length);
    for (const [i, { source, index, logits, top }] of predictions.entries()) {
      assert.equal(source, inputs[i]);
      assert.equal(index, i);
      assertNear(logits, wanted[i]!, `${form} ${i}`);
      assert.equal(top.length, 3);
      const sum = top.reduce((total, { probability }) => total + probability, 0);
      assert.ok(Math.abs(sum - 1) < 1e-6);
      for (const [place, { name, index: label }] of top.entries()) {
        assert.equal(name, model.classNames![label]);
        if (place > 0) assert.ok(logits[top[place - 1]!.index]! >= logits[label]!);
      }
    }
  }
});

test("a batch of pixels is as many images; float32 is what the network sees", async () => {
  await using model = await loadModel(checkpoint, { engine });
  const side = 32;
  const levels = [0, 1, 2].map((label) => pattern(label, 3, side, side));
  const data = Uint8Array.from(levels.flatMap((one) => [...one]));
  const scaled = Float32Array.from(data, (level) => (level - 127.5) / 127.5);
  const shape = [3, side, side, 3];
  const bytes = await all(model.predict({ data, shape }, { top: 1 }));
  const floats = await all(model.predict({ data: scaled, shape }, { top: 1 }));
  assert.equal(bytes.length, 3);
  for (const [i, { logits, top, index }] of bytes.entries()) {
    assert.equal(index, i);
    assert.equal(top.length, 1);
    // As large as the network takes them: nothing is resized.
    assertNear(logits, floats[i]!.logits, `image ${i}`);
  }
});

test("another size, and one image alone", async () => {
  await using model = await loadModel(run, { engine, size: 40, batch: 2 });
  const wanted = await reference(files, 40);
  const predictions = await all(model.predict(files));
  for (const [i, { logits }] of predictions.entries()) assertNear(logits, wanted[i]!, files[i]!);
  const [one, ...others] = await all(model.predict(files[1]!));
  assert.equal(others.length, 0);
  assertNear(one!.logits, wanted[1]!, "one path, no list");
});

test("features times the head are the logits, in every precision", async () => {
  for (const [precision, tolerance] of [
    ["fp32", 1e-4],
    ["bf16", 0.05],
    ["fp16", 0.01],
  ] as const) {
    await using model = await loadModel(run, { engine, precision });
    const { features, shape } = await model.embed(files);
    assert.deepEqual(shape, [files.length, 1024]);
    assert.equal(model.featureSize, 1024);
    assert.equal(features.length, files.length * 1024);
    const { kernel, bias } = await headOf(checkpoint);
    const predictions = await all(model.predict(files));
    for (const [i, { logits }] of predictions.entries()) {
      logits.forEach((logit, k) => {
        let sum = bias[k]!;
        for (let c = 0; c < 1024; c++) sum += features[i * 1024 + c]! * kernel[c * 3 + k]!;
        const bound = tolerance * Math.max(1, Math.abs(logit));
        assert.ok(Math.abs(sum - logit) < bound, `${precision}, ${i}, ${k}: ${sum} and ${logit}`);
      });
    }
  }
});

async function headOf(path: string) {
  const { NpzReader } = await import("../../src/archive/npz-reader.js");
  const archive = await NpzReader.open(path);
  try {
    const kernel = (await archive.read("resnet/head/conv2d/kernel")).data;
    const bias = (await archive.read("resnet/head/conv2d/bias")).data;
    return { kernel: kernel as Float32Array, bias: bias as Float32Array };
  } finally {
    await archive.close();
  }
}

test("an image that cannot be used: thrown in its place, or reported", async () => {
  await using model = await loadModel(run, { engine });
  const whole = await readFile(fixturePath("variants", "rgb.jpg"));
  const torn = whole.subarray(0, whole.length >> 1);
  const text = join(root, "text.jpg");
  await writeFile(text, "no image");
  const inputs = [files[0]!, torn, files[1]!, join(root, "missing.png"), text, Buffer.alloc(0)];
  const wanted = await reference([files[0]!, files[1]!]);
  const reported = await all(model.predict(inputs, { badImages: "report" }));
  assert.equal(reported.length, 6);
  const faults = reported.map(({ error }) => error?.message.split("\n")[0]);
  assert.equal(faults[0], undefined);
  assert.equal(faults[2], undefined);
  assertNear(reported[2]!.logits!, wanted[1]!, "after a bad one");
  if (engine.target.native.host) assert.match(faults[1]!, /^images\[1\]: cannot be used \(.*end/);
  assert.match(faults[3]!, /missing\.png: cannot be used \(no such file\)/);
  assert.match(faults[4]!, /text\.jpg: cannot be used \(no known image format\)/);
  assert.equal(faults[5], "images[5]: cannot be used (0 bytes)");

  const before: Prediction[] = [];
  await assert.rejects(
    async () => {
      const refused = [files[0]!, files[1]!, text, files[2]!];
      for await (const prediction of model.predict(refused)) before.push(prediction);
    },
    (error) => error instanceof UserError && error.where === text,
  );
  assert.equal(before.length, 2);
  await assert.rejects(model.embed([files[0]!, text]), UserError);
});

test("what is no image at all, or pixels that do not fit, is refused", async () => {
  await using model = await loadModel(run, { engine });
  const first = (images: unknown) => all(model.predict(images as string[]));
  await assert.rejects(first([7]), /TypeError: images\[0\]: a path/);
  await assert.rejects(first([files[0], null]), /TypeError: images\[1\]: a path/);
  const data = new Uint8Array(4 * 4 * 4);
  await assert.rejects(first({ data, shape: [4, 4, 4] }), /leave the alpha channel out/);
  await assert.rejects(first({ data, shape: [4, 4, 3] }), /64 values for shape \[4, 4, 3\]/);
  const far = new Float32Array(4 * 4 * 3).fill(200);
  await assert.rejects(first({ data: far, shape: [4, 4, 3] }), /values from 0 to 200/);
  await assert.rejects(loadModel(run, { engine, size: 0 }), /option size: 0/);
});

test("an option that is none, or none of its values, is refused", async () => {
  // As from plain JavaScript.
  const loading = (options: object) => loadModel(run, { engine, ...options });
  const precisions = /option precision: fp8 [\s\S]*fp32, bf16, fp16/;
  await assert.rejects(loading({ precision: "fp8" }), precisions);
  await assert.rejects(loading({ resize: "cubic" }), /option resize: cubic [\s\S]*pillow, tf/);
  await assert.rejects(loading({ best: 1 }), /option best: 1 [\s\S]*true or false/);
  await assert.rejects(loading({ top: 3 }), /option top: there is none/);
  await assert.rejects(loading({ dataUrl: "http://x" }), /option dataUrl: there is none/);
  const wrong: unknown[] = [undefined, 7, pathToFileURL(run)];
  for (const source of wrong)
    await assert.rejects(loadModel(source as string), /TypeError: source: /);
  await using model = await loading({});
  const predicting = (options: object) => all(model.predict(files, options));
  await assert.rejects(predicting({ top: 0 }), /option top: 0 is not possible/);
  await assert.rejects(predicting({ topp: 1 }), /option topp: .*[\s\S]*perhaps top/);
  await assert.rejects(predicting({ badImages: "skip" }), /option badImages: skip is not possible/);
  const slip: object = { abort: AbortSignal.abort() };
  await assert.rejects(model.embed(files, slip), /option abort: there is none/);
});

test("calls at the same time, and models at the same time, do not disturb each other", async () => {
  const [a, b] = await Promise.all([
    loadModel(run, { engine, batch: 4 }),
    loadModel(checkpoint, { engine, size: 24 }),
  ]);
  await using model = a;
  await using other = b;
  const wanted = await reference(files);
  const smaller = await reference(files, 24);
  const calls = Array.from({ length: 12 }, (_, i) => {
    const m = i % 3 === 2 ? other : model;
    return all(m.predict(i % 2 === 0 ? files : files.slice(2)));
  });
  const embedded = model.embed(files);
  for (const [i, predictions] of (await Promise.all(calls)).entries()) {
    const from = i % 2 === 0 ? 0 : 2;
    assert.equal(predictions.length, files.length - from);
    for (const [k, { logits }] of predictions.entries())
      assertNear(logits, (i % 3 === 2 ? smaller : wanted)[from + k]!, `call ${i}, ${k}`);
  }
  assert.equal((await embedded).shape[0], files.length);
});

test("a source that waits for its answers gets them, one image at a time", async () => {
  await using model = await loadModel(run, { engine });
  let answered = 0;
  let answer = () => {};
  const asking = async function* () {
    for (const [i, file] of files.slice(0, 4).entries()) {
      yield file;
      if (answered <= i) await new Promise<void>((go) => (answer = go));
    }
  };
  for await (const _ of model.predict(asking())) {
    answered++;
    answer();
  }
  assert.equal(answered, 4);
});

test("a reader that leaves, a signal, and a source that fails end the stream", async () => {
  await using model = await loadModel(run, { engine, batch: 2 });
  let pulled = 0;
  let closed = false;
  const endless = async function* () {
    try {
      for (;;) {
        pulled++;
        yield files[0]!;
      }
    } finally {
      closed = true;
    }
  };
  for await (const { index } of model.predict(endless())) if (index === 3) break;
  assert.ok(pulled < 12, `${pulled} were read ahead`);
  await new Promise(setImmediate);
  assert.ok(closed);

  const controller = new AbortController();
  const silent = async function* () {
    yield files[0]!;
    await new Promise(() => {});
  };
  let seen = 0;
  await assert.rejects(
    async () => {
      for await (const _ of model.predict(silent(), { signal: controller.signal })) {
        seen++;
        setTimeout(() => controller.abort(new Error("enough")), 5);
      }
    },
    { message: "enough" },
  );
  assert.equal(seen, 1);

  const failing = async function* () {
    yield* files.slice(0, 2);
    throw new Error("the camera is gone");
  };
  seen = 0;
  await assert.rejects(
    async () => {
      for await (const _ of model.predict(failing())) seen++;
    },
    { message: "the camera is gone" },
  );
  assert.equal(seen, 2);
});

test("a closed model says so", async () => {
  const model = await loadModel(run, { engine });
  await model.close();
  await model.close();
  await assert.rejects(all(model.predict(files)), /the model is closed/);
});
