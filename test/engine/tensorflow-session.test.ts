/** Sessions through our own addon: values, order, errors, the end. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { floats, type HostTensor, SessionError } from "../../src/engine/session.js";
import {
  loadTensorflow,
  openTensorflowSession,
  type TensorflowAddon,
} from "../../src/engine/tensorflow-session.js";
import { UserError } from "../../src/errors.js";
import { attribute } from "../../src/graph/attributes.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import type { ElementType } from "../../src/graph/types.js";
import { declareVariable } from "../../src/step/variables.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { engine, open } from "../engine-for-tests.js";
import { openBlocking, startBlocked } from "./blocked-run.js";

const addon = loadTensorflow(engine.installed);
const skip = addon === undefined && "the engine has no addon of ours";
const float32 = { T: attribute.type("float32") };

/** A session in which `y` is `x` as it is fed. */
function identity(type: ElementType, shape: readonly number[] | undefined) {
  const builder = new GraphBuilder();
  builder.fetchable("y", builder.placeholder("x", type, shape));
  return open(builder.build());
}

test("values of every type come back as they were fed", { skip }, async () => {
  const long = new Uint8Array(3000).map((_, i) => i);
  const values: HostTensor[] = [
    { type: "float32", shape: [2, 2], data: Float32Array.of(1, -0, Number.NaN, 1e-42) },
    { type: "float32", shape: [], data: Float32Array.of(3) },
    { type: "float32", shape: [0, 3], data: new Float32Array(0) },
    { type: "int32", shape: [2], data: Int32Array.of(-(2 ** 31), 5) },
    { type: "int64", shape: [2], data: BigInt64Array.of(-(2n ** 63n), 2n ** 53n + 1n) },
    { type: "uint8", shape: [3], data: Uint8Array.of(0, 128, 255) },
    { type: "bool", shape: [2], data: Uint8Array.of(0, 1) },
    // 1 and the least number above it.
    { type: "bfloat16", shape: [2], data: Uint16Array.of(0x3f80, 0x3f81) },
    { type: "float16", shape: [2], data: Uint16Array.of(0x3c00, 0x3c01) },
    { type: "string", shape: [2, 1], data: [Buffer.from("short"), long] },
    { type: "string", shape: [], data: [new Uint8Array(0)] },
    // More than is copied on JavaScript's thread; not at the beginning of its buffer.
    { type: "float32", shape: [50_000], data: new Float32Array(50_001).fill(2.5).subarray(1) },
  ];
  for (const value of values) {
    const session = identity(value.type, undefined);
    const [got] = await session.run({ x: value }, ["y"]);
    session.close();
    assert.equal(got!.type, value.type);
    assert.deepEqual(got!.shape, value.shape);
    const plain = ({ data, type }: HostTensor) => {
      return type === "string" ? data.map((one) => Buffer.from(one).toString("hex")) : data;
    };
    assert.deepEqual(plain(got!), plain(value));
  }
});

test("numbers of 16 bits are fetched as their bits", { skip }, async () => {
  const builder = new GraphBuilder();
  const x = builder.placeholder("x", "float32", [3]);
  for (const type of ["bfloat16", "float16"] as const) {
    const attrs = { SrcT: attribute.type("float32"), DstT: attribute.type(type) };
    builder.fetchable(type, builder.one("Cast", [x], attrs, { type, shape: [3] }));
  }
  const session = open(builder.build());
  const fed = { x: { type: "float32", shape: [3], data: Float32Array.of(1, -2, 0.5) } } as const;
  const results = await session.run(fed, ["bfloat16", "float16"]);
  assert.deepEqual(results, [
    { type: "bfloat16", shape: [3], data: Uint16Array.of(0x3f80, 0xc000, 0x3f00) },
    { type: "float16", shape: [3], data: Uint16Array.of(0x3c00, 0xc000, 0x3800) },
  ]);
  session.close();
});

