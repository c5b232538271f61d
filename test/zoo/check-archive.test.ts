/** The check of a download: values that are no weights make no model. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { deflateRawSync } from "node:zlib";
import { crc32 } from "../../src/archive/crc32.js";
import { encodeNpy } from "../../src/archive/npy.js";
import type { NumericData } from "../../src/archive/numeric-array.js";
import { headKernel, parseArchitecture, variableSpecs } from "../../src/model/architecture.js";
import { ArchiveProblem, proveArchive } from "../../src/zoo/check-archive.js";
import type { ZooModel } from "../../src/zoo/models.js";
import { verifyModel } from "../../src/zoo/verify-model.js";
import { temporaryFolder } from "../archive/temporary-folder.js";
import { writeZip } from "../archive/zip-builder.js";

const model: ZooModel = {
  name: "Made-R14x0.5",
  path: "made.npz",
  classes: 10,
  trainedOn: "nothing",
  exact: true,
};
const specs = variableSpecs(parseArchitecture(model.name), model.classes);

/** An archive of the model, with the head's kernel made by `change`; stored, or deflated. */
async function archiveWith(
  t: TestContext,
  change: (values: Float32Array) => NumericData,
  packed = false,
): Promise<string> {
  const folder = await temporaryFolder(t);
  const members = specs.map(({ name, shape }) => {
    const values = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.5);
    const data = name === headKernel ? change(values) : values;
    const contents = encodeNpy({ shape, data }, name);
    const member = { name: `${name}.npy`, contents, crc: crc32(contents) };
    if (!packed) return member;
    const uncompressedSize = contents.length;
    return { ...member, contents: deflateRawSync(contents), method: 8, uncompressedSize };
  });
  await writeZip(join(folder, `${model.name}.npz`), members);
  return folder;
}

for (const packed of [false, true])
  for (const bad of [Number.NaN, Number.NEGATIVE_INFINITY])
    test(`${bad} in ${packed ? "a deflated" : "a stored"} array is told by name`, async (t) => {
      const folder = await archiveWith(t, (values) => values.fill(bad, 7, 8), packed);
      const got = `'${headKernel}' holds ${bad} at [0, 0, 0, 7]: 1 of 10240 values (<f4) are not finite`;
      await assert.rejects(proveArchive(join(folder, `${model.name}.npz`), model), (error) => {
        assert.ok(error instanceof ArchiveProblem);
        assert.equal(error.got, got);
        return true;
      });
      const { good, text } = await verifyModel(model, { folder });
      assert.ok(!good && text.endsWith(`is not ${model.name}: ${got}`), text);
    });

test("float64 is converted and held to the same; integers are told by name", async (t) => {
  const double = (last: number) => (values: Float32Array) => {
    const wide = Float64Array.from(values);
    wide[9] = last;
    return wide;
  };
  const sound = await archiveWith(t, double(1e38));
  assert.ok((await verifyModel(model, { folder: sound })).good);
  const beyond = await archiveWith(t, double(1e39));
  assert.match(
    (await verifyModel(model, { folder: beyond })).text,
    /holds Infinity at \[0, 0, 0, 9\]/,
  );
  const integers = await archiveWith(t, (values) => new Uint16Array(values.length));
  assert.match(
    (await verifyModel(model, { folder: integers })).text,
    /1 of its arrays are no weights: resnet\/head\/conv2d\/kernel is <u2/,
  );
});
