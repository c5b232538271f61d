/**
 * Data flows one way: a file imports only from the rooms to the left of its own, or from its own.
 * Only graph, engine, model and step code knows TF.js; only the command line prints or ends.
 */
import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { test } from "node:test";
import { repositoryRoot } from "./fixture-path.js";

const rooms = [
  "errors",
  "package-root",
  "cache-folder",
  "close-names",
  "counted",
  "disk",
  "ranks",
  "archive",
  "recipe",
  "evaluators",
  "picture",
  "fetch",
  "model",
  "zoo",
  "data",
  "graph",
  "engine",
  "setup",
  "input",
  "step",
  "train",
  "settings",
  "record",
  "checkpoint",
  "report",
  "run",
  "export",
  "library",
  "serve",
  "bench",
  "index",
  "cli",
];

const source = join(repositoryRoot, "src");
const files = readdirSync(source, { recursive: true, encoding: "utf8" }).filter((file) => {
  return file.endsWith(".ts");
});

function roomOf(file: string): string {
  return file.split("/")[0]!.replace(/\.ts$/, "");
}

function imports(file: string): string[] {
  const text = readFileSync(join(source, file), "utf8");
  return [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1]!);
}

test("every room is known", () => {
  for (const file of files) assert.ok(rooms.includes(roomOf(file)), `${file}: a new room?`);
});

test("docs/architecture.md draws the rooms, in this order", () => {
  const page = readFileSync(join(repositoryRoot, "docs", "architecture.md"), "utf8");
  const drawing = /<!-- rooms: begin -->([\s\S]*?)<!-- rooms: end -->/.exec(page)?.[1] ?? "";
  const lines = drawing.match(/^[a-z].*$/gm) ?? [];
  const drawn = lines.flatMap((line) => line.split(/ {2,}/)[0]!.split(" · "));
  assert.deepEqual(drawn, rooms);
});

test("no files import each other in a circle", () => {
  const done = new Set<string>();
  const visit = (file: string, path: readonly string[]) => {
    assert.ok(!path.includes(file), `${[...path, file].join(" -> ")} is a circle`);
    if (done.has(file)) return;
    for (const target of imports(file).filter((name) => name.startsWith("."))) {
      const imported = relative(source, resolve(source, file, "..", target));
      const sourceFile = imported.replace(/\.js$/, ".ts");
      if (files.includes(sourceFile)) visit(sourceFile, [...path, file]);
    }
    done.add(file);
  };
  for (const file of files) visit(file, []);
});

test("imports point to the left", () => {
  for (const file of files) {
    for (const target of imports(file).filter((name) => name.startsWith("."))) {
      const imported = relative(source, resolve(source, file, "..", target));
      const to = rooms.indexOf(roomOf(imported));
      // package.json and the like, above src, are nobody's room.
      if (to === -1) continue;
      const from = rooms.indexOf(roomOf(file));
      assert.ok(to <= from, `src/${file} imports ${target}, which is to its right`);
    }
  }
});

test("TF.js is known to model, graph, engine, step and bench alone", () => {
  const allowed = new Set(["model", "graph", "engine", "step", "bench"]);
  for (const file of files) {
    const knows = imports(file).some((name) => name.startsWith("@tensorflow/"));
    assert.ok(!knows || allowed.has(roomOf(file)), `src/${file} imports TF.js`);
  }
});

// The child processes in which an engine and a plugin are proved, Parquet is unpacked and reductions are timed are
// programs of their own.
const programs = new Set([
  "setup/probe-child.ts",
  "setup/plugin-child.ts",
  "data/shards/parquet-child.ts",
  "bench/rank-child.ts",
]);

test("only the command line prints, reads arguments or ends the process", () => {
  const forbidden =
    /\bconsole\.(log|error|warn|info)|process\.(argv|exit|exitCode|stdout|stderr)\b/;
  for (const file of files) {
    if (roomOf(file) === "cli" || programs.has(file)) continue;
    const text = readFileSync(join(source, file), "utf8").replace(/^\s*(\*|\/\/).*$/gm, "");
    assert.doesNotMatch(text, forbidden, `src/${file}`);
  }
});

test("what commands print goes through their one output, which checks every write", () => {
  // And what they are told by others, through their one input.
  const allowed = new Set(["cli/output.ts", "cli/output-channel.ts", "cli/standard-input.ts"]);
  for (const file of files.filter((file) => roomOf(file) === "cli" && !allowed.has(file))) {
    const text = readFileSync(join(source, file), "utf8").replace(/^\s*(\*|\/\/).*$/gm, "");
    assert.doesNotMatch(
      text,
      /\bconsole\.(log|error|warn|info|table)|\bprocess\.std|writeSync/,
      file,
    );
  }
});

test("files have one subject: at most 300 lines", () => {
  for (const file of files) {
    const lines = readFileSync(join(source, file), "utf8").split("\n").length - 1;
    assert.ok(lines <= 300, `src/${file} has ${lines} lines`);
  }
});

test("functions have one job: the linter holds them to at most 60 lines", () => {
  const config = JSON.parse(readFileSync(join(repositoryRoot, "biome.json"), "utf8")) as {
    readonly overrides: readonly {
      readonly includes: readonly string[];
      readonly linter: unknown;
    }[];
  };
  const rule = { level: "error", options: { maxLines: 60 } };
  assert.deepEqual(config.overrides[0], {
    includes: ["src/**"],
    linter: { rules: { complexity: { noExcessiveLinesPerFunction: rule } } },
  });
});

test("no type is overruled by way of unknown", () => {
  for (const file of files)
    assert.doesNotMatch(
      readFileSync(join(source, file), "utf8"),
      /\bas unknown as\b/,
      `src/${file}`,
    );
});
