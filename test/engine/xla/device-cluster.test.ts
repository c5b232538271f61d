/** Which GPU each of several processes takes, and which go together. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { idsOf, ownGpu } from "../../../src/engine/xla/device-cluster.js";

/** The places that all take, of `machine:gpu,gpu` each. */
function taken(...processes: readonly string[]): number[] {
  const claims = processes.map((text) => {
    const [machine = "", gpus = ""] = text.split(":");
    return { machine, gpus: gpus.split(",") };
  });
  return claims.map((_, rank) => ownGpu(claims, rank));
}

test("processes of a machine that name the same GPUs take one after the other", () => {
  assert.deepEqual(taken("a:0,1", "a:0,1"), [0, 1]);
  // A launcher may deal ranks out over machines.
  assert.deepEqual(taken("a:0,1", "b:2,3", "a:0,1", "b:2,3"), [0, 0, 1, 1]);
  // The same names on two machines are other GPUs.
  assert.deepEqual(taken("a:0", "b:0"), [0, 0]);
});

test("processes to which a launcher shows one GPU each take that", () => {
  assert.deepEqual(taken("a:x", "a:y", "b:z"), [0, 0, 0]);
});

test("more GPUs than processes, or fewer, are refused, and what to type is said", () => {
  const refused = (message: RegExp, ...processes: string[]) =>
    assert.throws(() => taken(...processes), { name: "UserError", message });
  refused(/1 process on its machine, and 2 GPUs[\s\S]*bit-launch --nproc 2/, "a:0,1", "b:0,1");
  refused(/2 processes on its machine, and 1 GPU by[\s\S]*--device all/, "a:0", "a:0");
  refused(/some of the same GPUs[\s\S]*--device all/, "a:0,1", "a:1,2");
  refused(/some of the same GPUs/, "a:0,1", "a:2,3");
});

test("the ids come in the order of the ranks; GPUs of two kinds are refused", () => {
  assert.deepEqual(
    idsOf([
      { id: 0, kind: "H100" },
      { id: 2, kind: "H100" },
      { id: 1, kind: "H100" },
    ]),
    [0, 2, 1],
  );
  const mixed = [
    { id: 0, kind: "H100" },
    { id: 1, kind: "A100" },
  ];
  assert.throws(() => idsOf(mixed), { name: "UserError", message: /rank 1: its GPU is an A100/ });
});
