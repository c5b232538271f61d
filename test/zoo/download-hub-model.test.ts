/** Models of the Hugging Face Hub: what lies in the folder is what the Hub has, or nothing does. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { writeSafetensors } from "../../src/archive/safetensors-writer.js";
import { sizeOf } from "../../src/archive/shape.js";
import { UserError } from "../../src/errors.js";
import { parseArchitecture, variableSpecs } from "../../src/model/architecture.js";
import { transformersLayout } from "../../src/model/name-layouts.js";
import { downloadHubModel, type HubDownloadOptions } from "../../src/zoo/download-hub-model.js";
import { hubAccess, hubUrl, parseHubName } from "../../src/zoo/hub-repository.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { fixturePath } from "../fixture-path.js";
import { commit, type HubServerOptions, serveHub } from "./hub-server.js";

const token = "hf_aSecretOfMine";
const repository = parseHubName("hf:owner/name");

/** What transformers wrote of R14x0.5 with three classes, with zeros for weights. */
async function filesOf(t: TestContext): Promise<Record<string, Uint8Array>> {
  const path = join(await temporaryFolder(t), "model.safetensors");
  const specs = variableSpecs(parseArchitecture("R14x0.5"), 3);
  await writeSafetensors(
    path,
    specs.map(({ name, shape }) => ({
      name: transformersLayout.own(name.replace("resnet/", "")).replaceAll("/", "."),
      shape: shape.length === 4 ? [shape[3]!, shape[2]!, shape[0]!, shape[1]!] : shape,
      values: () => new Float32Array(sizeOf(shape)),
    })),
    { float16: true },
  );
  const json = (name: string) => readFile(fixturePath("safetensors", "transformers", name));
  return {
    "config.json": await json("config.json"),
    "preprocessor_config.json": await json("preprocessor_config.json"),
    "model.safetensors": await readFile(path),
  };
}

async function setting(t: TestContext, changes: Partial<HubServerOptions> = {}) {
  const files = { ...(await filesOf(t)), ...changes.files };
  const server = await serveHub({ ...changes, files });
  t.after(() => server.close());
  const folder = await temporaryFolder(t);
  const notes: string[] = [];
  const options = {
    ...{ folder, backoffMs: 1, access: { endpoint: server.endpoint, token: undefined } },
    note: (line: string) => void notes.push(line),
  } satisfies HubDownloadOptions;
  return { files, server, folder, notes, options, path: join(folder, "name") };
}

async function refused(call: Promise<unknown>, words: RegExp): Promise<void> {
  await assert.rejects(call, (error: Error) => {
    assert.ok(error instanceof UserError, error.stack);
    assert.match(error.message, words);
    assert.ok(!`${error.stack}${error.cause}`.includes(token), "the token is told");
    return true;
  });
}

test("a model is fetched at one commit, and not again", async (t) => {
  const { files, server, folder, options, path, notes } = await setting(t);
  const first = await downloadHubModel(repository, options);
  const sizeBytes = Object.values(files).reduce((sum, { length }) => sum + length, 0);
  assert.deepEqual(first, { path, sizeBytes, fetched: true });
  assert.deepEqual((await readdir(path)).sort(), Object.keys(files).sort());
  for (const [name, bytes] of Object.entries(files))
    assert.deepEqual(new Uint8Array(await readFile(join(path, name))), new Uint8Array(bytes));
  const sum = createHash("sha256").update(files["model.safetensors"]!).digest("hex");
  const sums = await readFile(join(folder, "SHA256SUMS"), "utf8");
  assert.equal(sums, `${sum}  name/model.safetensors\n`);
  assert.deepEqual((await readdir(folder)).sort(), ["SHA256SUMS", "name"]);
  const asked = server.requests.filter((line) => line.startsWith("GET"));
  assert.deepEqual(asked, [
    `GET /owner/name/resolve/${commit}/config.json`,
    `GET /owner/name/resolve/${commit}/preprocessor_config.json`,
    `GET /owner/name/resolve/${commit}/model.safetensors`,
    "GET storage /model.safetensors",
  ]);
  assert.equal((await downloadHubModel(repository, options)).fetched, false);
  assert.equal(server.requests.filter((line) => line.startsWith("GET")).length, 4);
  assert.deepEqual(notes, []);
});

test("the token goes to the Hub alone, and is told nowhere", async (t) => {
  const { server, options, notes } = await setting(t, { token, cuts: [1000] });
  await refused(downloadHubModel(repository, options), /to those alone who have agreed/);
  const access = { endpoint: server.endpoint, token };
  const fetched = await downloadHubModel(repository, { ...options, access });
  assert.equal(fetched.fetched, true);
  assert.ok(server.tokens.hub.includes(`Bearer ${token}`));
  assert.ok(server.tokens.storage.length >= 2);
  assert.ok(server.tokens.storage.every((value) => value === undefined));
  assert.ok(!notes.join().includes(token));
  const wrong = { endpoint: server.endpoint, token: `${token}x` };
  await refused(downloadHubModel(repository, { ...options, access: wrong }), /account of HF_TOKEN/);
});

test("a connection that breaks is taken up where it ended, in a later call too", async (t) => {
  const { files, server, options, path, folder } = await setting(t, { cuts: [100_000, 200_000] });
  await refused(downloadHubModel(repository, { ...options, attempts: 1 }), /goes on where it/);
  assert.deepEqual(await readdir(folder), ["name.part"]);
  await downloadHubModel(repository, options);
  const ranges = server.requests.filter((line) => line.startsWith("GET storage"));
  const starts = ranges.map((line) => Number(/ bytes=(\d+)-$/.exec(line)?.[1] ?? 0));
  // What came last before the end may have been lost with the connection.
  const [first, second, third] = starts as [number, number, number];
  assert.equal(starts.length, 3);
  assert.equal(first, 0);
  assert.ok(0 < second && second <= 100_000 && second < third && third <= 300_000, `${starts}`);
  const written = await readFile(join(path, "model.safetensors"));
  assert.deepEqual(new Uint8Array(written), new Uint8Array(files["model.safetensors"]!));
});

