/** What XLA makes of the training step for an H100 that is not there. */
import { deepEqual, equal, ok } from "node:assert/strict";
import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, test } from "node:test";
import { promisify } from "node:util";
import { boundedRun } from "../../bench/gpu/bounds.js";
import { readFinding } from "../../bench/gpu/finding.js";
import { channelsFirst, readHlo } from "../../bench/gpu/hlo-traffic.js";
import { cachedPlugin } from "../../bench/gpu/places.js";
import type { PartTask } from "../../bench/gpu/task.js";
import { repositoryRoot } from "../fixture-path.js";

const plugin = cachedPlugin("cuda");

describe("the step of R50x1 for an H100", () => {
  // Its own process: XLA takes its settings from the environment, and a plugin cannot be unloaded.
  test("stays within its bounds", {
    skip:
      plugin === undefined &&
      "no CUDA plugin is set up (npm run check:gpu -- --plugin cpu fetches it and checks the same",
  }, async () => {
    const target = readFileSync(join(repositoryRoot, "bench/gpu/h100.txtpb"), "utf8");
    const task: PartTask = {
      part: "ahead",
      name: "ahead",
      plugin: plugin!,
      gpu: false,
      request: boundedRun,
      target,
    };
    const part = join(repositoryRoot, "dist/bench/gpu/part.js");
    const { stdout } = await promisify(execFile)(process.execPath, [part, JSON.stringify(task)]);
    const findings = stdout.split("\n").map(readFinding);
    const checks = findings.filter((finding) => finding?.kind === "check");
    ok(checks.length >= 5, stdout);
    for (const { what, ok: holds, detail } of checks) ok(holds, `${what}: ${detail}`);
  });
});

describe("an optimized program as text", () => {
  const text = `HloModule step, is_scheduled=true

%fused (p: f32[4]) -> f32[4] {
  ROOT %p = f32[4]{0} parameter(0)
}

ENTRY %main (a: bf16[2,8,8,3], w: f32[4]) -> (f32[4], f32[]) {
  %a = bf16[2,8,8,3]{3,2,1,0} parameter(0)
  %w = f32[4]{0} parameter(1)
  %fusion.1 = f32[4]{0} fusion(%w), kind=kLoop, calls=%fused
  %cudnn-conv.1 = (bf16[2,4,4,16]{3,2,1,0}, u8[0]{0}) custom-call(%a, %fusion.1), window={size=3x3}, dim_labels=b01f_o01i->b01f, custom_call_target="__cudnn$convForward"
  %get-tuple-element.1 = bf16[2,4,4,16]{3,2,1,0} get-tuple-element(%cudnn-conv.1), index=0
  %scatter.1 = f32[4]{0} scatter(%w, %w, %w), to_apply=%fused
  ROOT %tuple.1 = (f32[4]{0}, f32[4]{0}) tuple(%fusion.1, %scatter.1)
}
`;

  test("kernels, their bytes, convolutions and scatters", () => {
    const cost = readHlo(text);
    const convolution = 2 * 4 * 4 * 16 * 2 + 2 * 8 * 8 * 3 * 2 + 16;
    equal(cost.kernels, 3);
    equal(cost.trafficBytes, 32 + convolution + 64);
    equal(cost.kinds.get("custom-call __cudnn$convForward")?.bytes, convolution);
    equal(cost.scatters, 1);
    deepEqual([...cost.convolutions], [["b01f_o01i->b01f", 1]]);
    deepEqual(channelsFirst(cost), []);
  });

  test("channels before pixels are told", () => {
    const turned = readHlo(text.replace("b01f_o01i->b01f", "bf01_oi01->bf01"));
    deepEqual(channelsFirst(turned), ["bf01_oi01->bf01"]);
  });
});
