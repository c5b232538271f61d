/** StableHLO modules of tests. */

/** main(a, b) = (a + b, a * b), of float32 vectors; a may be written over by the sum. */
export function sumAndProduct(size: number): string {
  const type = `tensor<${size}xf32>`;
  return `module @sum_and_product {
  func.func public @main(%a: ${type} {tf.aliasing_output = 0 : i32}, %b: ${type}) -> (${type}, ${type}) {
    %sum = stablehlo.add %a, %b : ${type}
    %product = stablehlo.multiply %a, %b : ${type}
    return %sum, %product : ${type}, ${type}
  }
}`;
}

/** main(a) = a, sharpened `times` times: a long computation of few bytes, of [size, size] float32. */
export function longProgram(size: number, times: number): string {
  const type = `tensor<${size}x${size}xf32>`;
  return `module @long {
  func.func public @main(%a: ${type}) -> ${type} {
    %zero = stablehlo.constant dense<0> : tensor<i32>
    %one = stablehlo.constant dense<1> : tensor<i32>
    %times = stablehlo.constant dense<${times}> : tensor<i32>
    %result:2 = stablehlo.while(%i = %zero, %x = %a) : tensor<i32>, ${type}
    cond {
      %more = stablehlo.compare LT, %i, %times : (tensor<i32>, tensor<i32>) -> tensor<i1>
      stablehlo.return %more : tensor<i1>
    } do {
      %y = stablehlo.dot_general %x, %x, contracting_dims = [1] x [0] : (${type}, ${type}) -> ${type}
      %z = stablehlo.tanh %y : ${type}
      %j = stablehlo.add %i, %one : tensor<i32>
      stablehlo.return %j, %z : tensor<i32>, ${type}
    }
    return %result#1 : ${type}
  }
}`;
}

/** main(a) = the sum of a over all replicas, of float32 vectors. */
export function allReduce(size: number, replicas: number): string {
  const type = `tensor<${size}xf32>`;
  const group = Array.from({ length: replicas }, (_, i) => i).join(", ");
  return `module @all_reduce {
  func.func public @main(%a: ${type}) -> ${type} {
    %sum = "stablehlo.all_reduce"(%a) ({
    ^bb0(%x: tensor<f32>, %y: tensor<f32>):
      %s = stablehlo.add %x, %y : tensor<f32>
      stablehlo.return %s : tensor<f32>
    }) {replica_groups = dense<[[${group}]]> : tensor<1x${replicas}xi64>} : (${type}) -> ${type}
    return %sum : ${type}
  }
}`;
}

/** main(a) = (a + a, the sum of a), of a float32 vector that is divided among `partitions` devices. */
export function dividedSum(size: number, partitions: number): string {
  const type = `tensor<${size}xf32>`;
  const sharding = `{mhlo.sharding = "{devices=[${partitions}]<=[${partitions}]}"}`;
  return `module @divided attributes {mhlo.num_partitions = ${partitions} : i32, mhlo.num_replicas = 1 : i32} {
  func.func public @main(%a: ${type} ${sharding}) -> (${type} ${sharding}, tensor<f32> {mhlo.sharding = "{replicated}"}) {
    %zero = stablehlo.constant dense<0.0> : tensor<f32>
    %sum = stablehlo.reduce(%a init: %zero) applies stablehlo.add across dimensions = [0] : (${type}, tensor<f32>) -> tensor<f32>
    %double = stablehlo.add %a, %a : ${type}
    return %double, %sum : ${type}, tensor<f32>
  }
}`;
}
