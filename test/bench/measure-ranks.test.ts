/** Processes that are measured together, of which one does not come to the end. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { measureRanks, onLoopback } from "../../src/bench/measure-ranks.js";
import { UserError } from "../../src/errors.js";

const work = { type: "reduce", shapes: [[10]], small: 1, wire: "float32" } as const;
const order = { work, steps: 1, warmup: 0 };

async function withRank1(...command: readonly string[]) {
  const prefix = (rank: number) => (rank === 1 ? command : []);
  await measureRanks(2, order, { ...(await onLoopback()), prefix });
}

test("one that is killed is told of, and the others are not waited for", async () => {
  await assert.rejects(withRank1("sh", "-c", "kill -9 $$"), (error) => {
    assert.ok(error instanceof UserError);
    assert.match(error.message, /^process 1 .*: it was ended by SIGKILL\n/);
    return true;
  });
});

test("one that ends, or cannot be started, is a bug", async () => {
  await assert.rejects(withRank1("sh", "-c", "exit 3"), /^Error: rank 1 ended with 3$/);
  await assert.rejects(withRank1("/no/such/program"), /ENOENT/);
});
