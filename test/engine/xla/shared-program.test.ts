/** A program that one process compiles and others are handed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { sharedProgram } from "../../../src/engine/xla/shared-program.js";
import { KeyValueQuestions, KeyValueStore } from "../../../src/ranks/key-values.js";
import { client } from "./engines.js";

/** Two processes' ways to one store. */
function twoAsking(): [KeyValueQuestions, KeyValueQuestions] {
  const store = new KeyValueStore();
  const asking = () => {
    const questions = new KeyValueQuestions((question) =>
      store.ask(question, (answer) => questions.take(answer)),
    );
    return questions;
  };
  return [asking(), asking()];
}

const options = { devices: [1], flags: {} };
const module = (by: number) => `func.func @main(%a: tensor<f32>) -> tensor<f32> {
  %b = stablehlo.constant dense<${by}.0> : tensor<f32>
  %c = stablehlo.multiply %a, %b : tensor<f32>
  return %c : tensor<f32>
}`;

test("what the first process compiles, the others load and run", async () => {
  const [first, second] = twoAsking();
  const mlir = module(3);
  let compiled = 0;
  const source = {
    compile: async () => {
      compiled++;
      const program = await client.compile(mlir, options);
      return { program, fromCache: false, stored: Promise.resolve() };
    },
    load: (serialized: Uint8Array) => client.load(serialized, options, mlir),
  };
  // The other one asks before there is anything.
  const both = await Promise.all([
    sharedProgram("program/0", mlir, { rank: 1, keyValues: second }, source),
    sharedProgram("program/0", mlir, { rank: 0, keyValues: first }, source),
  ]);
  assert.equal(compiled, 1);
  for (const { program } of both) {
    const value = { type: "float32" as const, shape: [], data: Float32Array.of(5) };
    const [[result] = []] = await program.run([[await client.put(value, { device: 1 })]], []);
    assert.deepEqual(new Float32Array((await result!.read()).buffer), Float32Array.of(15));
  }
  const other = sharedProgram("program/0", module(4), { rank: 1, keyValues: second }, source);
  await assert.rejects(other, /the module of rank 1 is not that of rank 0/);
});

test("a store gives what a key has, or waits, and keeps the first value", async () => {
  const [first, second] = twoAsking();
  assert.equal(await first.find("key"), undefined);
  const waiting = second.get("key");
  await first.put("key", "value");
  assert.equal(await waiting, "value");
  await second.put("key", "value");
  await assert.rejects(second.put("key", "other"), /key has another value already/);
  assert.equal(await first.find("key"), "value");
  const never = first.get("never");
  first.end(new Error("the processes have parted"));
  await assert.rejects(never, /parted/);
  await assert.rejects(first.get("key"), /parted/);
});
