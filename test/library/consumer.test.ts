/** A fresh project that uses the package: its types under every resolution, its modules, `await using`. */
import assert from "node:assert/strict";
import { mkdir, readFile, symlink } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { runCommand } from "../../src/setup/command.js";
import { temporaryFolder, writeTree } from "../data/temporary-folder.js";
import { repositoryRoot } from "../fixture-path.js";

/** What a program may write; it is compiled, and not run. */
const usage = `
import { evaluate, fineTune, loadModel, openEngine, UserError } from "bit-train";
import type { Model, Prediction, RunEvent, FineTuneResult, Embedding, ImageInput } from "bit-train";
import { readNpy, writeNpz } from "bit-train/archive";
import { getSchedule, type Resolution } from "bit-train/recipe";

export async function classify(images: ImageInput[]): Promise<Prediction[]> {
  await using model: Model = await loadModel("bit_logs/pets", { batch: 8 });
  const predictions: Prediction[] = [];
  for await (const prediction of model.predict(images, { top: 3 })) {
    const [best] = prediction.top;
    const name: string | undefined = best?.name;
    if (name !== undefined) predictions.push(prediction);
  }
  for await (const one of model.predict(images, { badImages: "report" })) {
    if (one.error) {
      const error: UserError = one.error;
      throw error;
    }
    const logits: Float32Array = one.logits;
    if (logits.length !== model.classes) throw new Error(one.top[0]?.name ?? "");
  }
  const { features, shape }: Embedding = await model.embed("a.jpg");
  const [count, size] = shape;
  if (features.length !== count * size) throw new Error();
  return predictions;
}

export async function train(signal: AbortSignal): Promise<FineTuneResult> {
  await using engine = openEngine();
  const run = fineTune({ model: "BiT-M-R50x1", dataset: "photos", engine, signal, evalEvery: 10 });
  // @ts-expect-error a string is no number of images
  fineTune({ dataset: "photos", batch: "64" });
  // @ts-expect-error there is no such option
  fineTune({ dataset: "photos", batchs: 64 });
  // @ts-expect-error a dataset is needed
  fineTune({ model: "BiT-M-R50x1" });
  const seen: RunEvent[] = [];
  for await (const event of run) {
    seen.push(event);
    if (event.type === "step") console.log(event.step / event.totalSteps, event.loss.toFixed(3));
    if (event.type === "validation") console.log(event.top1);
    if (event.type === "checkpoint") console.log(event.path);
    if (event.type === "note") console.log(event.text);
    if (event.type === "done") console.log(event.result.folder.path);
  }
  const report = await evaluate({ source: "bit_logs/pets" });
  console.log(report.top1, getSchedule(report.count));
  const resolution: Resolution = { precrop: 160, crop: 128 };
  await writeNpz("x.npz", [{ name: "a", array: (await readNpy("a.npy")) as never }]);
  console.log(resolution);
  const result = await run;
  return run.done.then(() => result);
}
`;

const common = `
import type { Prediction } from "bit-train" with { "resolution-mode": "import" };
export async function classify(path: string): Promise<Prediction[]> {
  const { loadModel } = await import("bit-train");
  const { readNpy } = await import("bit-train/archive");
  console.log(typeof readNpy);
  const model = await loadModel("bit_logs/pets");
  const predictions: Prediction[] = [];
  for await (const prediction of model.predict(path)) predictions.push(prediction);
  await model.close();
  return predictions;
}
`;

/** TF.js's own types want a browser's. */
const graph = `
import { forward, features, GraphBuilder, openEngine, trace, type Parameters } from "bit-train/graph";
export const made: Parameters = {};
console.log(forward, features, GraphBuilder, openEngine, trace);
`;

const projects = {
  node16: { module: "node16", moduleResolution: "node16" },
  nodenext: { module: "nodenext", moduleResolution: "nodenext" },
  bundler: { module: "esnext", moduleResolution: "bundler" },
} as const;

/** A project's folder, with the package as npm would link it. */
async function consumer(t: TestContext, files: Readonly<Record<string, string>>): Promise<string> {
  const root = await temporaryFolder(t);
  await mkdir(join(root, "node_modules", "@types"), { recursive: true });
  await symlink(repositoryRoot, join(root, "node_modules", "bit-train"));
  const types = join("node_modules", "@types", "node");
  await symlink(join(repositoryRoot, types), join(root, types));
  const manifest = JSON.stringify({ name: "consumer", private: true });
  await writeTree(root, { "package.json": manifest, ...files });
  return root;
}

