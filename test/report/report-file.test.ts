/** A report's file: whatever names hold is text, it is small, and it takes no other file's place. */
import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { UserError } from "../../src/errors.js";
import { judge } from "../../src/report/judgement.js";
import { reportHtml, writeReport } from "../../src/report/report-file.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { largeReport, madePredictions, madeRun, reportOf } from "./made-report.js";
import { reportIn } from "./report-in.js";

const nasty = [
  "</script><script>alert(1)</script>",
  "<!-- <script> -->",
  "<!-- title --><!-- report -->",
  "$& $1 $`",
  'a "quoted" & <b>bold</b> name',
  "line\u2028separator\u0000\\",
];

test("names of classes, files and runs stay text", async () => {
  const images = madePredictions(60, nasty.length).map((image) => {
    return { ...image, name: `/photos/${nasty[image.label]}` };
  });
  const { judgement } = judge(images, nasty);
  const plain = await reportHtml(reportOf(madeRun("plain", 20)));
  const elements = (html: string) => [...html.matchAll(/<(?=[a-z!/])/gi)].length;
  for (const name of nasty) {
    const run = { ...madeRun(name, 20), note: name, settings: { [name]: name } };
    const data = reportOf({ ...run, judgement: { ...judgement, samples: {} } });
    const html = await reportHtml(data);
    assert.deepEqual(reportIn(html), JSON.parse(JSON.stringify(data)));
    assert.equal(elements(html), elements(plain), "no element more than in a plain report");
  }
});

test("the page asks for nothing and runs its own program alone", async () => {
  const html = await reportHtml(reportOf(madeRun("a", 20)));
  const [, policy = ""] = /Content-Security-Policy" content="([^"]*)"/.exec(html) ?? [];
  assert.match(
    policy,
    /^default-src 'none'; script-src 'sha256-[^' ]+'; style-src 'sha256-[^' ]+'/,
  );
  assert.match(policy, /; connect-src 'none'$/);
  assert.doesNotMatch(html, /unsafe|<link[^>]+href="(?!data:,)|src="/);
  assert.match(html, /Leon Sorokin/, "uPlot's licence");
});

test("a report of 100 classes, 10,000 images and 20,000 steps has less than 5 MB", async () => {
  const begun = performance.now();
  const data = await largeReport();
  const [run] = data.runs;
  const { worst, unsure, samples } = run!.judgement!;
  assert.ok([...worst, ...unsure].every(({ picture, heat }) => picture && heat));
  assert.ok(Object.keys(samples).length > 10);
  const { length } = new TextEncoder().encode(await reportHtml(data));
  assert.ok(length < 5e6, `${length} bytes`);
  // It takes a second or two; ten are promised.
  const seconds = (performance.now() - begun) / 1000;
  assert.ok(seconds < 100, `${seconds} s`);
});

test("a report takes the place of an earlier one, of nothing else", async (t) => {
  const path = join(await temporaryFolder(t), "report.html");
  await writeReport(path, reportOf(madeRun("first", 20)));
  await writeReport(path, reportOf(madeRun("second", 20)));
  assert.equal(reportIn(await readFile(path, "utf8")).runs[0]!.name, "second");
  await writeFile(path, "<html>somebody's own page</html>");
  await assert.rejects(writeReport(path, reportOf(madeRun("third", 20))), UserError);
  assert.match(await readFile(path, "utf8"), /own page/);
});
