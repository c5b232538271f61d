/** `$BIT_TILES` as commands take it. */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { loadKernels } from "../../src/engine/native-kernels.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { engine } from "../engine-for-tests.js";
import { runBin } from "./command.js";
import { tinyFlags, writeTinyFolder } from "./tiny-images.js";

const kernels = loadKernels(engine.installed);
const skip = !engine.target.native.layers && "the engine has no operations of ours";

test("a run says by which tiles it computes; those that are not there leave no run", {
  skip,
}, async (t) => {
  const root = await temporaryFolder(t);
  const images = await writeTinyFolder(join(root, "images"));
  const run = (tiles: string, ...more: string[]) => {
    const logs = join(root, tiles);
    const flags = [
      ...tinyFlags(images, logs),
      "--device",
      "cpu",
      "--precision",
      "bf16",
      "--steps",
      "2",
      ...more,
    ];
    return runBin("bit-train", flags, { env: { BIT_TILES: tiles } });
  };
  const plain = await run("plain");
  assert.equal(plain.code, 0, plain.stderr);
  assert.match(plain.stdout, /Convolutions of bfloat16 are .*on plain tiles.*\(BIT_TILES=plain\)/);
  const dry = await run("off", "--dry_run");
  assert.equal(dry.code, 0, dry.stderr);
  assert.match(dry.stdout, /^Convolutions of bfloat16 are .* \(BIT_TILES=off\)$/m);
  const absent = kernels?.tilesMissing() !== "";
  for (const tiles of absent ? ["amx", "AMX"] : ["AMX"]) {
    const refused = await run(tiles);
    assert.equal(refused.code, 2, refused.stdout);
    assert.match(refused.stderr, /BIT_TILES.*[\s\S]*unset BIT_TILES/);
    assert.ok(!existsSync(join(root, tiles)), "nothing is written");
  }
});

test("a run that goes on with other convolutions says that it rounds differently from there on", {
  skip,
}, async (t) => {
  const root = await temporaryFolder(t);
  const images = await writeTinyFolder(join(root, "images"));
  const fp32 = ["--device", "cpu", "--precision", "fp32"];
  const flags = [...tinyFlags(images, root), ...fp32, "--name", "tiny"];
  const run = async (convolutions: string) => {
    const env = { BIT_CONVOLUTIONS: convolutions };
    // With --force a run that is done is evaluated again.
    const args = [...flags, "--steps", "2", "--force"];
    const { code, stdout, stderr } = await runBin("bit-train", args, { env });
    assert.equal(code, 0, stderr);
    return stdout + stderr;
  };
  assert.doesNotMatch(await run("winograd"), /rounds differently/);
  assert.doesNotMatch(await run("winograd"), /rounds differently/);
  assert.match(
    await run("direct"),
    // With AVX-512 they are TensorFlow's, which has no words of its own.
    /What follows rounds differently: so far it was .*Winograd.*; now it is (?!.*Winograd)Convolutions/,
  );
});
