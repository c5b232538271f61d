/** The types of arguments in a module's text. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { argumentTypes, checkTypes } from "../../../src/engine/pjrt/signature.js";

test("types are read from main's arguments, whatever stands beside them", () => {
  const mlir = `module @m attributes {mhlo.num_replicas = 2 : i32} {
    func.func private @other(%a: tensor<9xf32>) -> tensor<9xf32> { return %a : tensor<9xf32> }
    func.func public @main(%arg0: tensor<2x3xf32> {tf.aliasing_output = 0 : i32, mhlo.sharding = "{x%y: tensor<i1>)"},
      %1 : tensor<bf16>, %x_1: tensor<4xui8> loc("a(b"(#loc1)), %t: !stablehlo.token, %d: tensor<?xi32>,
      %b: tensor<1xi1>, %l: tensor<7x0xi64>) -> (tensor<2x3xf32> {jax.result_info = ""}) {`;
  assert.deepEqual(argumentTypes(mlir), [
    { type: "float32", shape: [2, 3] },
    { type: "bfloat16", shape: [] },
    { type: "uint8", shape: [4] },
    undefined,
    undefined,
    { type: "bool", shape: [1] },
    { type: "int64", shape: [7, 0] },
  ]);
  assert.deepEqual(argumentTypes("func.func @main() -> tensor<f32> {"), []);
  assert.throws(() => argumentTypes("module {}"), /no function main/);
});

test("values of other types are refused", () => {
  const wanted = [{ type: "float32", shape: [2] }, undefined] as const;
  const other = { type: "uint8", shape: [5] } as const;
  checkTypes([{ type: "float32", shape: [2] }, other], wanted);
  assert.throws(() => checkTypes([other, other], wanted), /argument 0 is uint8\[5\]/);
  assert.throws(() => checkTypes([other], wanted), /1 arguments, the program takes 2/);
  const whole = [{ type: "int32", shape: [6, 4] }] as const;
  for (const shape of [
    [6, 4],
    [3, 4],
    [2, 2],
  ])
    checkTypes([{ type: "int32", shape }], whole, true);
  for (const shape of [[4, 4], [6], [0, 4], [12, 4]])
    assert.throws(() => checkTypes([{ type: "int32", shape }], whole, true), /or a share of it/);
  assert.throws(() => checkTypes([{ type: "int32", shape: [3, 4] }], whole), /takes int32\[6,4\]$/);
});
