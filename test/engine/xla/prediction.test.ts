/** Networks that are fed images: logits and features of batches of several sizes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import type { Engine } from "../../../src/engine/session.js";
import { type ComputeType, inType } from "../../../src/graph/target.js";
import { parseArchitecture } from "../../../src/model/architecture.js";
import { classify, openClassifier } from "../../../src/step/classifier-program.js";
import type { Network } from "../../../src/step/train-step.js";
import { assignVariables } from "../../../src/step/variables.js";
import { variableValues } from "../../deterministic.js";
import { engine } from "../../engine-for-tests.js";
import { deviation } from "../traced-gradients.js";
import { xla } from "./engines.js";

const [side, classes] = [16, 5];

function images(type: "uint8" | "float32", batch: number) {
  const shape = [batch, side, side, 3];
  const bytes = Uint8Array.from({ length: batch * side * side * 3 }, (_, i) => (i * i * 31) % 256);
  return type === "uint8"
    ? ({ type, shape, data: bytes } as const)
    : ({ type, shape, data: Float32Array.from(bytes, (byte) => byte / 127.5 - 1) } as const);
}

async function classifier(
  on: Engine,
  type: "uint8" | "float32",
  batches: readonly number[],
  options: Pick<Network, "kernels"> & { readonly computeType?: ComputeType } = {},
) {
  const { kernels, computeType = "float32" } = options;
  const target = inType(on.target, computeType);
  const network = { architecture: parseArchitecture("R14x0.5"), classes, kernels, target };
  const format = { type, height: side, width: side };
  const opened = await openClassifier(on.open, network, format, batches);
  await assignVariables(
    opened.session,
    opened.variables.map((variable) => [variable, variableValues(variable)]),
  );
  return opened.session;
}

test("logits and features are TensorFlow's, of one image as of several, bytes as numbers", async () => {
  const batches = [1, 4];
  for (const type of ["uint8", "float32"] as const) {
    const [here, there] = [
      await classifier(xla(), type, batches),
      await classifier(engine, type, batches),
    ];
    for (const batch of type === "uint8" ? batches : [4]) {
      const fed = images(type, batch);
      const options = { withFeatures: true };
      const [got, wanted] = [
        await classify(here, fed, options),
        await classify(there, fed, options),
      ];
      assert.ok(deviation(got.logits, wanted.logits) < 1e-4);
      assert.ok(deviation(got.features!, wanted.features!) < 1e-4);
      assert.equal(got.logits.length, batch * classes);
    }
    for (const session of [here, there]) session.close();
  }
});

for (const [computeType, tolerance] of [
  ["float32", 1e-5],
  // Rounding to bfloat16 goes the other way where float32 differs in its last bit.
  ["bfloat16", 2e-2],
  ["float16", 2e-3],
] as const)
  test(`kernels that the host standardized once give the same, ${computeType}`, async (t) => {
    const made = async (kernels: "raw" | "standardized") => {
      const session = await classifier(xla(), "uint8", [4], { computeType, kernels });
      t.after(() => session.close());
      return classify(session, images("uint8", 4), { withFeatures: true });
    };
    const [got, wanted] = [await made("standardized"), await made("raw")];
    assert.ok(wanted.logits.some((logit) => logit !== 0));
    assert.ok(deviation(got.logits, wanted.logits) < tolerance);
    assert.ok(deviation(got.features!, wanted.features!) < tolerance);
  });

test("runs that are asked for at once are answered in their order", async () => {
  const session = await classifier(xla(2), "uint8", [4]);
  const { shape, data } = images("uint8", 4);
  const fed = [0, 1, 2].map((k) => {
    return {
      type: "uint8" as const,
      shape,
      data: Uint8Array.from(data, (byte) => byte ^ (40 * k)),
    };
  });
  const options = { withFeatures: false };
  const together = await Promise.all(fed.map((one) => classify(session, one, options)));
  for (const [i, one] of fed.entries())
    assert.deepEqual((await classify(session, one, options)).logits, together[i]!.logits);
  assert.notDeepEqual(together[0]!.logits, together[1]!.logits);
  session.close();
});
