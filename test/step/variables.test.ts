/** Variables from an archive: read by the engine or through JavaScript, the same bits and errors. */
import assert from "node:assert/strict";
import { rename, rm, truncate } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { deflateRawSync } from "node:zlib";
import { crc32 } from "../../src/archive/crc32.js";
import { encodeNpy } from "../../src/archive/npy.js";
import { NpzReader } from "../../src/archive/npz-reader.js";
import { sizeOf } from "../../src/archive/shape.js";
import type { Session } from "../../src/engine/session.js";
import { UserError } from "../../src/errors.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import { headBias, headKernel, type VariableSpec } from "../../src/model/architecture.js";
import { loadArchive } from "../../src/step/initial-values.js";
import { declareVariables, type GraphVariable, readVariables } from "../../src/step/variables.js";
import { temporaryFolder } from "../archive/temporary-folder.js";
import { writeZip, type ZipMember } from "../archive/zip-builder.js";
import { engine, open, targetWith } from "../engine-for-tests.js";

const body: readonly VariableSpec[] = [
  { name: "resnet/block1/kernel", shape: [3, 3, 2, 5] },
  { name: "resnet/block1/gain", shape: [1, 1, 1, 5] },
  { name: "resnet/scalar", shape: [] },
  { name: "resnet/empty", shape: [0, 3] },
  // Read in three pieces of 4 MiB, the last of them short and of no round length.
  { name: "resnet/long", shape: [2 ** 21 + 1237] },
];
const head: readonly VariableSpec[] = [
  { name: headKernel, shape: [1, 1, 5, 7] },
  { name: headBias, shape: [7] },
];
const specs = [...body, ...head];
const fit = { model: "test", newHead: false };

/** All kinds of bits of finite numbers, those of subnormals and of -0 included. */
function bitsOf({ name, shape }: VariableSpec): Uint32Array<ArrayBuffer> {
  let state = crc32(new TextEncoder().encode(name));
  const bits = Uint32Array.from({ length: sizeOf(shape) }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    // An exponent of ones is that of infinities and of no numbers.
    return (state & 0x7f800000) === 0x7f800000 ? state & ~0x800000 : state;
  });
  bits.set([0x80000000, 0x7f7fffff, 1, 0xff7fffff, 0x007fffff].slice(0, bits.length));
  return bits;
}

function member(spec: VariableSpec, change: Partial<ZipMember> = {}): ZipMember {
  // As the official archives have it, without the axes of length 1 where there are others.
  const axes = spec.name === "resnet/block1/gain" ? [5] : spec.shape;
  const values = { shape: axes, data: new Float32Array(bitsOf(spec).buffer) };
  return { name: `${spec.name}.npy`, contents: encodeNpy(values, "test"), ...change };
}

function deflated(spec: VariableSpec): ZipMember {
  const { name, contents } = member(spec);
  const packed = { contents: deflateRawSync(contents), uncompressedSize: contents.length };
  return { name, method: 8, crc: crc32(contents), ...packed };
}

async function archiveOf(t: TestContext, members: readonly ZipMember[]): Promise<string> {
  const path = join(await temporaryFolder(t), "made.npz");
  await writeZip(path, members);
  return path;
}

/** A session with the variables, and the names of all that was fetched from it. */
function opened(t: TestContext, loadable: boolean) {
  const builder = new GraphBuilder();
  const variables = declareVariables(builder, specs, targetWith(loadable));
  const inner = open(builder.build());
  t.after(() => inner.close());
  const fetched: string[] = [];
  const session: Session = {
    run: (feeds, fetches) => {
      fetched.push(...fetches);
      return inner.run(feeds, fetches);
    },
    close: () => inner.close(),
  };
  return { session, variables, fetched };
}

async function bitsIn(session: Session, variables: readonly GraphVariable[]) {
  const found = new Map<string, Uint32Array>();
  for await (const [{ name }, { buffer, byteOffset, length }] of readVariables(session, variables))
    found.set(name, new Uint32Array(buffer.slice(byteOffset, byteOffset + 4 * length)));
  return found;
}

function assertBits(found: ReadonlyMap<string, Uint32Array>, wanted: readonly VariableSpec[]) {
  for (const spec of wanted)
    assert.ok(Buffer.from(found.get(spec.name)!.buffer).equals(Buffer.from(bitsOf(spec).buffer)));
}

/** Loads an archive, with something done to it once it is open. */
async function load(
  t: TestContext,
  path: string,
  loadable: boolean,
  meanwhile: () => Promise<void> = async () => undefined,
  options = { verify: true },
) {
  const { session, variables, fetched } = opened(t, loadable);
  const archive = await NpzReader.open(path, options);
  try {
    await meanwhile();
    await loadArchive(session, archive, variables, fit);
  } finally {
    await archive.close();
  }
  return { found: await bitsIn(session, variables), fetched };
}

