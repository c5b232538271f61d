/** Kernels that are standardized once, as they are loaded: the same bits as standardized in each run. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import * as tf from "@tensorflow/tfjs";
import { NpzReader } from "../../src/archive/npz-reader.js";
import { writeNpz } from "../../src/archive/npz-writer.js";
import { floats, type Session } from "../../src/engine/session.js";
import { standardized } from "../../src/export/standardize.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import { type ComputeType, inType, plainTarget } from "../../src/graph/target.js";
import { trace } from "../../src/graph/trace.js";
import {
  isStandardizedKernel,
  parseArchitecture,
  variableSpecs,
} from "../../src/model/architecture.js";
import type { KernelForm } from "../../src/model/resnet.js";
import { addEvalStep } from "../../src/step/eval-step.js";
import { addExplainStep } from "../../src/step/explain-step.js";
import { loadArchive } from "../../src/step/initial-values.js";
import { openPredictProgram } from "../../src/step/program.js";
import { traceGradients } from "../../src/step/train-step.js";
import { assignVariables, declareVariables, readVariables } from "../../src/step/variables.js";
import { temporaryFolder } from "../archive/temporary-folder.js";
import { imageValues, variableValues } from "../deterministic.js";
import { onPlainTiles } from "../engine/tile-cases.js";
import { engine, open } from "../engine-for-tests.js";

const [model, classes] = ["R14x0.5", 5];
const architecture = parseArchitecture(model);
const specs = variableSpecs(architecture, classes);
const convolutions = specs.filter(({ name }) => isStandardizedKernel(name));
const entries = specs.map((spec) => [spec, variableValues(spec)] as const);
const shape = [2, 48, 40, 3] as const;
const images = { type: "float32", shape, data: imageValues(2, 48, 40) } as const;
const skip = engine.target.native.layers
  ? false
  : "the engine has no operations of native/kernels/";

/** A type of convolutions, or bfloat16 on plain tiles. */
type Computing = ComputeType | "tiles";

function network(by: Computing, kernels: KernelForm) {
  const target = by === "tiles" ? onPlainTiles : inType(engine.target, by);
  return { architecture, classes, kernels, target };
}

async function predictor(t: TestContext, by: Computing, kernels: KernelForm) {
  const program = await openPredictProgram(open, network(by, kernels), shape);
  t.after(() => program.session.close());
  return program;
}

async function predicted(session: Session): Promise<Float32Array[]> {
  const values = await session.run({ images }, ["predict/logits", "predict/features"]);
  return values.map(floats);
}

for (const type of ["float32", "bfloat16", "tiles"] as const) {
  test(`logits and features have the same bits, ${type}`, { skip }, async (t) => {
    const raw = await predictor(t, type, "raw");
    await assignVariables(raw.session, entries);
    const wanted = await predicted(raw.session);
    assert.ok(wanted[0]!.some((logit) => logit !== 0));

    const fed = await predictor(t, type, "standardized");
    await assignVariables(fed.session, entries);
    assert.deepEqual(await predicted(fed.session), wanted);

    const read = await predictor(t, type, "standardized");
    const path = join(await temporaryFolder(t), "weights.npz");
    await writeNpz(
      path,
      entries.map(([{ name, shape: dims }, data]) => ({ name, array: { shape: dims, data } })),
    );
    const archive = await NpzReader.open(path);
    await loadArchive(read.session, archive, read.variables, { model, newHead: false });
    await archive.close();
    assert.deepEqual(await predicted(read.session), wanted);
  });

  test(`so have losses and logits of an evaluation, mirrored images too, ${type}`, {
    skip,
  }, async (t) => {
    const evaluated = async (kernels: KernelForm) => {
      const builder = new GraphBuilder();
      const own = network(type, kernels);
      const variables = declareVariables(builder, specs, own.target, kernels);
      const batch = {
        images: builder.placeholder("images", "float32", shape),
        labels: builder.placeholder("labels", "int32", [2]),
      };
      await addEvalStep(builder, own, variables, batch, { tta: "flip" });
      const session = open(builder.build());
      t.after(() => session.close());
      await assignVariables(session, entries);
      const labels = { type: "int32", shape: [2], data: Int32Array.of(1, 4) } as const;
      return session.run({ images, labels }, ["eval/loss", "eval/logits", "eval/top"]);
    };
    assert.deepEqual(await evaluated("standardized"), await evaluated("raw"));
  });
}

