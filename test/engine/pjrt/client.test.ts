/** The client on XLA's CPU plugin: what it computes, in which order, and what it refuses. */
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { openPjrt, PjrtError } from "../../../src/engine/pjrt/client.js";
import { cpuPlugin } from "../../cpu-plugin.js";
import { allReduce, dividedSum, longProgram, sumAndProduct } from "./modules.js";

const path = await cpuPlugin();
const client = openPjrt(path, { cpu_device_count: 4 });
after(() => client.close());

const vector = (...data: number[]) => ({
  type: "float32" as const,
  shape: [data.length],
  data: Float32Array.from(data),
});

async function floats(buffer: { read(): Promise<Uint8Array> } | undefined): Promise<number[]> {
  return [...new Float32Array((await buffer!.read()).buffer)];
}

test("a client tells its platform, its version and its devices", () => {
  assert.equal(client.platform, "cpu");
  assert.match(client.api, /^0\.\d+$/);
  assert.deepEqual(
    client.devices.map(({ id }) => id),
    [0, 1, 2, 3],
  );
  assert.equal(openPjrt(path, { cpu_device_count: 4 }), client, "one client a plugin");
  assert.throws(() => openPjrt(path, { cpu_device_count: 2 }), /is open with the options/);
});

test("a program computes, and tells its needs", async () => {
  const program = await client.compile(sumAndProduct(3));
  const [a, b] = [await client.put(vector(1, 2, 3)), await client.put(vector(4, 5, 6))];
  const [[sum, product] = []] = await program.run([[a, b]], []);
  assert.deepEqual(await floats(sum), [5, 7, 9]);
  assert.deepEqual(await floats(product), [4, 10, 18]);
  assert.deepEqual([sum?.type, sum?.shape], ["float32", [3]]);
  assert.deepEqual(await floats(a), [1, 2, 3], "not donated, so not written over");
  const { arguments: bytes, outputs, aliased } = program.memory();
  assert.deepEqual([bytes, aliased], [24, 12]);
  assert.ok(outputs >= 24);
  const optimized = await program.optimizedHlo();
  assert.ok(optimized.length > 0);
  program.close();
  program.close();
  await assert.rejects(program.run([[a, b]], []), /the program is closed/);
});

test("donated arguments are consumed, whether or not the program can use their memory", async () => {
  const program = await client.compile(sumAndProduct(3));
  const [a, b] = [await client.put(vector(1, 2, 3)), await client.put(vector(4, 5, 6))];
  const before = floats(a);
  const running = program.run([[a, b]], [0, 1]);
  assert.deepEqual(await before, [1, 2, 3], "what was asked for before is done before");
  for (const buffer of [a, b])
    await assert.rejects(buffer.read(), /float32\[3\]: read after it was donated/);
  await assert.rejects(program.run([[a, b]], []), /argument 0 for device 0 after it was donated/);
  const [[sum] = []] = await running;
  assert.deepEqual(await floats(sum), [5, 7, 9]);
});

test("a step's state is donated from run to run, asked for without waiting", async () => {
  const program = await client.compile(sumAndProduct(2));
  const one = await client.put(vector(1, 10));
  let state = await client.put(vector(0, 0));
  for (let i = 0; i < 50; i++) {
    const [[sum, product] = []] = await program.run([[state, one]], [0]);
    product!.drop();
    state = sum!;
  }
  assert.deepEqual(await floats(state), [50, 500]);
});

test("dropped values are refused, what was asked for before is done", async () => {
  const program = await client.compile(sumAndProduct(1));
  const a = await client.put(vector(2));
  const running = program.run([[a, a]], []);
  const reading = floats(a);
  a.drop();
  a.drop();
  await assert.rejects(a.read(), /read after it was dropped/);
  assert.deepEqual(await reading, [2]);
  const [[sum, product] = []] = await running;
  assert.deepEqual([await floats(sum), await floats(product)], [[4], [4]]);
});

