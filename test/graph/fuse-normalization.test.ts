/** Which normalizations become part of convolutions, and what is left of them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { attribute } from "../../src/graph/attributes.js";
import { fuseNormalization, intoConvolutionsMark } from "../../src/graph/fuse-normalization.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import type { AttrValue, NodeDef } from "../../src/graph/proto.js";
import { inType, plainTarget, type Target } from "../../src/graph/target.js";
import { trace } from "../../src/graph/trace.js";
import { parseArchitecture, variableSpecs } from "../../src/model/architecture.js";
import { features } from "../../src/model/resnet.js";
import { named, traceGradients } from "../../src/step/train-step.js";
import { declareVariables } from "../../src/step/variables.js";

const ints = (values: Record<string, number>): Record<string, AttrValue> => {
  return Object.fromEntries(Object.entries(values).map(([name, i]) => [name, attribute.int(i)]));
};

const conv = ints({ tiles: 2, turned: 0, pad_top: 0, pad_left: 0, N: 0, F: 0, M: 0 });

function node(name: string, op: string, input: string[] = [], attr: NodeDef["attr"] = {}): NodeDef {
  return { name, op, input, attr };
}

const norm = (name: string, x: string) => {
  return node(name, "BitGroupNormRelu", [x, "gamma", "beta"], {
    ...ints({ M: 0 }),
    ...intoConvolutionsMark,
  });
};

function constant(name: string, values: Int32Array | Uint16Array): NodeDef {
  const tensorContent = new Uint8Array(values.buffer);
  return node(name, "Const", [], {
    value: { tensor: { dtype: 3, tensorShape: {}, tensorContent } },
  });
}

const pad = (name: string, x: string) => node(name, "PadV2", [x, "amounts", "filler"]);
const around = constant("amounts", Int32Array.of(0, 0, 1, 2, 3, 4, 0, 0));
const zero = constant("filler", Uint16Array.of(0));

/** `name = op(inputs)` lines of all but constants, with what is other than 0 of the attributes. */
function printed(nodes: readonly NodeDef[]): string[] {
  return nodes
    .filter(({ op }) => op !== "Const")
    .map(({ name, op, input, attr }) => {
      const some = ["pad_top", "pad_left", "N", "F", "M"].filter(
        (key) => (attr[key]?.i ?? 0) !== 0,
      );
      const values = some.map((key) => ` ${key}=${attr[key]!.i}`);
      return `${name} = ${op}(${input.join(", ")})${values.join("")}`;
    });
}

test("a normalization between convolutions is part of both", () => {
  const nodes = [
    node("a", "BitConv", ["x", "w", "^first"], conv),
    norm("n", "a"),
    node("b", "BitConv", ["n", "v", "a"], { ...conv, ...ints({ N: 1 }) }),
    node("gradient", "BitGroupNormReluGrad", ["dy", "a", "gamma", "beta", "n:1", "n:2"]),
  ];
  assert.deepEqual(printed(fuseNormalization(nodes)), [
    "a = BitConv(x, w, ^first) M=1",
    "n = BitGroupNormFactors(a, gamma, beta, a:1) M=1",
    "b = BitConv(a, v, a, n) N=1 F=1",
    "gradient = BitGroupNormReluGrad(dy, a, gamma, beta, n:1, n:2)",
  ]);
});

test("all that read it normalize, gradients by kernels too, and pad by themselves", () => {
  const nodes = [
    ...[around, zero, node("x", "MaxPool", ["root"]), norm("n", "x"), pad("p", "n")],
    node("a", "BitConv", ["n", "w"], conv),
    node("b", "BitConv", ["p", "v"], { ...conv, ...ints({ pad_top: 1 }) }),
    node("dw", "BitConvFilterGrad", ["p", "dy"], ints({ tiles: 1, pad_top: 0, pad_left: 0, F: 0 })),
  ];
  assert.deepEqual(printed(fuseNormalization(nodes)), [
    "x = MaxPool(root)",
    "n = BitGroupNormFactors(x, gamma, beta)",
    "a = BitConv(x, w, n) F=1",
    "b = BitConv(x, v, n) pad_top=2 pad_left=3 F=1",
    "dw = BitConvFilterGrad(x, dy, n) pad_top=1 pad_left=3 F=1",
  ]);
});

