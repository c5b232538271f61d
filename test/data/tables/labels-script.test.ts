/** The script of docs/datasets.md that makes a table of annotations, on what the tools it names write. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { readLabelTable } from "../../../src/data/tables/label-table.js";
import { repositoryRoot } from "../../fixture-path.js";
import { temporaryFolder, writeTree } from "../temporary-folder.js";

/** As the tools write them (the versions stand in the page), but for fields that do not matter. */
const ANNOTATIONS: Readonly<Record<string, string | readonly string[]>> = {
  coco: JSON.stringify({
    categories: [
      { id: 1, name: "cat" },
      { id: 7, name: "dog" },
    ],
    images: [
      { id: 5, file_name: "1.jpg" },
      { id: 6, file_name: "2.jpg" },
    ],
    annotations: [
      { id: 1, image_id: 6, category_id: 7 },
      { id: 2, image_id: 5, category_id: 1 },
    ],
  }),
  datumaro: JSON.stringify({
    categories: { label: { labels: [{ name: "cat" }, { name: "dog" }] } },
    items: [
      { id: "1", annotations: [{ type: "label", label_id: 0 }], image: { path: "1.jpg" } },
      { id: "2", annotations: [{ type: "label", label_id: 1 }], image: { path: "2.jpg" } },
    ],
  }),
  fiftyone: JSON.stringify({
    classes: ["cat", "dog"],
    labels: { "1.jpg": 0, "2.jpg": 1, "3.jpg": null },
  }),
  "label-studio": JSON.stringify([
    { image: "/data/upload/1/1.jpg", id: 1, choice: "cat", lead_time: 1.5 },
    { image: "/data/upload/1/2.jpg", id: 2, choice: "dog", lead_time: 1.5 },
  ]),
  cvat:
    '<?xml version="1.0" encoding="utf-8"?>\n<annotations><image id="0" name="1.jpg" width="4">' +
    '<tag label="cat" source="manual"></tag></image><image id="1" name="3.jpg"/>' +
    '<image id="2" name="2.jpg"><tag label="dog"></tag></image></annotations>',
  voc: ["cat", "dog"].map(
    (label, i) =>
      `<annotation>\n<folder>f</folder><filename>${i + 1}.jpg</filename>\n<object><name>${label}</name>` +
      "<part><name>head</name></part><bndbox/></object>\n</annotation>",
  ),
};

test("the script for annotations gives each image its class", async (t) => {
  const page = await readFile(join(repositoryRoot, "docs", "datasets.md"), "utf8");
  const script = /```js\n(.*?)```/s.exec(page)?.[1];
  assert.ok(script !== undefined);
  const root = await temporaryFolder(t);
  await writeTree(root, { "labels.mjs": script });
  for (const [tool, text] of Object.entries(ANNOTATIONS)) {
    const file = join(root, `${tool}.jsonl`);
    const inputs = [text].flat().map((one, i) => [`${i}.${tool}`, one] as const);
    await writeTree(root, Object.fromEntries(inputs));
    const given = inputs.map(([name]) => join(root, name));
    const made = execFileSync(process.execPath, [join(root, "labels.mjs"), ...given]);
    await writeTree(root, { [`${tool}.jsonl`]: made });
    const { rows } = await readLabelTable(file);
    const shown = rows.map(({ path, label }) => `${path}=${label}`).sort();
    assert.deepEqual(shown, ["1.jpg=cat", "2.jpg=dog"], tool);
  }
});
