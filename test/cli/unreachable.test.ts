/** Machines that no longer reach each other, while nothing has ended: their processes notice. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { temporaryFolder } from "../data/temporary-folder.js";
import { bin, flags, type Started, skip, start } from "./launched.js";
import { makeNetworks, type Networks, skipNetworks } from "./networks.js";

const endless = { steps: "100000", eval_every: "3", save_every: "2" };

/** A rank on each machine, once they have made a step. */
async function startOn({ machines }: Networks, args: readonly string[]): Promise<Started[]> {
  const variables = { WORLD_SIZE: String(machines.length), MASTER_ADDR: machines[0]!.address };
  const all = machines.map(({ enter: [program, ...words] }, rank) =>
    start([...words, process.execPath, bin("bit-train"), ...args], {
      ...{ program: program!, variables: { ...variables, RANK: String(rank) } },
    }),
  );
  await Promise.race([all[0]!.stepped, all[0]!.ended]);
  return all;
}

// Twice what is promised, for a busy machine.
const withinMs = 30_000;

for (const { what, rate } of [
  { what: "two machines", rate: undefined },
  // A reduction takes seconds, and fills the network: beats have to get through beside it.
  { what: "two machines in the midst of a long reduction", rate: "16mbit" },
])
  test(`${what} that do not reach each other end within 15 s`, {
    skip: skip || skipNetworks,
  }, async (t) => {
    const networks = await makeNetworks(t, 2, rate);
    const all = await startOn(networks, flags(await temporaryFolder(t), "run", endless));
    await sleep(1000);
    networks.cut();
    const begun = performance.now();
    for (const { ended } of all) {
      const { code, text, ms } = await ended;
      assert.equal(code, 75, text);
      assert.match(text, /rank [01] has not been heard of for \d+ s/);
      t.diagnostic(`${Math.round(ms - begun)} ms`);
      assert.ok(ms - begun < withinMs, `${ms - begun} ms`);
    }
  });

test("two machines of three that do not reach each other end all within 15 s", {
  skip: skip || skipNetworks,
}, async (t) => {
  const networks = await makeNetworks(t, 3);
  const settings = { ...endless, batch: "6", batch_split: "3" };
  const all = await startOn(networks, flags(await temporaryFolder(t), "run", settings));
  networks.cutBetween(1, 2);
  const begun = performance.now();
  for (const { ended } of all) {
    const { code, text, ms } = await ended;
    assert.equal(code, 75, text);
    assert.match(text, /rank [12] has not been heard of for \d+ s/);
    assert.ok(ms - begun < withinMs, `${ms - begun} ms`);
  }
});

test("machines that have never reached each other are told so", {
  skip: skip || skipNetworks,
}, async (t) => {
  const networks = await makeNetworks(t, 3);
  networks.cutBetween(1, 2);
  const settings = { ...endless, batch: "6", batch_split: "3" };
  const all = await startOn(networks, flags(await temporaryFolder(t), "run", settings));
  for (const { ended } of all) {
    const { code, text } = await ended;
    assert.equal(code, 75, text);
    assert.match(text, /rank 2 does not reach rank 1 at 10\.77\.1\.2:\d+: no answer within 10 s/);
  }
});