test("what is not what the Hub says is refused, and nothing is left under the name", async (t) => {
  const files = await filesOf(t);
  const other = Uint8Array.from(files["model.safetensors"]!);
  other[other.length - 1]! ^= 1;
  const { options, folder } = await setting(t, { stored: other });
  await refused(downloadHubModel(repository, options), /what came has the SHA-256 .* instead of/);
  assert.deepEqual(await readdir(join(folder, "name.part")), [
    "config.json",
    "preprocessor_config.json",
  ]);
  const short = await setting(t, { stored: other.subarray(1) });
  await refused(downloadHubModel(repository, short.options), /bytes instead of/);
  const long = await setting(t, { stored: new Uint8Array(other.length + 1) });
  await refused(downloadHubModel(repository, long.options), /a file of at most/);
});

test("another network is refused before its weights are asked for", async (t) => {
  const config = JSON.parse(
    await readFile(fixturePath("safetensors", "transformers", "config.json"), "utf8"),
  );
  const encoded = (value: object) => new TextEncoder().encode(JSON.stringify(value));
  for (const [changed, words] of [
    [{ ...config, global_padding: "SAME" }, /no BiT that can be taken: global_padding/],
    [{ model_type: "vit" }, /no BiT that can be taken: model_type/],
    [{ some: "thing" }, /no configuration of timm's or transformers'/],
  ] as const) {
    const { options, server, folder } = await setting(t, {
      files: { "config.json": encoded(changed) },
    });
    await refused(downloadHubModel(repository, options), words);
    assert.ok(!server.requests.some((line) => line.startsWith("GET storage")));
    assert.deepEqual(await readdir(folder), []);
  }
  const { options, folder } = await setting(t, {
    files: { "config.json": encoded({ ...config, depths: [2, 2, 2, 2] }) },
  });
  await refused(downloadHubModel(repository, options), /does not fit R26x0.5: 36 missing/);
  assert.deepEqual(await readdir(folder), []);
});

test("what the Hub does not have, or not for everybody, is told apart", async (t) => {
  const { options } = await setting(t);
  const get = (name: string) => downloadHubModel(parseHubName(name), options);
  await refused(get("hf:owner/none"), /there is no hf:owner\/none, or it is not for everybody/);
  await refused(get("hf:owner/name@v9"), /hf:owner\/name has no revision v9/);
  await get("hf:owner/name@refs/pr/1");
  const bare = await setting(t, { files: { "model.safetensors": undefined as never } });
  await refused(downloadHubModel(repository, bare.options), /has no model.safetensors/);
});

test("a repository that was renamed, and a mirror that says no digests", async (t) => {
  const { options, folder } = await setting(t, { plain: true });
  await downloadHubModel(parseHubName("hf:owner/moved"), options);
  assert.deepEqual((await readdir(join(folder, "moved"))).length, 3);
});

test("another model under the name stays, unless it is to be replaced", async (t) => {
  const { options, path, files } = await setting(t);
  await mkdir(path);
  await writeFile(join(path, "config.json"), "{}");
  await refused(downloadHubModel(repository, options), /replace it with --force/);
  await writeFile(join(path, "mine.txt"), "mine");
  const forced = { ...options, force: true };
  await refused(downloadHubModel(repository, forced), /holds mine.txt beside a model's files/);
  assert.equal(await readFile(join(path, "config.json"), "utf8"), "{}");
  const { rm } = await import("node:fs/promises");
  await rm(join(path, "mine.txt"));
  await downloadHubModel(repository, forced);
  const config = await readFile(join(path, "config.json"));
  assert.deepEqual(new Uint8Array(config), new Uint8Array(files["config.json"]!));
});

test("names, addresses and the environment", () => {
  const timm = parseHubName("hf:timm/resnetv2_50x1_bit.goog_in21k");
  assert.deepEqual(timm, {
    ...{ owner: "timm", name: "resnetv2_50x1_bit.goog_in21k", revision: "main" },
  });
  assert.equal(parseHubName("hf:a/b@refs/pr/1").revision, "refs/pr/1");
  for (const bad of ["hf:bert", "hf:a/b/c", "hf:../b", "hf:a/..", "hf:a/b@", "hf:a/b@x y", "hf:"])
    assert.throws(() => parseHubName(bad), /is no name of a repository/, bad);
  const access = hubAccess({});
  assert.deepEqual(access, { endpoint: "https://huggingface.co", token: undefined });
  assert.equal(
    hubUrl(access, { ...timm, revision: "refs/pr/1" }, "config.json"),
    "https://huggingface.co/timm/resnetv2_50x1_bit.goog_in21k/resolve/refs%2Fpr%2F1/config.json",
  );
  const told = hubAccess({ HF_ENDPOINT: "http://mirror:8/hub/", HF_TOKEN: `${token}\n` });
  assert.deepEqual(told, { endpoint: "http://mirror:8/hub", token });
  assert.throws(() => hubAccess({ HF_ENDPOINT: "mirror" }), UserError);
  assert.throws(
    () => hubAccess({ HF_TOKEN: `${token} \u0001` }),
    (error: Error) => error instanceof UserError && !error.message.includes(token),
  );
});
