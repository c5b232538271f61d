/** TF.js's WebAssembly backend, from bytes that the page holds: one thread, nothing fetched. */

import { setWasmPaths } from "@tensorflow/tfjs-backend-wasm/dist/base";
import { addConfig } from "@tensorflow/tfjs-backend-wasm/dist/kernels/Add";
import { avgPoolConfig } from "@tensorflow/tfjs-backend-wasm/dist/kernels/AvgPool";
import { batchMatMulConfig } from "@tensorflow/tfjs-backend-wasm/dist/kernels/BatchMatMul";
import { castConfig } from "@tensorflow/tfjs-backend-wasm/dist/kernels/Cast";
import { conv2DConfig } from "@tensorflow/tfjs-backend-wasm/dist/kernels/Conv2D";
import { fusedDepthwiseConv2DConfig } from "@tensorflow/tfjs-backend-wasm/dist/kernels/FusedDepthwiseConv2D";
import { gatherV2Config } from "@tensorflow/tfjs-backend-wasm/dist/kernels/GatherV2";
import { identityConfig } from "@tensorflow/tfjs-backend-wasm/dist/kernels/Identity";
import { maxPoolConfig } from "@tensorflow/tfjs-backend-wasm/dist/kernels/MaxPool";
import { padV2Config } from "@tensorflow/tfjs-backend-wasm/dist/kernels/PadV2";
import { reshapeConfig } from "@tensorflow/tfjs-backend-wasm/dist/kernels/Reshape";
import { squareConfig } from "@tensorflow/tfjs-backend-wasm/dist/kernels/Square";
import { engine, env, type KernelConfig, registerKernel, setBackend } from "@tensorflow/tfjs-core";

// What the network's operations consist of. Others stay out of the page.
const kernels: readonly KernelConfig[] = [
  addConfig,
  avgPoolConfig,
  batchMatMulConfig,
  castConfig,
  conv2DConfig,
  fusedDepthwiseConv2DConfig,
  gatherV2Config,
  identityConfig,
  maxPoolConfig,
  padV2Config,
  reshapeConfig,
  squareConfig,
];

/**
 * Makes TF.js compute by WebAssembly.
 * @param wasm the backend's program with SIMD
 * @returns what computes, in words
 * @throws Error where the browser cannot, with what people can do about it
 */
export async function openWasmBackend(wasm: Uint8Array<ArrayBuffer>): Promise<string> {
  if (typeof WebAssembly === "undefined" || !(await env().getAsync("WASM_HAS_SIMD_SUPPORT")))
    throw new Error(
      "This browser has no WebAssembly with SIMD, by which the page computes. " +
        "Chrome and Edge from 94, Firefox from 105 and Safari from 16.4 on have it.",
    );
  for (const kernel of kernels) registerKernel(kernel);
  // Threads would need headers that no file on a disk has.
  env().set("WASM_HAS_MULTITHREAD_SUPPORT", false);
  const { platform } = env();
  platform.fetch = async () =>
    new Response(wasm, { headers: { "Content-Type": "application/wasm" } });
  setWasmPaths("", true);
  // Where it fails it answers false, and the name of the backend is set all the same.
  if (!(await setBackend("wasm")) || engine().backendName !== "wasm")
    throw new Error("WebAssembly did not start in this browser.");
  return "WebAssembly with SIMD, one thread";
}
