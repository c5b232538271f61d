/** Programs: what the engine does by itself, on whatever device it computes. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { plainTarget } from "../../src/graph/target.js";
import { parseArchitecture } from "../../src/model/architecture.js";
import { networkOf } from "../../src/run/trained-model.js";
import { openPredictProgram } from "../../src/step/program.js";
import { engine } from "../engine-for-tests.js";

const skip = engine.target.native.host ? false : "the engine has no operations of native/kernels/";
const trained = {
  model: "R14x0.5",
  architecture: parseArchitecture("R14x0.5"),
  classes: 3,
  classNames: undefined,
  crop: undefined,
  resize: "pillow" as const,
  weights: "none.npz",
  run: undefined,
  steps: undefined,
  notes: [],
};

test("a GPU's programs too have their variables read by the engine", { skip }, async (t) => {
  // On a GPU the network is not computed by operations of our own; they are there all the same.
  const target = { ...engine.target, native: { ...plainTarget.native, host: true } };
  const network = networkOf(trained, { target }, "fp32");
  const { session, variables } = await openPredictProgram(engine.open, network, [1, 32, 32, 3]);
  t.after(() => session.close());
  assert.ok(variables.length > 0);
  // The host standardizes kernels, whatever computes the network.
  assert.equal(network.kernels, "standardized");
  for (const { name, group } of variables) assert.ok(group?.members.includes(name), name);
});

test("without them they come through JavaScript", async (t) => {
  const network = networkOf(trained, { target: plainTarget }, "fp32");
  assert.equal(network.kernels, "raw");
  const { session, variables } = await openPredictProgram(engine.open, network, [1, 32, 32, 3]);
  t.after(() => session.close());
  for (const { name, group } of variables) assert.equal(group, undefined, name);
});
