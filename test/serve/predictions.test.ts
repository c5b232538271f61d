/** What is answered, against what `bit-predict` computes. */
import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { sampleFolder } from "../../src/data/known-datasets.js";
import { predict } from "../../src/run/predict.js";
import { topProbabilities } from "../../src/run/probabilities.js";
import { sampleFacts, sampleWeights } from "../../src/run/sample-model.js";
import { engine } from "../engine-for-tests.js";
import { fixturePath } from "../fixture-path.js";
import { ask, dress, post, rowsOf, served } from "./served.js";

/** Logits of images, each computed by itself, as `bit-predict --batch 1` prints them. */
async function reference(inputs: readonly string[]): Promise<Float32Array[]> {
  const logits: Float32Array[] = [];
  const predicted = (made: { readonly logits: Float32Array }) =>
    void logits.push(made.logits.slice());
  await predict({ source: sampleWeights(), inputs, batch: 1 }, engine, { predicted });
  return logits;
}

async function sampleImages(): Promise<string[]> {
  const names = await readdir(join(sampleFolder(), "val"), { recursive: true });
  const files = names.filter((name) => name.endsWith(".png")).sort();
  return files.filter((_, i) => i % 25 === 0).map((name) => join(sampleFolder(), "val", name));
}

async function jpegs(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith(".jpg"));
  return names.map((name) => join(folder, name));
}

test("logits and probabilities are bit-predict's to the bit, for sample images and every JPEG", async (t) => {
  const service = await served(t);
  const paths = [
    ...(await sampleImages()),
    ...(await jpegs(fixturePath("variants"))),
    ...(await jpegs(fixturePath("data", "images"))),
  ];
  assert.ok(paths.length > 40, `${paths.length}`);
  const wanted = await reference(paths);
  for (const [i, path] of paths.entries()) {
    const logits = wanted[i]!;
    const answer = await post(service, await readFile(path), "predict?logits=true&top=3");
    assert.equal(answer.status, 200, answer.text);
    const [row] = rowsOf(answer);
    assert.deepEqual(row!.logits, [...logits], path);
    const top = topProbabilities(logits, 3).map((one) => {
      return { ...one, name: sampleFacts.classNames[one.class] };
    });
    assert.deepEqual(row!.top, top, path);
  }
});

test("a form of several files: a row for each, by its name and in its order", async (t) => {
  const service = await served(t);
  const form = new FormData();
  form.append("a", new Blob([dress]), "Zoë's dress.png");
  form.append("b", new Blob([await readFile(fixturePath("variants", "rgb.jpg"))]), "rgb.jpg");
  form.append("c", new Blob([dress]), "");
  const answer = await fetch(`${service.url}predict?top=2`, { method: "POST", body: form });
  const text = await answer.text();
  assert.equal(answer.status, 200, text);
  const rows = rowsOf({ status: 200, headers: {}, text });
  assert.deepEqual(
    rows.map(({ source }) => source),
    ["Zoë's dress.png", "rgb.jpg", "image 2"],
  );
  for (const { top } of rows) assert.equal(top.length, 2);
  const [alone] = rowsOf(await post(service, dress));
  // float32's rounding, which differs with the number of images that are computed together.
  for (const row of [rows[0]!, rows[2]!])
    for (const [i, { probability }] of row.top.entries())
      assert.ok(Math.abs(probability - alone!.top[i]!.probability) < 1e-5);
});

test("an image that cannot be used: 400 with the reason, or a row that says so", async (t) => {
  const service = await served(t);
  const cut = dress.subarray(0, dress.length / 2);
  const refused = await post(service, cut);
  assert.equal(refused.status, 400);
  assert.match(JSON.parse(refused.text).error, /^the image cannot be used \(/);
  assert.match((await post(service, Buffer.from("no image"))).text, /no known image format/);

  const form = (files: readonly (readonly [string, Uint8Array])[]) => {
    const body = new FormData();
    for (const [name, bytes] of files) body.append("image", new Blob([bytes]), name);
    return { method: "POST", body };
  };
  const mixed = [
    ["whole.png", dress],
    ["cut.png", cut],
  ] as const;
  const all = await fetch(`${service.url}predict`, form(mixed));
  assert.equal(all.status, 400);
  const told = JSON.parse(await all.text());
  assert.equal(told.error, "1 of 2 images cannot be used");
  assert.equal(told.images[0].source, "cut.png");
  const rest = await fetch(`${service.url}predict?bad_images=skip`, form(mixed));
  assert.equal(rest.status, 200);
  const rows = rowsOf({ status: 200, headers: {}, text: await rest.text() });
  assert.equal(rows[0]!.top.length, 5);
  assert.match(rows[1]!.skipped!, /cannot be used/);
  const none = await fetch(`${service.url}predict?bad_images=skip`, form([["cut.png", cut]]));
  assert.equal(none.status, 400);
  const metrics = (await ask(service, "metrics")).text;
  assert.match(metrics, /^bit_serve_images_total\{outcome="predicted"\} 1$/m);
  assert.match(metrics, /^bit_serve_images_total\{outcome="refused"\} 5$/m);
});

test("what the address asks for is checked, and nothing of it passed over", async (t) => {
  const service = await served(t);
  for (const query of ["top=0", "top=1.5", "top=x", "tpo=3", "bad_images=no", "logits=1"]) {
    const { status, text } = await post(service, dress, `predict?${query}`);
    assert.equal(status, 400, query);
    assert.match(JSON.parse(text).error, /in the address$/);
  }
  const [row] = rowsOf(await post(service, dress, "predict?top=99"));
  assert.equal(row!.top.length, 5);
});