test("where something else reads it, it is written as before, of what the convolution summed up", () => {
  const negative = constant("amounts", Int32Array.of(0, 0, 1, -1, 1, 1, 0, 0));
  const ones = constant("filler", Uint16Array.of(0x3f80));
  const readers: NodeDef[][] = [
    [node("mean", "Mean", ["n", "axes"])],
    [node("b", "BitConv", ["n", "v"], conv), node("r", "Relu", ["n"])],
    [node("b", "BitConv", ["n", "v"], { ...conv, ...ints({ turned: 1 }) })],
    [node("b", "BitConv", ["n", "v", "n"], { ...conv, ...ints({ N: 1 }) })],
    [node("b", "BitConv", ["x", "n"], conv)],
    [around, zero, pad("p", "n"), node("pool", "MaxPool", ["p"])],
    [around, zero, pad("p", "n")],
    [
      around,
      zero,
      pad("p", "n"),
      node("b", "BitConv", ["p", "v"], conv),
      node("no", "NoOp", ["^p"]),
    ],
    [around, ones, pad("p", "n"), node("b", "BitConv", ["p", "v"], conv)],
    [negative, zero, pad("p", "n"), node("b", "BitConv", ["p", "v"], conv)],
    [pad("p", "n"), node("b", "BitConv", ["p", "v"], conv)],
    [],
  ];
  for (const behind of readers) {
    const nodes = [node("a", "BitConv", ["x", "w"], conv), norm("n", "a"), ...behind];
    assert.deepEqual(printed(fuseNormalization(nodes)), [
      "a = BitConv(x, w) M=1",
      "n = BitGroupNormRelu(a, gamma, beta, a:1) M=1",
      ...printed(behind),
    ]);
  }
});

test("convolutions by vectors normalize what they read, and do not sum up what they make", () => {
  const vectors = { ...conv, ...ints({ tiles: 0 }) };
  const nodes = [
    node("a", "BitConv", ["x", "w"], vectors),
    norm("n", "a"),
    node("b", "BitConv", ["n", "v"], vectors),
  ];
  assert.deepEqual(printed(fuseNormalization(nodes)), [
    "a = BitConv(x, w)",
    "n = BitGroupNormFactors(a, gamma, beta)",
    "b = BitConv(a, v, n) F=1",
  ]);
});

test("what is not marked stays as it is", () => {
  const nodes = [
    node("a", "BitConv", ["x", "w"], conv),
    { ...norm("n", "a"), attr: ints({ M: 0 }) },
    node("b", "BitConv", ["n", "v"], conv),
  ];
  assert.deepEqual(fuseNormalization(nodes), nodes);
});

/** On plain tiles, without an engine. */
const target: Target = {
  ...inType(plainTarget, "bfloat16"),
  native: {
    ...plainTarget.native,
    ...{ host: true, layers: true },
    tiles: () => ({ kind: "plain", why: "a test" }),
  },
};

const architecture = parseArchitecture("R26x1");
const specs = variableSpecs(architecture, 5);
/** Units, 2 in each of 4 blocks; each has three normalizations, and the last map has one. */
const units = 8;

function counted(nodes: readonly NodeDef[], op: string, having = ""): number {
  return nodes.filter((one) => one.op === op && (having === "" || one.attr[having]?.i === 1))
    .length;
}

test("of a network, all but the last normalization: in an evaluation", async () => {
  const builder = new GraphBuilder();
  const variables = declareVariables(builder, specs, target, "standardized");
  const images = builder.placeholder("images", "float32", [2, 64, 64, 3]);
  await trace(builder, target, (graph) => {
    const tensors = variables.map(({ read }) => graph.tensor(read));
    const seen = features(architecture, named(variables, tensors), graph.tensor(images));
    builder.fetchable("features", graph.value(seen));
  });
  const { node: nodes } = builder.build().def;
  assert.equal(counted(nodes, "BitGroupNormRelu"), 1);
  assert.equal(counted(nodes, "BitGroupNormFactors"), 3 * units);
  // All but that of what the first pool has made.
  assert.equal(counted(nodes, "BitGroupNormFactors", "M"), 3 * units - 1);
  // Three in each unit, and four projections.
  assert.equal(counted(nodes, "BitConv"), 3 * units + 4);
  assert.equal(counted(nodes, "BitConv", "F"), 3 * units + 4);
  assert.equal(counted(nodes, "BitConv", "M"), 3 * units);
  // For the first convolution and the pool behind it.
  assert.equal(counted(nodes, "PadV2"), 2);
});

test("and in training", async () => {
  const builder = new GraphBuilder();
  const variables = declareVariables(builder, specs, target, "raw");
  const batch = {
    images: builder.placeholder("images", "float32", [2, 64, 64, 3]),
    labels: builder.placeholder("labels", "int32", [2]),
  };
  await traceGradients(builder, { architecture, classes: 5, target }, variables, batch);
  const { node: nodes } = builder.build().def;
  assert.equal(counted(nodes, "BitGroupNormRelu"), 1);
  assert.equal(counted(nodes, "BitGroupNormFactors"), 3 * units);
  assert.equal(counted(nodes, "BitConvFilterGrad"), 3 * units + 4);
  assert.equal(counted(nodes, "BitConvFilterGrad", "F"), 3 * units + 4);
  assert.equal(counted(nodes, "BitGroupNormReluGrad"), 3 * units + 1);
  assert.equal(counted(nodes, "PadV2"), 2);
});
