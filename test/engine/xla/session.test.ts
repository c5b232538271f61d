/**
 * How a session works with its host and its device, both played here: a run counts up, so that what was
 * lost, taken twice or taken out of turn is seen.
 */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PjrtError } from "../../../src/engine/pjrt/client.js";
import {
  floats,
  type HostTensor,
  type Session,
  SessionError,
} from "../../../src/engine/session.js";
import type {
  DeviceBuffer,
  DeviceProgram,
  ProgramDevice,
} from "../../../src/engine/xla/program-device.js";
import { XlaSession } from "../../../src/engine/xla/xla-session.js";
import { attribute } from "../../../src/graph/attributes.js";
import { type Graph, GraphBuilder } from "../../../src/graph/graph-builder.js";
import { declareVariable } from "../../../src/step/variables.js";

/**
 * A graph of which `step` gives the next batch and adds it to a sum, `other` does the same for another
 * pipeline, and `labels` takes another value of the first one's batch.
 */
function graphOf(): Graph {
  const builder = new GraphBuilder();
  const sum = declareVariable(builder, { name: "sum", shape: [1] });
  const dtype = { dtype: attribute.type("float32") };
  for (const name of ["train", "val"]) {
    const iterator = builder.one("IteratorV2", [], {}, { type: "resource" }, { name });
    const spots = [{ type: "float32", shape: [1] }] as const;
    const next = builder.one("IteratorGetNext", [iterator], {}, spots[0], { name: `${name}/next` });
    const twin = builder.one("IteratorGetNext", [iterator], {}, spots[0], { name: `${name}/twin` });
    const made = builder.add("MakeIterator", [iterator], {}, [])[0];
    builder.fetchable(`${name}/started`, builder.ints(0), [made]);
    const added = builder.add("AssignAddVariableOp", [sum.handle, next], dtype, [])[0];
    builder.fetchable(`${name}/step`, next, [added]);
    const both = builder.one("AddV2", [sum.read, twin], { T: attribute.type("float32") }, sum.read);
    builder.fetchable(`${name}/twin_step`, both);
  }
  return builder.build();
}

const float = (value: number): HostTensor => {
  return { type: "float32", shape: [1], data: Float32Array.of(value) };
};

/** A host of which each pipeline gives 1, 2, 3 and so on, from the beginning when it is started. */
class Host implements Session {
  readonly next: Record<string, number> = { train: 1, val: 101 };
  closed = false;
  failing: Error | undefined;

  async run(_feeds: object, fetches: readonly string[]): Promise<HostTensor[]> {
    await new Promise(setImmediate);
    return fetches.map((fetch) => {
      const pipeline = fetch.split("/")[0]!;
      if (fetch.endsWith("/started")) {
        this.next[pipeline] = pipeline === "train" ? 1 : 101;
        return { type: "int32", shape: [], data: Int32Array.of(0) };
      }
      if (this.failing !== undefined) throw this.failing;
      return float(this.next[pipeline]!++);
    });
  }

  close(): void {
    this.closed = true;
  }
}

class Buffer implements DeviceBuffer {
  isHere = true;
  constructor(
    readonly value: number,
    readonly failing?: Error | undefined,
  ) {}

  async read(): Promise<Uint8Array> {
    if (!this.isHere) throw new Error("read after its end");
    if (this.failing !== undefined) throw this.failing;
    return new Uint8Array(Float32Array.of(this.value).buffer);
  }

  drop(): void {
    this.isHere = false;
  }
}

interface Trouble {
  /** Told when a run is asked for, before or after its arguments are taken. */
  run?: { readonly error: Error; readonly took: boolean } | undefined;
  /** Told when a result is read. */
  read?: Error | undefined;
}

/** A device whose programs are all `sum += batch`; what it is asked to compile waits for `compiled`. */
class Device implements ProgramDevice {
  readonly name = "played";
  readonly partitions = 1;
  readonly trouble: Trouble = {};
  readonly dropped: Buffer[] = [];
  closedPrograms = 0;
  compiled: Promise<void> = Promise.resolve();
  running: Promise<void> = Promise.resolve();

  async compile(): Promise<DeviceProgram> {
    await this.compiled;
    return {
      run: async (args, donated) => {
        await this.running;
        const [sum, batch] = args as [Buffer, Buffer];
        const { run, read } = this.trouble;
        if (run === undefined || run.took)
          for (const i of donated) (args[i] as Buffer).isHere = false;
        if (run !== undefined) throw run.error;
        return [new Buffer(sum.value + batch.value, read), new Buffer(batch.value, read)];
      },
      close: () => {
        this.closedPrograms++;
      },
    };
  }

  async put({ data }: { readonly data: ArrayBufferView }): Promise<Buffer> {
    return new Buffer(new Float32Array(data.buffer, data.byteOffset, 1)[0]!);
  }
}

