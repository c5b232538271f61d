/**
 * Archives as other tools write them against golden.json: logits of the official PyTorch model.
 * Tolerance as in golden.test.ts; of bfloat16 the values themselves are compared, which are exact.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { encodeNpy, encodeNpyHeader } from "../../src/archive/npy.js";
import { NpzReader } from "../../src/archive/npz-reader.js";
import { writeNpz } from "../../src/archive/npz-writer.js";
import type { NamedArray } from "../../src/archive/numeric-array.js";
import { floats } from "../../src/engine/session.js";
import { UserError } from "../../src/errors.js";
import { headKernel, type VariableSpec, variableSpecs } from "../../src/model/architecture.js";
import { loadArchive } from "../../src/step/initial-values.js";
import { openPredictProgram } from "../../src/step/program.js";
import { readVariables } from "../../src/step/variables.js";
import { temporaryFolder } from "../archive/temporary-folder.js";
import { writeZip } from "../archive/zip-builder.js";
import { golden, imageValues, variableValues } from "../deterministic.js";
import { engine, open, targetWith } from "../engine-for-tests.js";
import { toolNames } from "../model/name-fixture.js";

const [c] = golden.forward as [(typeof golden.forward)[number]];
const architecture = { name: "units 1, 1, 1, 1", units: c.units, width: c.width };
const specs = variableSpecs(architecture, c.classes);
const fit = { model: "test", newHead: false };

/** `[H, W, I, O]` as `[O, I, H, W]`, written apart from the loader's own inverse. */
function outputsFirst({ shape }: VariableSpec, data: Float32Array): Float32Array {
  const [height, width, inputs, outputs] = shape as [number, number, number, number];
  const result = new Float32Array(data.length);
  data.forEach((value, from) => {
    const output = from % outputs;
    const input = Math.floor(from / outputs) % inputs;
    const column = Math.floor(from / outputs / inputs) % width;
    const row = Math.floor(from / outputs / inputs / width);
    result[((output * inputs + input) * height + row) * width + column] = value;
  });
  return result;
}

/** The golden network's variables under a tool's names, in its shapes and order of axes. */
function arraysOf(tool: string): NamedArray[] {
  const byName = new Map(specs.map((spec) => [spec.name, spec]));
  return toolNames.get(tool)!.flatMap(({ name, shape, official }) => {
    const spec = byName.get(official);
    if (spec === undefined) return [];
    const data = variableValues(spec);
    const turned = name.endsWith(".weight") && shape.length === 4;
    return [{ name, array: { shape, data: turned ? outputsFirst(spec, data) : data } }];
  });
}

async function logitsOf(t: TestContext, path: string, fused: boolean): Promise<Float32Array> {
  const network = { architecture, classes: c.classes, target: targetWith(fused) } as const;
  const { session, variables } = await openPredictProgram(open, network, [c.n, c.h, c.w, 3]);
  t.after(() => session.close());
  const archive = await NpzReader.open(path);
  try {
    await loadArchive(session, archive, variables, fit);
  } finally {
    await archive.close();
  }
  const shape = [c.n, c.h, c.w, 3];
  const images = { type: "float32", shape, data: imageValues(c.n, c.h, c.w) } as const;
  return floats((await session.run({ images }, ["predict/logits"]))[0]);
}

const policies = engine.target.native.layers ? [false, true] : [false];

for (const tool of toolNames.keys())
  for (const fused of policies)
    test(`weights under the names of ${tool} give the golden logits${fused ? ", fused" : ""}`, async (t) => {
      const path = join(await temporaryFolder(t), "weights.npz");
      const arrays = arraysOf(tool);
      assert.equal(arrays.length, specs.length);
      await writeNpz(path, arrays);
      const logits = await logitsOf(t, path, fused);
      c.first.forEach((row, i) => {
        row.forEach((wanted, k) => {
          const got = logits[i * c.classes + k]!;
          assert.ok(Math.abs(got - wanted) < 1e-4, `image ${i}, class ${k}: ${got}, not ${wanted}`);
        });
      });
    });

const tiny = variableSpecs({ name: "tiny", units: [1, 1, 1, 1], width: 0.5 }, 3);