test("what is kept are the filters at mean 0 and variance 1, as float64 has them", {
  skip,
}, async (t) => {
  const { session } = await predictor(t, "float32", "standardized");
  await assignVariables(session, entries);
  for (const spec of convolutions) {
    const [kept] = await session.run({}, [`${spec.name}/value`]);
    const wanted = standardized(variableValues(spec), spec.shape[3]!);
    // Values are up to 5: a few roundings of float32.
    const off = floats(kept).map((got, i) => Math.abs(got - wanted[i]!));
    assert.ok(
      off.every((difference) => difference < 2e-6),
      spec.name,
    );
  }
});

test("bfloat16 is kept where convolutions take it, half the memory", { skip }, async (t) => {
  const { variables } = await predictor(t, "bfloat16", "standardized");
  for (const { name, read } of variables)
    assert.equal(read.type, isStandardizedKernel(name) ? "bfloat16" : "float32", name);
});

test("packed kernels are for our convolutions alone", { skip }, async () => {
  const target = {
    ...inType(engine.target, "bfloat16"),
    native: { ...engine.target.native, convolutions: true },
  };
  const builder = new GraphBuilder();
  const variables = declareVariables(builder, specs, target, "standardized");
  const root = "resnet/root_block/standardized_conv2d/kernel";
  for (const { name, read } of variables)
    assert.equal(read.packed === true, isStandardizedKernel(name) && name !== root, name);
  const { read } = variables.find(({ name }) => name.includes("unit01/b/standardized"))!;
  const uses: Record<string, (kernel: tf.Tensor4D) => tf.Tensor> = {
    "a square": (kernel) => kernel.square(),
    "a gradient by images": (kernel) => {
      const image = tf.zeros<tf.Rank.R4>([1, 8, 8, kernel.shape[2]]);
      return tf.grad((x) => tf.conv2d(x as tf.Tensor4D, kernel, 1, "same").sum())(image);
    },
  };
  for (const [name, use] of Object.entries(uses))
    await assert.rejects(
      trace(builder, target, (graph) => use(graph.tensor(read))),
      /is packed for/,
      name,
    );
  // The others' convolutions know nothing of it.
  const plain = inType(plainTarget, "bfloat16");
  const image = builder.placeholder("image", "float32", [1, 8, 8, read.shape![2]!]);
  await assert.rejects(
    trace(builder, plain, (graph) =>
      tf.conv2d(graph.tensor<tf.Rank.R4>(image), graph.tensor<tf.Rank.R4>(read), 1, "same"),
    ),
    /is packed for/,
  );
});

test("Grad-CAM too has the same bits", { skip }, async (t) => {
  const explained = async (kernels: KernelForm) => {
    const builder = new GraphBuilder();
    const own = network("bfloat16", kernels);
    const variables = declareVariables(builder, specs, own.target, kernels);
    const fed = builder.placeholder("images", "float32", shape);
    const options = { name: "explain", explained: { kind: "top" } } as const;
    await addExplainStep(builder, own, variables, fed, options);
    const session = open(builder.build());
    t.after(() => session.close());
    await assignVariables(session, entries);
    return session.run({ images }, ["explain/map_0", "explain/logits"]);
  };
  assert.deepEqual(await explained("standardized"), await explained("raw"));
});

test("standardized kernels are not given out as weights, nor learnt", { skip }, async (t) => {
  const { session, variables } = await predictor(t, "float32", "standardized");
  await assignVariables(session, entries);
  await assert.rejects(readVariables(session, variables).next(), /root_block.*\/read/);
  const builder = new GraphBuilder();
  const own = network("float32", "standardized");
  const batch = {
    images: builder.placeholder("images", "float32", shape),
    labels: builder.placeholder("labels", "int32", [2]),
  };
  const kept = declareVariables(builder, specs, own.target, own.kernels);
  await assert.rejects(traceGradients(builder, own, kept, batch), /raw kernels/);
});

test("an engine without the operation refuses to keep them", () => {
  assert.throws(
    () => declareVariables(new GraphBuilder(), specs, plainTarget, "standardized"),
    /lacks the operation/,
  );
});
