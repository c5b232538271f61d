/** The programs of docs/export.md, run as they stand: each names the class that bit-predict names. */
import assert from "node:assert/strict";
import { copyFile, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { predictionsIn } from "../cli/command.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { repositoryRoot } from "../fixture-path.js";
import { exported, program, sampleRun } from "./exported.js";
import { type EnvironmentName, python } from "./python.js";
import { exportOf, r50x1 } from "./subject.js";

const photo = join(repositoryRoot, "sample", "golden", "cat.jpg");

/** Headings of the page whose programs print a class. ONNX's is run by onnx.test.ts. */
const programs: readonly (readonly [heading: string, EnvironmentName, format: string])[] = [
  ["## TensorFlow: SavedModel", "tensorflow", "savedmodel"],
  ["### Keras", "tensorflow", "savedmodel"],
  ["### LiteRT (TensorFlow Lite)", "tensorflow", "savedmodel"],
  ["### transformers", "torch", "hf"],
  ["### timm", "torch", "timm"],
];

async function topClass(args: readonly string[]): Promise<string> {
  const told = await program("bit-predict", [...args, photo, "--precision", "fp32", "--json"]);
  const { name } = predictionsIn(told).predictions[0]!.top[0]!;
  return name;
}

function codeBlocks(page: string, heading: string): string[] {
  const [, section = ""] = page.split(`\n${heading}\n`);
  const [own = ""] = section.split(/\n##+ /);
  return [...own.matchAll(/```python\n([\s\S]*?)```/g)].map((match) => match[1]!);
}

for (const [heading, environment, format] of programs)
  test(`docs/export.md, ${heading.replace(/^#+ /, "")}: as bit-predict`, async (t) => {
    const folder = await temporaryFolder(t);
    const isTimm = format === "timm";
    const from = isTimm ? await exportOf(r50x1, format) : await exported(format);
    await symlink(from, join(folder, `photos-${format}`));
    await copyFile(photo, join(folder, "photo.jpg"));
    const expected = isTimm
      ? await topClass(["--weights", await r50x1.source(), ...r50x1.flags])
      : await topClass([await sampleRun()]);
    const page = await readFile(join(repositoryRoot, "docs", "export.md"), "utf8");
    const blocks = codeBlocks(page, heading);
    assert.ok(blocks.length > 0, heading);
    const vision = environment === "torch" ? "import torchvision_without_its_library\n" : "";
    for (const block of blocks) {
      const told = await python(
        environment,
        `import os\nos.chdir(r"${folder}")\n${vision}${block}`,
      );
      assert.equal(told.trim().split("\n").at(-1), expected);
    }
  });