/** Loads an archive into a tiny network and reads back what is there. */
async function loadTiny(t: TestContext, path: string, fused: boolean, newHead = false) {
  const network = {
    architecture: { name: "tiny", units: [1, 1, 1, 1], width: 0.5 },
    classes: 3,
    target: targetWith(fused),
  } as const;
  const { session, variables } = await openPredictProgram(open, network, [1, 32, 32, 3]);
  t.after(() => session.close());
  const archive = await NpzReader.open(path);
  try {
    await loadArchive(session, archive, variables, { model: "tiny", newHead });
    const found = new Map<string, Float32Array>();
    for await (const [{ name }, values] of readVariables(session, variables))
      found.set(name, values.slice());
    return found;
  } finally {
    await archive.close();
  }
}

test("bfloat16 as ml_dtypes writes it is widened to the very same numbers", async (t) => {
  const path = join(await temporaryFolder(t), "bfloat16.npz");
  const halves = (spec: VariableSpec) =>
    Uint16Array.from(new Uint32Array(variableValues(spec).slice().buffer), (bits) => bits >>> 16);
  const members = tiny.map((spec, i) => {
    // ml_dtypes writes `<V2`; numpy, which loads that as raw bytes, saves them again as `|V2`.
    const header = encodeNpyHeader(i % 2 === 0 ? "<V2" : "|V2", spec.shape);
    const contents = Buffer.concat([header, new Uint8Array(halves(spec).buffer)]);
    return { name: `${spec.name}.npy`, contents };
  });
  await writeZip(path, members);
  for (const fused of policies) {
    const found = await loadTiny(t, path, fused);
    for (const spec of tiny) {
      const wanted = Uint32Array.from(halves(spec), (bits) => bits << 16);
      assert.deepEqual(found.get(spec.name), new Float32Array(wanted.buffer));
    }
  }
});

const victim = tiny.find(({ name }) => name.includes("block3/unit01/b/standardized"))!;

/** The tiny network's archive, with one array made by `change`. */
async function archiveWith(
  t: TestContext,
  { name, shape }: VariableSpec,
  change: (values: Float32Array) => Float32Array | Float64Array,
): Promise<string> {
  const path = join(await temporaryFolder(t), "weights.npz");
  const members = tiny.map((spec) => {
    const values = variableValues(spec).slice();
    const data = spec.name === name ? change(values) : values;
    const array = { shape: spec.name === name ? shape : spec.shape, data };
    return { name: `${spec.name}.npy`, contents: encodeNpy(array, spec.name) };
  });
  await writeZip(path, members);
  return path;
}

for (const bad of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
  test(`${bad} among weights is refused by name, read by the engine or in JavaScript`, async (t) => {
    const path = await archiveWith(t, victim, (values) => {
      values[7] = bad;
      values[values.length - 1] = bad;
      return values;
    });
    for (const fused of policies)
      await assert.rejects(loadTiny(t, path, fused), (error) => {
        assert.ok(error instanceof UserError, `${error}`);
        assert.equal(error.where, path);
        const count = `2 of ${variableValues(victim).length}`;
        const got = `'${victim.name}' holds ${bad} at [0, 0, 0, 7]: ${count} values (<f4) are not finite`;
        assert.equal(error.got, got);
        return true;
      });
  });

test("a float64 beyond float32 is refused, one within is rounded", async (t) => {
  const path = await archiveWith(t, victim, (values) => Float64Array.from(values).fill(1e39, 3, 4));
  await assert.rejects(
    loadTiny(t, path, engine.target.native.layers),
    /holds Infinity at \[0, 0, 0, 3\] as float32/,
  );
  const sound = await archiveWith(t, victim, (values) => Float64Array.from(values));
  const found = await loadTiny(t, sound, engine.target.native.layers);
  assert.deepEqual(found.get(victim.name), variableValues(victim));
});

test("a head that is not read may hold anything", async (t) => {
  const head = tiny.find(({ name }) => name === headKernel)!;
  const path = await archiveWith(t, head, (values) => values.fill(Number.NaN));
  for (const fused of policies) {
    const found = await loadTiny(t, path, fused, true);
    assert.ok(found.get(headKernel)!.every((value) => value === 0));
    await assert.rejects(loadTiny(t, path, fused), /holds NaN at \[0, 0, 0, 0\]/);
  }
});
