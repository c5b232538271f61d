/** Grad-CAM against pytorch-grad-cam, on timm's network in float64 (scripts/make-grad-cam-fixture.py), and against CAM. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { type Engine, floats } from "../../src/engine/session.js";
import { type ComputeType, inType } from "../../src/graph/target.js";
import { ImageProgram } from "../../src/input/image-program.js";
import { headBias, headKernel, parseArchitecture } from "../../src/model/architecture.js";
import { lastMap } from "../../src/model/resnet.js";
import type { Explained } from "../../src/step/explain-step.js";
import { openPredictProgram } from "../../src/step/program.js";
import { assignVariables } from "../../src/step/variables.js";
import { imageValues, variableValues } from "../deterministic.js";
import { xla } from "../engine/xla/engines.js";
import { engine } from "../engine-for-tests.js";
import { fixturePath } from "../fixture-path.js";

interface ExplainedMap {
  readonly label: number;
  readonly shape: readonly [number, number];
  readonly map: readonly number[];
}

const fixture = JSON.parse(readFileSync(fixturePath("grad-cam.json"), "utf8")) as {
  readonly size: number;
  readonly images: readonly {
    readonly file: string;
    readonly logits: readonly number[];
    readonly maps: readonly ExplainedMap[];
  }[];
};

/** A network with the weights of test/deterministic.ts, which explains images of one size. */
async function explaining(
  on: Engine,
  options: { model: string; classes: number; shape: [number, number, number, 3] },
  explained: Explained,
  computeType: ComputeType = "float32",
) {
  const architecture = parseArchitecture(options.model);
  const network = {
    architecture,
    classes: options.classes,
    target: inType(on.target, computeType),
  };
  const program = await openPredictProgram(on.open, network, options.shape, explained);
  const { session, variables } = program;
  await assignVariables(
    session,
    variables.map((variable) => [variable, variableValues(variable)]),
  );
  return program;
}

/** The golden photos as the network sees them, `[2,size,size,3]`. */
async function photos(size: number): Promise<Float32Array> {
  const program = new ImageProgram(engine, size, "pillow");
  const made: number[] = [];
  for (const { file } of fixture.images) {
    const bytes = await readFile(fixturePath("..", "..", "sample", "golden", file));
    const image = await program.make({ bytes, decoder: "jpeg-or-png", orientation: 1 });
    const levels = image.type === "uint8";
    for (const value of image.data) made.push(levels ? value / 127.5 - 1 : value);
  }
  program.close();
  return Float32Array.from(made);
}

/**
 * How far float32 may be apart, of a map's largest value: ten times what it was. Narrower types keep 8 and
 * 11 bits of every value on the way through 50 layers of random weights, where a place's value is a
 * small difference of large sums: all maps together are to be alike, by their correlation. A map by itself, of small
 * values, had 0.77, 0.75 or 0.01 in bfloat16, by how it was computed, where the others had 0.91 to 0.99.
 */
const tolerance = 1e-3;
const likeness = { float32: 0.999999, float16: 0.99, bfloat16: 0.9 } as const;

/** Of two rows of numbers, by Pearson. */
function correlation(a: readonly number[], b: readonly number[]): number {
  const centred = (x: readonly number[]) => {
    const mean = x.reduce((sum, value) => sum + value, 0) / x.length;
    return x.map((value) => value - mean);
  };
  const [p, q] = [centred(a), centred(b)];
  const product = (x: readonly number[], y: readonly number[]) => {
    return x.reduce((sum, value, i) => sum + value * y[i]!, 0);
  };
  return product(p, q) / Math.sqrt(product(p, p) * product(q, q));
}

