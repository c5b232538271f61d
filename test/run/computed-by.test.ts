/** What a run says that goes on by other means than before. */
import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { runFolderAt } from "../../src/record/run-folder.js";
import { computing, otherRounding } from "../../src/run/computed-by.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { engine } from "../engine-for-tests.js";
import { trainTiny } from "./tiny-training.js";

test("other threads and other engines are told, each for itself; what is not known is not", () => {
  const was = { computedBy: "TensorFlow", threads: 4 };
  assert.deepEqual(otherRounding(was, was, false), []);
  const [threads, ...none] = otherRounding(was, { ...was, threads: 2 }, false);
  assert.deepEqual(none, []);
  assert.match(threads!, /^What follows may round differently: .* by 4 threads, now by 2; /);
  assert.match(threads!, /type TF_NUM_INTRAOP_THREADS=4 before the same command$/);
  const [joint] = otherRounding({ ...was, threads: 1 }, { ...was, threads: 2 }, true);
  assert.match(joint!, / by 1 thread, now by 2; .*give each process 1 core$/);
  const both = otherRounding(was, { computedBy: "another", threads: 2 }, false);
  assert.equal(both.length, 2);
  assert.match(both[0]!, /^What follows rounds differently: so far it was TensorFlow; .*another$/);
  // An older build's checkpoint; one without either; a GPU after a CPU.
  assert.deepEqual(otherRounding({ computedBy: "TensorFlow" }, was, false), []);
  assert.deepEqual(otherRounding({}, was, false), []);
  assert.deepEqual(otherRounding(was, { computedBy: "TensorFlow" }, false), []);
});

test("what differs is told alone, another processor's vectors too; plain tiles have the bits of the processor's", () => {
  const tiles = (which: string) => ({
    computedBy: `TensorFlow. Convolutions are bit-train's, ${which}`,
  });
  const [amx, plain] = ["on the processor's matrix tiles", "on plain tiles, which are slow"].map(
    tiles,
  );
  assert.deepEqual(otherRounding(amx!, plain!, false), []);
  assert.deepEqual(otherRounding(amx!, tiles("without tiles"), false), [
    "What follows rounds differently: so far it was Convolutions are bit-train's, on the processor's matrix tiles; " +
      "now it is Convolutions are bit-train's, without tiles",
  ]);
  const held = { computedBy: `${amx!.computedBy}. ONEDNN_MAX_CPU_ISA=AVX512_CORE` };
  const by = "without ONEDNN_MAX_CPU_ISA=AVX512_CORE";
  const told = "What follows rounds differently: so far it was";
  const set = "ONEDNN_MAX_CPU_ISA=AVX512_CORE";
  assert.deepEqual(otherRounding(amx!, held, false), [`${told} ${by}; now it is ${set}`]);
  assert.deepEqual(otherRounding(held, amx!, false), [`${told} ${set}; now it is ${by}`]);
  const [vectors] = otherRounding({ vectors: "AVX2" }, { vectors: "AVX-512" }, false);
  assert.match(vectors!, /a processor with AVX2 computed, now one with AVX-512$/);
  assert.deepEqual(otherRounding({}, { vectors: "AVX-512" }, false), []);
});

test("settings of oneDNN that change its rounding are kept, but not what is set by default", (t) => {
  const config = { precision: "fp32" } as const;
  const by = () => computing({ config, engine }).computedBy;
  const before = process.env["ONEDNN_MAX_CPU_ISA"];
  t.after(() => {
    if (before === undefined) delete process.env["ONEDNN_MAX_CPU_ISA"];
    else process.env["ONEDNN_MAX_CPU_ISA"] = before;
  });
  process.env["ONEDNN_MAX_CPU_ISA"] = "AVX2";
  const told = engine.target.device === "CPU";
  assert.equal(by()!.endsWith(". ONEDNN_MAX_CPU_ISA=AVX2"), told);
  assert.doesNotMatch(by()!, /TF_ENABLE_ONEDNN_OPTS=1/);
});

test("a joint run's threads are those of its processes", () => {
  const config = { precision: "fp32" } as const;
  assert.equal(computing({ config, engine: { ...engine, threads: 8 } }).threads, 8);
  const joint = { threads: 3 };
  assert.equal(computing({ config, engine: { ...engine, threads: 8 }, joint }).threads, 3);
});

test("a run that goes on with other threads says so, unless its checkpoint tells of none", async (t) => {
  const path = join(await temporaryFolder(t), "run");
  const folder = runFolderAt(path);
  const train = async (threads: number | undefined, stopAt: number) => {
    await rm(folder.log, { force: true });
    await trainTiny(path, {}, stopAt, undefined, { engine: { ...engine, threads } });
    return (await readFile(folder.log, "utf8")).split("\n").filter((line) => /round/.test(line));
  };
  assert.deepEqual(await train(4, 2), []);
  assert.deepEqual(await train(4, 3), []);
  const [told, ...more] = await train(2, 4);
  assert.match(told!, /by 4 threads, now by 2; .*TF_NUM_INTRAOP_THREADS=4/);
  assert.deepEqual(more, []);
  // From here on these are its threads.
  assert.deepEqual(await train(2, 5), []);
  // As an older build leaves it.
  const manifest = join(folder.checkpoints, "00000005", "manifest.json");
  const { threads, ...older } = JSON.parse(await readFile(manifest, "utf8"));
  assert.equal(threads, 2);
  await writeFile(manifest, JSON.stringify(older));
  assert.deepEqual(await train(4, 6), []);
  // As on a GPU.
  assert.deepEqual(await train(undefined, 7), []);
  assert.deepEqual(await train(4, 8), []);
});