test("a result is memory of its own, not the variable's", { skip }, async () => {
  const size = 100_000;
  const builder = new GraphBuilder();
  declareVariable(builder, { name: "v", shape: [size] });
  const session = open(builder.build());
  const data = new Float32Array(size).fill(1);
  const set = () =>
    session.run({ "v/new": { type: "float32", shape: [size], data } }, ["v/assigned"]);
  const read = async () => floats((await session.run({}, ["v/read"]))[0]);
  await set();
  data.fill(2);
  const first = await read();
  const both = await session.run({}, ["v/read", "v/read"]);
  first.fill(3);
  floats(both[0]).fill(4);
  assert.ok(floats(both[1]).every((value) => value === 1));
  assert.ok((await read()).every((value) => value === 1));
  await set();
  assert.ok((await read()).every((value) => value === 2));
  assert.ok(first.every((value) => value === 3));
  session.close();
  assert.ok(floats(both[1]).every((value) => value === 1));
});

test("memory of results is counted, and given back", { skip }, async () => {
  const size = 2e6;
  const builder = new GraphBuilder();
  const x = builder.placeholder("x", "float32", [size]);
  const sum = builder.one("AddV2", [x, x], float32, { type: "float32", shape: [size] });
  builder.fetchable("sum", sum);
  const session = open(builder.build());
  const fed = { x: { type: "float32", shape: [size], data: new Float32Array(size) } } as const;
  let most = 0;
  for (let i = 0; i < 300; i++) {
    await session.run(fed, ["sum"]);
    most = Math.max(most, process.memoryUsage().external);
  }
  session.close();
  // 2.4 GB in all; about 0.1 at a time.
  assert.ok(most < 1.2e9, `${most}`);
});

test("JavaScript's thread is free while a step runs", { skip }, async (t) => {
  const session = openBlocking();
  const blocked = startBlocked(session, await temporaryFolder(t));
  let ticks = 0;
  const timer = setInterval(() => ticks++, 5);
  while (ticks < 10) await sleep(5);
  clearInterval(timer);
  await blocked.open();
  await blocked.ended;
  session.close();
});

test("runs of a session come in the order in which they are asked for", { skip }, async (t) => {
  const session = openBlocking();
  const blocked = startBlocked(session, await temporaryFolder(t));
  const ended: string[] = [];
  const runs = [blocked.ended.then(() => ended.push("blocked"))];
  for (const name of ["second", "third"])
    runs.push(session.run({}, ["free"]).then(() => ended.push(name)));
  const other = openBlocking();
  await other.run({}, ["free"]);
  ended.push("another session's");
  other.close();
  await blocked.open();
  await Promise.all(runs);
  assert.deepEqual(ended, ["another session's", "blocked", "second", "third"]);
  session.close();
});

test("what TensorFlow says comes with its code, and the session goes on", { skip }, async () => {
  const builder = new GraphBuilder();
  const x = builder.placeholder("x", "float32", undefined);
  const y = builder.placeholder("y", "float32", undefined);
  builder.fetchable("sum", builder.one("AddV2", [x, y], float32, { type: "float32", shape: [2] }));
  const session = open(builder.build());
  const of = (...values: number[]) =>
    ({ type: "float32", shape: [values.length], data: Float32Array.from(values) }) as const;
  const refused = async (run: Promise<unknown>, code: string, message: RegExp): Promise<void> => {
    await assert.rejects(run, (error) => {
      assert.ok(error instanceof SessionError);
      assert.equal(error.code, code);
      assert.match(error.message, message);
      return true;
    });
  };
  const twoAndThree = session.run({ x: of(1, 2), y: of(1, 2, 3) }, ["sum"]);
  await refused(twoAndThree, "INVALID_ARGUMENT", /^Incompatible shapes: \[2\] vs\. \[3\]/);
  await refused(session.run({ x: of(1) }, ["sum"]), "INVALID_ARGUMENT", /placeholder.*'y'/);
  await refused(session.run({}, ["none"]), "NOT_FOUND", /no node none/);
  await refused(session.run({ z: of(1) }, ["sum"]), "NOT_FOUND", /no node z/);
  const ints = { type: "int32", shape: [1], data: Int32Array.of(1) } as const;
  await refused(session.run({ x: ints, y: of(1) }, ["sum"]), "INVALID_ARGUMENT", /float/);
  const [sum] = await session.run({ x: of(1, 2), y: of(3, 4) }, ["sum"]);
  assert.deepEqual(floats(sum), Float32Array.of(4, 6));
  session.close();
});