test("arguments that do not fit are refused, and stay usable", async () => {
  const program = await client.compile(sumAndProduct(2));
  const [a, b] = [await client.put(vector(1, 2)), await client.put(vector(1, 2, 3))];
  await assert.rejects(program.run([[a]], [0]), /1 arguments, the program takes 2/);
  await assert.rejects(
    program.run([[a, b]], [0, 1]),
    /argument 1 is float32\[3\], the program takes float32\[2\]/,
  );
  const integers = { type: "int32" as const, shape: [2], data: Int32Array.of(1, 2) };
  await assert.rejects(
    program.run([[a, await client.put(integers)]], [0]),
    /argument 1 is int32\[2\], the program takes float32\[2\]/,
  );
  await assert.rejects(program.run([], []), /arguments for 0 devices, the program runs on 1/);
  await assert.rejects(program.run([[a, a]], [0]), /is donated and is another argument as well/);
  await assert.rejects(program.run([[a, a]], [2]), /argument 2 is donated, there are 2/);
  assert.deepEqual(await floats(a), [1, 2]);
  // What the plugin itself refuses: of a loaded program nobody knows the types of the arguments.
  const loaded = await client.load(await program.serialize());
  await assert.rejects(loaded.run([[a, b]], [0, 1]), (error: PjrtError) => {
    assert.ok(error instanceof PjrtError);
    assert.equal(error.code, "INVALID_ARGUMENT");
    assert.ok(!error.outOfMemory);
    return true;
  });
  assert.deepEqual(await floats(a), [1, 2], "donated to a run that failed at once");
  await assert.rejects(client.put({ ...vector(1, 2), shape: [3] }), /8 bytes for float32\[3\]/);
  await assert.rejects(client.put(vector(1), { device: 4 }), /device 4 of 4/);
});

test("what the compiler refuses is told", async () => {
  await assert.rejects(client.compile("module { nonsense }"), (error: PjrtError) => {
    assert.ok(error instanceof PjrtError);
    assert.match(error.message, /nonsense/);
    assert.match(error.stack ?? "", /client\.test/, "the stack leads to the caller");
    return true;
  });
  await assert.rejects(
    client.compile(sumAndProduct(1), { flags: { xla_no_such_option: true } }),
    (error: PjrtError) => /xla_no_such_option/.test(error.message),
  );
  await client.compile(sumAndProduct(1), { flags: { xla_cpu_enable_fast_math: false } });
});

test("a program is serialized, and loaded again", async () => {
  const program = await client.compile(sumAndProduct(2));
  const loaded = await client.load(await program.serialize());
  const a = await client.put(vector(3, 4));
  const [[, product] = []] = await loaded.run([[a, a]], []);
  assert.deepEqual(await floats(product), [9, 16]);
  await assert.rejects(client.load(Uint8Array.of(1, 2, 3)), PjrtError);
});

test("replicas run on devices of their own and meet in an all-reduce", async () => {
  for (const { replicas, devices } of [
    { replicas: 2, devices: undefined },
    { replicas: 4, devices: undefined },
    { replicas: 2, devices: [3, 1] },
  ]) {
    const ids = devices ?? Array.from({ length: replicas }, (_, i) => i);
    const program = await client.compile(allReduce(2, replicas), {
      replicas,
      ...(devices && { devices }),
    });
    const args = await Promise.all(
      ids.map(async (device, k) => [await client.put(vector(k, 10 * k), { device })]),
    );
    const total = (replicas * (replicas - 1)) / 2;
    const outputs = await program.run(args, [0]);
    for (const [sum] of outputs) assert.deepEqual(await floats(sum), [total, 10 * total]);
  }
  await assert.rejects(
    client.compile(allReduce(2, 2), { replicas: 2, devices: [0] }),
    /a program for 2 devices on 1/,
  );
});

test("a divided program takes and gives shares, and meets where it must", async () => {
  const options = { partitions: 2, devices: [2, 0] };
  const divided = await client.compile(dividedSum(4, 2), options);
  const loaded = await client.load(await divided.serialize(), options, dividedSum(4, 2));
  for (const program of [divided, loaded]) {
    const args = [
      [await client.put(vector(1, 2), { device: 2 })],
      [await client.put(vector(3, 4), { device: 0 })],
    ];
    const [first = [], second = []] = await program.run(args, []);
    assert.deepEqual([first[0]!.shape, first[1]!.shape], [[2], []]);
    assert.deepEqual(
      [await floats(first[0]), await floats(second[0])],
      [
        [2, 4],
        [6, 8],
      ],
    );
    assert.deepEqual([await floats(first[1]), await floats(second[1])], [[10], [10]]);
    const odd = await client.put(vector(1, 2, 3), { device: 2 });
    await assert.rejects(program.run([[odd], args[1]!], []), /float32\[4\] or a share of it/);
  }
});

test("Node's thread is free while a long program runs", async () => {
  const size = 256;
  const program = await client.compile(longProgram(size, 2000));
  const data = new Float32Array(size * size).fill(1 / size);
  const a = await client.put({ type: "float32", shape: [size, size], data });
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  const [[result] = []] = await program.run([[a]], []);
  await result!.read();
  clearInterval(timer);
  // Some hundred milliseconds at least; were the thread blocked, there would be one or two.
  assert.ok(ticks >= 10, `${ticks} ticks`);
});