const needsOperations = {
  skip: engine.target.native.layers ? false : "the engine is without our operations",
};
const all = specs.map((spec) => member(spec));

for (const loadable of [false, true])
  test(`every bit arrives, ${loadable ? "read by the engine" : "through JavaScript"}`, {
    skip: loadable && needsOperations.skip,
  }, async (t) => {
    const { found, fetched } = await load(t, await archiveOf(t, all), loadable);
    assertBits(found, specs);
    const loads = loadable ? ["load_0/done", "load_1/done"] : [];
    assert.deepEqual(
      fetched.filter((name) => name.endsWith("/done")),
      loads,
    );
    assert.equal(fetched.filter((name) => name.endsWith("/assigned")).length, loadable ? 0 : 7);
  });

test(
  "a group with a deflated array comes through JavaScript, the other does not",
  needsOperations,
  async (t) => {
    const members = specs.map((spec) =>
      spec.name === "resnet/scalar" ? deflated(spec) : member(spec),
    );
    const { found, fetched } = await load(t, await archiveOf(t, members), true);
    assertBits(found, specs);
    assert.ok(fetched.includes("load_1/done") && !fetched.includes("load_0/done"));
    assert.equal(fetched.filter((name) => name.endsWith("/assigned")).length, body.length);
  },
);

test("a new head is zero, whatever head the archive has", needsOperations, async (t) => {
  const other = head.map(({ name, shape }) => member({ name, shape: [...shape.slice(0, -1), 3] }));
  const path = await archiveOf(t, [...all.slice(0, body.length), ...other]);
  const { session, variables, fetched } = opened(t, true);
  const archive = await NpzReader.open(path);
  await loadArchive(session, archive, variables, { ...fit, newHead: true });
  await archive.close();
  const found = await bitsIn(session, variables);
  assertBits(found, body);
  for (const { name } of head) assert.ok(found.get(name)!.every((bits) => bits === 0));
  assert.ok(fetched.includes("load_0/done") && !fetched.includes("load_1/done"));
});

for (const name of ["resnet/block1/gain", "resnet/long", headBias])
  test(`a wrong checksum of ${name} is the same error either way`, async (t) => {
    const members = all.map((one) => (one.name === `${name}.npy` ? { ...one, crc: 1 } : one));
    const path = await archiveOf(t, members);
    for (const loadable of new Set([false, engine.target.native.layers]))
      await assert.rejects(load(t, path, loadable), (error) => {
        assert.ok(error instanceof UserError);
        assert.equal(error.where, `${path}, array '${name}'`);
        assert.equal(error.got, "the archive is damaged: its CRC-32 does not match");
        return true;
      });
    const { found } = await load(t, path, engine.target.native.layers, undefined, {
      verify: false,
    });
    assertBits(found, specs);
  });

test("a file that was cut off since it was opened is the same error either way", async (t) => {
  for (const loadable of new Set([false, engine.target.native.layers])) {
    const path = await archiveOf(t, all);
    await assert.rejects(
      load(t, path, loadable, () => truncate(path, 5_000_000)),
      {
        name: "UserError",
        where: `${path}, array 'resnet/long'`,
        got: "the archive is damaged: the file ends at byte 5000000",
      },
    );
  }
});

test(
  "what counts is the file that was opened, whatever has taken its name",
  needsOperations,
  async (t) => {
    const path = await archiveOf(t, all);
    const another = await archiveOf(t, [member({ name: "other", shape: [9] })]);
    const replaced = await load(t, path, true, () => rename(another, path));
    assertBits(replaced.found, specs);
    const gone = await archiveOf(t, all);
    const vanished = await load(t, gone, true, () => rm(gone));
    assertBits(vanished.found, specs);
    assert.equal(vanished.fetched.filter((name) => name.endsWith("/assigned")).length, 0);
    await assert.rejects(load(t, gone, true), {
      name: "UserError",
      where: gone,
      got: /no such file/,
    });
  },
);

test("the groups are of bounded size", () => {
  const builder = new GraphBuilder();
  const large = [300, 100, 200, 600, 10].map((mebibytes, i) => {
    return { name: `part${i}`, shape: [mebibytes, 2 ** 18] };
  });
  const variables = declareVariables(builder, [...large, ...head], targetWith(true));
  const groups = [...new Set(variables.map(({ group }) => group!.members.join()))];
  assert.deepEqual(groups, ["part0,part1", "part2", "part3", "part4", `${headKernel},${headBias}`]);
});