for (const [where, on, types] of [
  ["the CPU", () => engine, ["float32", "float16", "bfloat16"]],
  ["XLA", () => xla(), ["float32"]],
] as const)
  test(`the maps are pytorch-grad-cam's, on ${where}`, async (t) => {
    const { size, images } = fixture;
    const count = images[0]!.maps.length;
    const data = await photos(size);
    const labels = Array.from({ length: count }, (_, i) =>
      images.map(({ maps }) => maps[i]!.label),
    );
    const feeds = {
      images: { type: "float32", shape: [2, size, size, 3], data },
      ...Object.fromEntries(
        labels.map((each, i) => {
          const data = Int32Array.from(each);
          return [`predict/explained_${i}`, { type: "int32", shape: [2], data } as const];
        }),
      ),
    } as const;
    const fetches = labels.map((_, i) => `predict/map_${i}`);
    for (const type of types) {
      // A setting of oneDNN's may leave a narrow type out.
      if (type !== "float32" && on().target.leftOut?.(type) !== undefined) continue;
      const options = { model: "R50x1", classes: 10, shape: [2, size, size, 3] } as const;
      const { session } = await explaining(
        on(),
        { ...options, shape: [...options.shape] },
        { kind: "fed", count },
        type,
      );
      const maps = (await session.run(feeds, fetches)).map(floats);
      const [got] = await session.run(feeds, ["predict/images"]);
      session.close();
      assert.deepEqual(got!.shape, [2, size, size, 3]);
      let worst = 0;
      const [all, wantedOfAll]: [number[], number[]] = [[], []];
      for (const [i, image] of images.entries()) {
        for (const [m, { map, shape }] of image.maps.entries()) {
          const places = shape[0] * shape[1];
          assert.equal(maps[m]!.length, 2 * places);
          const own = maps[m]!.subarray(i * places, (i + 1) * places);
          const largest = Math.max(...map);
          all.push(...own);
          wantedOfAll.push(...map);
          for (const [at, wanted] of map.entries())
            worst = Math.max(worst, Math.abs(own[at]! - wanted) / largest);
        }
      }
      const alike = correlation(all, wantedOfAll);
      t.diagnostic(
        `${type}: at most ${worst.toExponential(1)} of the largest apart, correlation ${alike}`,
      );
      assert.ok(alike > likeness[type], `${type}: ${alike}`);
      if (type === "float32") assert.ok(worst < tolerance, `${worst}`);
    }
  });

test("with a mean and a linear head, Grad-CAM is CAM: the head's weights, over the places", async () => {
  const [n, h, w, classes] = [3, 70, 45, 4];
  const data = imageValues(n, h, w);
  const options = { model: "R14x0.5", classes, shape: [n, h, w, 3] as [number, number, number, 3] };
  const feeds = { images: { type: "float32", shape: options.shape, data } } as const;
  const run = async (explained: Explained) => {
    const program = await explaining(engine, options, explained);
    const fetched = await program.session.run(feeds, ["predict/logits", "predict/map_0"]);
    program.session.close();
    return {
      program,
      logits: floats(fetched[0]),
      map: floats(fetched[1]),
      shape: fetched[1]!.shape,
    };
  };
  const top = await run({ kind: "top" });
  const second = await run({ kind: "class", label: 2 });
  assert.deepEqual(top.logits, second.logits);
  assert.deepEqual(top.shape, [n, 3, 2]);
  // The map itself, by TF.js's own operations.
  await tf.setBackend("cpu");
  const values = Object.fromEntries(
    top.program.variables.map((variable) => {
      return [variable.name, tf.tensor(variableValues(variable), [...variable.shape])];
    }),
  );
  const seen = lastMap(parseArchitecture(options.model), values, tf.tensor4d(data, options.shape));
  const channels = seen.shape[3];
  const [maps, kernel, bias] = [seen, values[headKernel]!, values[headBias]!].map((x) =>
    x.dataSync(),
  );
  for (let i = 0; i < n; i++) {
    const logits = [...top.logits.subarray(i * classes, (i + 1) * classes)];
    const best = logits.indexOf(Math.max(...logits));
    for (const [label, got] of [
      [best, top.map],
      [2, second.map],
    ] as const) {
      let total = 0;
      for (let place = 0; place < 6; place++) {
        let sum = 0;
        for (let c = 0; c < channels; c++)
          sum += maps![(i * 6 + place) * channels + c]! * kernel![c * classes + label]!;
        total += sum / 6;
        // Of sums up to 1, by float32 in another order.
        assert.ok(Math.abs(got[i * 6 + place]! - Math.max(0, sum / 6)) < 1e-5);
      }
      // All places together are the logit.
      assert.ok(Math.abs(total + bias![label]! - logits[label]!) < 1e-4);
    }
  }
});