async function opened() {
  const [host, device] = [new Host(), new Device()];
  const session = new XlaSession(graphOf(), host, device);
  await session.run({ "sum/new": float(0) }, ["sum/assigned"]);
  const step = async (pipeline: string) => {
    return floats((await session.run({}, [`${pipeline}/step`]))[0])[0]!;
  };
  const sum = async () => floats((await session.run({}, ["sum/read"]))[0])[0]!;
  return { host, device, session, step, sum };
}

const tooLarge = new PjrtError("INTERNAL", "Failed to determine best cudnn convolution algorithm");

test("batches come in their order, each once, whatever is done in between", async () => {
  const { host, session, step, sum } = await opened();
  assert.deepEqual([await step("train"), await step("train")], [1, 2]);
  // An evaluation in the middle takes from its own pipeline.
  await session.run({}, ["val/started"]);
  assert.deepEqual([await step("val"), await step("val")], [101, 102]);
  assert.equal(await step("train"), 3);
  assert.equal(await sum(), 1 + 2 + 101 + 102 + 3);
  // What was made ahead belongs to the pipeline as it was.
  await session.run({}, ["train/started"]);
  assert.deepEqual([await step("train"), await step("train")], [1, 2]);
  await session.run({}, ["val/started"]);
  assert.equal(await step("val"), 101);
  await session.run({}, ["val/started"]);
  assert.equal(await step("val"), 101);
  // Runs that are asked for at once come one after another.
  await session.run({}, ["train/started"]);
  const steps = await Promise.all([1, 2, 3].map(() => step("train")));
  assert.deepEqual(steps, [1, 2, 3]);
  session.close();
  assert.ok(host.next["train"]! <= 5, "no more than one batch ahead");
});

test("a fetch that wants another part of a batch than was asked for ahead is refused", async () => {
  const { session, step } = await opened();
  await step("train");
  await assert.rejects(session.run({}, ["train/twin_step"]), /twin was not asked for/);
  session.close();
});

test("an error of the host's ahead is told by the run that takes the batch", async () => {
  const { host, session, step, sum } = await opened();
  assert.equal(await step("train"), 1);
  while (host.next["train"] !== 3) await new Promise(setImmediate);
  host.failing = new SessionError("cannot decode", "INVALID_ARGUMENT");
  // The second was made ahead; the third could not be.
  assert.equal(await step("train"), 2);
  await assert.rejects(step("train"), { name: "SessionError", message: "cannot decode" });
  assert.equal(await sum(), 3, "the state of the steps before");
  session.close();
});

test("a run that a device refuses changes nothing", async () => {
  const { device, session, step, sum } = await opened();
  await step("train");
  device.trouble.run = { error: tooLarge, took: false };
  await assert.rejects(step("train"), (error: unknown) => {
    assert.ok(error instanceof SessionError);
    assert.ok(error.outOfMemory, "though the device says it in words of its own");
    assert.equal(error.cause, tooLarge);
    return true;
  });
  assert.equal(await sum(), 1);
  device.trouble.run = undefined;
  assert.equal(await step("train"), 3);
  assert.equal(await sum(), 4);
  session.close();
});

test("a run that fails on its way takes the state with it, and that is told", async () => {
  for (const trouble of [{ run: { error: tooLarge, took: true } }, { read: tooLarge }]) {
    const { device, session, step, sum } = await opened();
    await step("train");
    Object.assign(device.trouble, trouble);
    await assert.rejects(step("train"), (error: unknown) => {
      return error instanceof SessionError && error.outOfMemory;
    });
    await assert.rejects(sum(), { name: "SessionError", message: /sum has no value/ });
    // It may be set again.
    Object.assign(device.trouble, { run: undefined, read: undefined });
    await session.run({ "sum/new": float(7) }, ["sum/assigned"]);
    await step("train");
    assert.ok((await sum()) > 7);
    session.close();
  }
});

test("a close settles all runs at once, and frees all when the one under way has ended", async () => {
  for (const what of ["compiled", "running"] as const) {
    const { host, device, session, step } = await opened();
    if (what === "running") await step("train");
    let end = () => {};
    device[what] = new Promise((resolve) => {
      end = resolve;
    });
    const runs = [step("train"), step("train"), session.run({}, ["train/started"])];
    await new Promise(setImmediate);
    session.close();
    session.close();
    for (const run of runs)
      await assert.rejects(run, { name: "SessionError", code: "CANCELLED", message: /closed/ });
    assert.equal(host.closed, false);
    await assert.rejects(step("train"), /the session is closed/);
    end();
    while (!host.closed) await new Promise(setImmediate);
    assert.equal(device.closedPrograms, 1);
  }
});

test("what a run forgets to feed is told", async () => {
  const { session } = await opened();
  await assert.rejects(session.run({}, ["sum/assigned"]), /the run feeds nothing for sum\/new/);
  session.close();
});
