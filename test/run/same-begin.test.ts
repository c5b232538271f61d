/** That several processes have the same bits after their first step, and which engines they may have. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openForRank } from "../../src/engine/open-device.js";
import type { Session } from "../../src/engine/session.js";
import { requireSameBegin } from "../../src/run/agree.js";
import { cpuPlugin } from "../cpu-plugin.js";

/** Processes of which each has one weight and its momentum. */
function processes(...values: readonly (readonly [weight: number, momentum: number])[]) {
  const hashes: unknown[] = [];
  let tell = (): void => {};
  const complete = new Promise<void>((resolve) => {
    tell = resolve;
  });
  return values.map(([weight, momentum], rank) => {
    const held: Readonly<Record<string, number>> = {
      "w/read": weight,
      "momentum/w/read": momentum,
    };
    const session: Session = {
      run: async (_, fetches) =>
        fetches.map((name) => {
          return { type: "float32", shape: [1], data: Float32Array.of(held[name]!) };
        }),
      close: () => undefined,
    };
    const share = async (own: unknown) => {
      hashes[rank] = own;
      if (hashes.filter((hash) => hash !== undefined).length === values.length) tell();
      await complete;
      return hashes;
    };
    const variables = [{ name: "w", shape: [1] }];
    const optimizerState = [{ name: "momentum/w", shape: [1] }];
    return requireSameBegin({ share }, { session, variables, optimizerState });
  });
}

test("the same bits in all processes go on", async () => {
  await Promise.all(processes([1, 2], [1, 2], [1, 2]));
});

test("another momentum in one process ends all, before anything is saved", async () => {
  // Weights are the same where the learning rate is 0.
  for (const odd of [[1, 2.0000002] as const, [1, -2] as const, [-1, 2] as const])
    for (const ended of await Promise.allSettled(processes([1, 2], [1, 2], odd))) {
      assert.equal(ended.status, "rejected");
      assert.equal(ended.reason.name, "UserError");
      assert.match(
        ended.reason.message,
        /rank 2: after the first step its weights or its momentum/,
      );
    }
});

test("XLA's CPU plugin is refused where there are several processes", async () => {
  await cpuPlugin();
  assert.throws(() => openForRank("xla:cpu"), {
    name: "UserError",
    message: /--device xla:cpu: XLA's CPU plugin computes in one process alone[\s\S]*--device cpu/,
  });
});
