/** Compiled programs that are kept: found again, and never more than a saving of time. */
import assert from "node:assert/strict";
import { chmod, mkdtemp, readdir, readFile, rm, stat, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, beforeEach, test } from "node:test";
import { openPjrt } from "../../../src/engine/pjrt/client.js";
import { compileOrReuse } from "../../../src/engine/pjrt/program-cache.js";
import { cpuPlugin } from "../../cpu-plugin.js";
import { allReduce, sumAndProduct } from "./modules.js";

const client = openPjrt(await cpuPlugin(), { cpu_device_count: 2 });
const parent = await mkdtemp(join(tmpdir(), "bit-programs-"));
after(async () => {
  client.close();
  await rm(parent, { recursive: true, force: true });
});

let folder: string;
beforeEach(async () => {
  folder = join(await mkdtemp(join(parent, "cache-")), "programs");
});

/** Compiles or finds a + b and a * b, and computes it. */
async function use(size = 2, options = {}, maxBytes?: number): Promise<boolean> {
  const kept = await compileOrReuse(client, sumAndProduct(size), options, {
    folder,
    ...(maxBytes !== undefined && { maxBytes }),
  });
  await kept.stored;
  const data = new Float32Array(size).fill(3);
  const a = await client.put({ type: "float32", shape: [size], data });
  const [[sum] = []] = await kept.program.run([[a, a]], []);
  assert.deepEqual(new Float32Array((await sum!.read()).buffer), new Float32Array(size).fill(6));
  await assert.rejects(kept.program.run([[a]], []), /1 arguments, the program takes 2/);
  kept.program.close();
  return kept.fromCache;
}

async function entries(): Promise<string[]> {
  return (await readdir(folder)).map((name) => join(folder, name));
}

test("a program is found again; another module, options or variables are another program", async () => {
  assert.deepEqual([await use(), await use()], [false, true]);
  assert.equal((await entries()).length, 1);
  assert.equal(await use(3), false);
  const flags = { xla_cpu_enable_fast_math: false };
  assert.deepEqual([await use(2, { flags }), await use(2, { flags })], [false, true]);
  assert.equal(await use(2, { devices: [0] }), false);
  const before = process.env["XLA_FLAGS"];
  process.env["XLA_FLAGS"] = "";
  assert.equal(await use(), true);
  process.env["XLA_FLAGS"] = "--xla_backend_optimization_level=1";
  try {
    assert.equal(await use(), false);
  } finally {
    if (before === undefined) delete process.env["XLA_FLAGS"];
    else process.env["XLA_FLAGS"] = before;
  }
});

test("a program for several devices runs on them again", async () => {
  for (const expected of [false, true]) {
    const kept = await compileOrReuse(client, allReduce(1, 2), { devices: [1, 0] }, { folder });
    await kept.stored;
    assert.equal(kept.fromCache, expected);
    const value = { type: "float32" as const, shape: [1], data: Float32Array.of(4) };
    const args = [[await client.put(value, { device: 1 })], [await client.put(value)]];
    for (const [sum] of await kept.program.run(args, []))
      assert.deepEqual(new Float32Array((await sum!.read()).buffer), Float32Array.of(8));
  }
});

test("damaged, cut, empty and refused files are compiled anew and replaced", async () => {
  await use();
  const [path] = await entries();
  const whole = await readFile(path!);
  const flipped = Uint8Array.from(whole, (byte, i) => (i === whole.length - 40 ? byte ^ 1 : byte));
  const { createHash } = await import("node:crypto");
  const refused = Buffer.from("no program");
  const digest = createHash("sha256").update(refused).digest();
  for (const damaged of [
    flipped,
    whole.subarray(0, 1000),
    new Uint8Array(),
    Buffer.concat([digest, refused]),
  ]) {
    await writeFile(path!, damaged);
    assert.deepEqual([await use(), await use()], [false, true]);
    assert.equal((await stat(path!)).size, whole.length);
  }
});

test("the files that were unused for longest go", async () => {
  await use(2);
  const [first] = await entries();
  const { size } = await stat(first!);
  await use(3);
  // The first one is older, but used again.
  for (const path of await entries())
    await utimes(path, new Date(0), new Date(path === first ? 1 : 2));
  assert.equal(await use(2), true);
  const leftover = join(folder, ".x.xla.1-0123abcd.tmp");
  await writeFile(leftover, "");
  await utimes(leftover, new Date(0), new Date(0));
  await use(4, {}, 2.5 * size);
  assert.equal((await entries()).length, 2);
  assert.deepEqual([await use(2), await use(4)], [true, true]);
  await use(5, {}, size / 2);
  assert.equal((await entries()).length, 2, "larger than the cache");
});

test("a folder that cannot be written costs only time", async () => {
  const file = join(parent, "a-file");
  await writeFile(file, "");
  folder = join(file, "programs");
  assert.deepEqual([await use(), await use()], [false, false]);
  if (process.getuid?.() === 0) return;
  folder = await mkdtemp(join(parent, "read-only-"));
  await chmod(folder, 0o500);
  assert.deepEqual([await use(), await use()], [false, false]);
});