test("a feed that is not what it says is a bug of the caller's", { skip }, async () => {
  const session = identity("float32", undefined);
  const data = Float32Array.of(1, 2);
  const wrong: [object, RegExp][] = [
    [{ type: "float32", shape: [3], data }, /has 8 bytes, its shape 12/],
    [{ type: "float32", shape: [-1], data }, /negative/],
    [{ type: "float32", shape: [2 ** 40, 2 ** 40], data }, /too large/],
    [{ type: "int32", shape: [2], data }, /another type/],
    [{ type: "variant", shape: [2], data }, /has no typed array/],
    [{ type: "float32", shape: [2], data: [1, 2] }, /a typed array/],
    [{ type: "string", shape: [2], data: [data] }, /has 1 strings, its shape 2/],
  ];
  for (const [x, message] of wrong)
    await assert.rejects(session.run({ x: x as HostTensor }, ["y"]), (error: Error) => {
      return error instanceof TypeError && message.test(error.message);
    });
  session.close();
});

test("a graph or settings that TensorFlow refuses", { skip }, () => {
  const builder = new GraphBuilder();
  builder.one("BitNoSuchOperation", [], {}, { type: "float32", shape: [] });
  const graph = builder.build();
  assert.throws(
    () => open(graph),
    (error) => error instanceof SessionError && /BitNoSuchOperation/.test(error.message),
  );
  const empty = new GraphBuilder().build();
  assert.throws(
    () => openTensorflowSession(addon!, empty.def, Uint8Array.of(1, 2, 3)),
    (error) => error instanceof SessionError && error.code === "INVALID_ARGUMENT",
  );
  // intra_op_parallelism_threads: 1
  openTensorflowSession(addon!, empty.def, Uint8Array.of(0x10, 1)).close();
});

test("close settles all promises at once, and may be called again", { skip }, async (t) => {
  const session = openBlocking();
  const blocked = startBlocked(session, await temporaryFolder(t));
  const waiting = session.run({}, ["free"]);
  // Under way, not only asked for.
  await sleep(50);
  session.close();
  session.close();
  const isClosed = (error: unknown) =>
    error instanceof SessionError && error.code === "CANCELLED" && /closed/.test(error.message);
  // The pipe is still closed.
  await assert.rejects(blocked.ended, isClosed);
  await assert.rejects(waiting, isClosed);
  await assert.rejects(session.run({}, ["free"]), /^Error: the session is closed$/);
  await blocked.open();
});

test("a lack of threads is told, and not taken for one of memory", async () => {
  const words = "Resource temporarily unavailable";
  const faults = [
    // As the addon has it of its own thread, and of those of kernels.
    new TypeError(words),
    Object.assign(new Error(`out of memory: ${words}`), { code: "RESOURCE_EXHAUSTED" }),
  ];
  for (const fault of faults) {
    const failing: Pick<TensorflowAddon, "open" | "run"> = {
      open: () => ({}) as ReturnType<TensorflowAddon["open"]>,
      run: () => Promise.reject(fault),
    };
    const session = openTensorflowSession(
      { ...unused, ...failing },
      new GraphBuilder().build().def,
    );
    await assert.rejects(session.run({}, ["y"]), (error) => {
      assert.ok(error instanceof UserError);
      assert.match(
        error.message,
        /no more of them[\s\S]*fewer processes on this machine.*ulimit -u/,
      );
      return true;
    });
  }
});

const unused = {
  serve: () => assert.fail("not to be called"),
  close: () => undefined,
};