async function compile(root: string): Promise<void> {
  const tsc = join(repositoryRoot, "node_modules", "typescript", "bin", "tsc");
  const { status, output } = await runCommand(process.execPath, [tsc, "-p", root]);
  assert.equal(status, 0, output);
}

const options = { target: "es2022", types: ["node"], strict: true, noEmit: true };

for (const [name, resolution] of Object.entries(projects)) {
  test(`types compile in a fresh project, libraries checked: ${name}`, async (t) => {
    const lib = ["es2022", "esnext.disposable"];
    const compilerOptions = { ...options, ...resolution, lib, skipLibCheck: false };
    const root = await consumer(t, {
      "usage.mts": usage,
      "common.cts": common,
      "tsconfig.json": JSON.stringify({ compilerOptions, files: ["usage.mts", "common.cts"] }),
    });
    await compile(root);
  });
}

test("the code in docs/library.md and in the README compiles", async (t) => {
  const pages = ["docs/library.md", "README.md"].map((page) => join(repositoryRoot, page));
  const text = (await Promise.all(pages.map((page) => readFile(page, "utf8")))).join("\n");
  const blocks = [...text.matchAll(/^```ts\n([\s\S]*?)^```/gm)].map(([, code]) => code!);
  assert.ok(blocks.length >= 6, `${blocks.length} pieces of code`);
  const files: Record<string, string> = {
    // What the pieces take for granted.
    "known.d.ts":
      "declare const paths: string[]; declare const signal: AbortSignal; " +
      'declare const model: import("bit-train").Model;',
  };
  for (const [i, block] of blocks.entries()) {
    const imports = 'import { fineTune, loadModel } from "bit-train";\n';
    files[`block-${i}.mts`] = block.includes("import ") ? block : imports + block;
  }
  const lib = ["es2022", "esnext.disposable"];
  const compilerOptions = { ...options, ...projects.nodenext, lib, skipLibCheck: false };
  files["tsconfig.json"] = JSON.stringify({ compilerOptions, files: Object.keys(files) });
  await compile(await consumer(t, files));
});

test("the types of bit-train/graph compile beside a browser's", async (t) => {
  const lib = ["es2022", "dom"];
  const compilerOptions = { ...options, ...projects.nodenext, lib, skipLibCheck: true };
  const tsconfig = JSON.stringify({ compilerOptions, files: ["graph.mts"] });
  await compile(await consumer(t, { "graph.mts": graph, "tsconfig.json": tsconfig }));
});

test("CommonJS imports every entry point", async (t) => {
  const script = `
    const names = ["", "/archive", "/graph", "/recipe"].map((path) => "bit-train" + path);
    Promise.all(names.map((name) => import(name))).then(([root, archive, graph, recipe]) => {
      const found = [root.loadModel, archive.readNpy, graph.forward, recipe.getSchedule];
      console.log(found.map((one) => typeof one).join());
    });
  `;
  const root = await consumer(t, { "main.cjs": script });
  const { stdout, output } = await runCommand(process.execPath, [join(root, "main.cjs")]);
  assert.equal(stdout.trim(), "function,function,function,function", output);
});

test("what is packed holds every entry point with its types", async () => {
  const path = join(repositoryRoot, "package.json");
  const { exports } = JSON.parse(await readFile(path, "utf8")) as {
    exports: Record<string, string | Record<string, string>>;
  };
  const flags = ["pack", "--dry-run", "--ignore-scripts", "--json"];
  const { stdout } = await runCommand("npm", flags, { cwd: repositoryRoot });
  const [packed] = JSON.parse(stdout) as [{ files: { path: string }[] }];
  const files = new Set(packed.files.map((file) => file.path));
  const targets = Object.values(exports).flatMap((one) =>
    typeof one === "string" ? [one] : Object.values(one),
  );
  for (const target of targets) assert.ok(files.has(target.replace(/^\.\//, "")), target);
});

test("`await using` works where Node lacks its symbol", async (t) => {
  const module = new URL("../../src/library/followed-run.js", import.meta.url);
  // Node before 20.5.
  const script = `
    const known = Symbol;
    const older = (text) => known(text);
    for (const name of Object.getOwnPropertyNames(known))
      if (!["asyncDispose", "dispose", "name", "length", "prototype"].includes(name))
        older[name] = known[name];
    globalThis.Symbol = older;
    const before = typeof Symbol.asyncDispose;
    const { follow } = await import(${JSON.stringify(module.href)});
    const run = follow(async () => 7);
    console.log(before, typeof run[Symbol.asyncDispose]);
  `;
  const root = await consumer(t, { "main.mjs": script });
  const { stdout, output } = await runCommand(process.execPath, [join(root, "main.mjs")]);
  assert.equal(stdout.trim(), "undefined function", output);
});
