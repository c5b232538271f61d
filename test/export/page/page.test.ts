/** Exports as a page: one file, from which the engine gives the model's logits. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { test } from "node:test";
import { exportModel } from "../../../src/export/export.js";
import { readPage } from "../../../src/export/page/page-file.js";
import { serverPage } from "../../../src/export/page/server-page.js";
import { WeightStream, weightBytes } from "../../../src/export/page/weight-stream.js";
import { verifyExport } from "../../../src/export/verify.js";
import { sampleModel } from "../../../src/run/sample-model.js";
import { runBin } from "../../cli/command.js";
import { temporaryFolder } from "../../data/temporary-folder.js";
import { engine } from "../../engine-for-tests.js";

/** What a policy allows, by its directives. */
function policyOf(html: string): Map<string, string> {
  const [, policy] = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html)!;
  return new Map(
    policy!.split("; ").map((directive) => {
      const [name, ...values] = directive.split(" ");
      return [name!, values.join(" ")];
    }),
  );
}

function sha256(text: string): string {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

test("a page is one file that gives the model's logits, and can send nothing", async (t) => {
  const out = join(await temporaryFolder(t), "page");
  const report = await exportModel({ source: sampleModel, to: "page", out }, engine);
  assert.ok(report.largestDifference < 1e-5, `${report.largestDifference}`);
  const [file, ...others] = (await readdir(out)).filter((name) => !name.startsWith("golden"));
  assert.equal(file, `${sampleModel}.html`);
  assert.deepEqual(others, []);
  assert.ok((await verifyExport(out, engine)).largestDifference < 1e-5);

  const html = await readFile(join(out, file), "utf8");
  const policy = policyOf(html);
  assert.equal(policy.get("default-src"), "'none'");
  assert.equal(policy.get("connect-src"), "'none'");
  assert.equal(policy.get("form-action"), "'none'");
  const programs = [...html.matchAll(/<script>(.*?)<\/script>/gs)].map(([, text]) => text!);
  assert.equal(programs.length, 1);
  assert.equal(policy.get("script-src"), `${sha256(programs[0]!)} 'wasm-unsafe-eval'`);
  const [, style] = /<style>(.*?)<\/style>/s.exec(html)!;
  assert.equal(policy.get("style-src"), sha256(style!));
  // Addresses that a browser would follow by itself.
  assert.doesNotMatch(html, /(src|href)="?(https?:)?\/\//);
  assert.match(html, /TensorFlow\.js 4\.22\.0.*Apache License 2\.0/s);
});

test("the command ends with the file to open in a browser", async (t) => {
  const out = join(await temporaryFolder(t), "page");
  const ran = await runBin("bit-export", [sampleModel, "--to", "page", "--out", out]);
  assert.equal(ran.code, 0, ran.stderr);
  const file = relative("", join(out, `${sampleModel}.html`));
  assert.ok(
    ran.stderr.endsWith(`\nOpen in a browser: ${file}\n`) ||
      ran.stderr === `Open in a browser: ${file}\n`,
    ran.stderr,
  );
  assert.ok(ran.stdout.trimEnd().endsWith(relative("", out)), ran.stdout);
});

test("a page that was cut off or changed is refused", async (t) => {
  const out = join(await temporaryFolder(t), "page");
  await exportModel({ source: sampleModel, to: "page", out }, engine);
  const path = join(out, `${sampleModel}.html`);
  const html = await readFile(path, "utf8");
  const { pageFormat } = await import("../../../src/export/page/page-format.js");
  const opening = (text: string) => writeFile(path, text).then(() => pageFormat.open(out, engine));
  const lines = html.split("\n");
  const isWeights = (line: string) => line.includes('class="weights"');
  const last = lines.findLastIndex(isWeights);
  const part = (text: string[]) => text.join("\n");
  await assert.rejects(opening(part(lines.toSpliced(last, 1))), /the weights end within/);
  await assert.rejects(opening(part(lines.toSpliced(last, 0, lines[last]!))), /behind the weights/);
  await assert.rejects(opening("<p>Hello"), /holds no model/);
  await assert.rejects(opening(html.replace('"version":1', '"version":2')), /version/);
  await (await opening(html)).close();
});

test("a page's file holds the model's description and its weights in pieces", async (t) => {
  const out = join(await temporaryFolder(t), "page");
  await exportModel({ source: sampleModel, to: "page", out, resize: "tf", size: 64 }, engine);
  const models: unknown[] = [];
  let bytes = 0;
  for await (const part of readPage(join(out, `${sampleModel}.html`)))
    if ("model" in part) models.push(part.model);
    else bytes += part.weights.length;
  assert.equal(models.length, 1);
  const [model] = models as [{ size: number; resize: string; graph: { weights: [] } }];
  assert.deepEqual([model.size, model.resize], [64, "tf"]);
  assert.equal(bytes, weightBytes(model.graph.weights));
});

test("weights come together from pieces of any size", () => {
  const weights = [
    { name: "a", shape: [2, 3], standardized: false },
    { name: "b", shape: [1, 1, 2, 2], standardized: true },
    { name: "c", shape: [1], standardized: false },
  ];
  // 0 to 10 in float16.
  const bits = Uint16Array.of(0, 0x3c00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600, 0x4700, 0x4800);
  const bytes = new Uint8Array(Uint16Array.of(...bits, 0x4880, 0x4900).buffer);
  for (const size of [1, 3, 7, 22]) {
    const taken: [string, number[]][] = [];
    const stream = new WeightStream(weights, ({ name }, values) => taken.push([name, [...values]]));
    for (let at = 0; at < bytes.length; at += size) stream.push(bytes.subarray(at, at + size));
    stream.end();
    assert.deepEqual(taken, [
      ["a", [0, 1, 2, 3, 4, 5]],
      // 6 7 / 8 9: both filters have mean 7 or 8 and variance 1.
      ["b", [-1, -1, 1, 1]],
      ["c", [10]],
    ]);
    assert.throws(() => stream.push(Uint8Array.of(0)), /behind the weights/);
  }
  assert.throws(() => new WeightStream(weights, () => {}).end(), /the weights end within a/);
});

test("a server's page may ask its server, and nobody else", async () => {
  const classNames = ["</script><b>", "coat"];
  const subject = { model: "R50x1", classes: 2, classNames, size: 224, details: [] };
  const { html, policy } = await serverPage(subject);
  assert.equal(policyOf(html).get("connect-src"), "'self'");
  assert.match(policy, /default-src 'none'.*frame-ancestors 'none'/);
  assert.doesNotMatch(html, /<b>/);
  const [, json] = /<script type="application\/json" id="model">(.*?)<\/script>/.exec(html)!;
  assert.deepEqual(JSON.parse(json!), subject);
});
