/** Every type that a public signature names can be imported by name, from one of the entry points. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { test } from "node:test";
import { repositoryRoot } from "../fixture-path.js";

const source = join(repositoryRoot, "dist", "src");
const entryPoints = [
  "index",
  "library/archive-exports",
  "library/graph-exports",
  "library/recipe-exports",
].map((name) => join(source, `${name}.d.ts`));

/** A name, and the file that declares it or gives it on. */
type Place = readonly [file: string, name: string];

const kinds = "(?:declare )?(?:abstract )?(?:class|interface|type|function|const)";
const texts = new Map<string, string>();

function textOf(file: string): string {
  const known = texts.get(file) ?? readFileSync(file, "utf8").replace(/\/\*[\s\S]*?\*\//g, "");
  texts.set(file, known);
  return known;
}

/** The names of `import` or `export { ... } from` statements, and where they are from. */
function named(file: string, statement: "import" | "export"): Map<string, Place> {
  const pattern = new RegExp(`${statement} (?:type )?\\{([^}]*)\\} from "(\\.[^"]+)"`, "g");
  const found = new Map<string, Place>();
  for (const [, names = "", from = ""] of textOf(file).matchAll(pattern)) {
    for (const one of names.split(",").filter((text) => text.trim() !== "")) {
      const [theirs, ours = theirs] = one
        .trim()
        .replace(/^type /, "")
        .split(" as ");
      found.set(ours!, [typesAt(file, from), theirs!]);
    }
  }
  return found;
}

function typesAt(file: string, from: string): string {
  return resolve(dirname(file), from.replace(/\.js$/, ".d.ts"));
}

function declared(file: string): string[] {
  const pattern = new RegExp(`^(?:export )?${kinds} (\\w+)`, "gm");
  return [...textOf(file).matchAll(pattern)].map(([, name]) => name!);
}

function exported(file: string): Map<string, Place> {
  const found = named(file, "export");
  for (const [, from] of textOf(file).matchAll(/export \* from "([^"]+)"/g)) {
    const target = typesAt(file, from!);
    for (const name of declared(target)) found.set(name, [target, name]);
  }
  return found;
}

/** Where a name is declared. */
function origin([file, name]: Place): string {
  if (declared(file).includes(name)) return `${file} ${name}`;
  const further = named(file, "import").get(name) ?? named(file, "export").get(name);
  return further === undefined ? `${file} ${name}` : origin(further);
}

/** What options and records are computed from, by the table of settings: their fields are what counts. */
function isMachinery(place: string): boolean {
  return place.startsWith(join(source, "settings/")) || place.endsWith("/run-config.d.ts Facts");
}

test("types of public signatures are exported", () => {
  const all = entryPoints.flatMap((entry) => [...exported(entry).values()].map(origin));
  const isPublic = new Set(all);
  assert.ok(isPublic.size > 100, `${isPublic.size} names`);
  for (const place of isPublic) {
    const [file, name] = place.split(" ") as [string, string];
    const statements = textOf(file).split(/^(?=(?:export|declare|import|interface|type|class)\b)/m);
    const own = statements.filter((text) => {
      return new RegExp(`^(?:export )?${kinds} ${name}\\b`).test(text);
    });
    const body = own
      .join("")
      .replace(/"[^"]*"/g, "")
      .replace(/private [^;]*;/g, "");
    const imports = named(file, "import");
    const locals = new Set(declared(file));
    for (const [word] of body.matchAll(/\b[A-Z]\w*[a-z]\w*/g)) {
      const from = imports.get(word) ?? (locals.has(word) ? ([file, word] as const) : undefined);
      if (from !== undefined && !isMachinery(origin(from)))
        assert.ok(isPublic.has(origin(from)), `${name} names ${word}, which nobody can import`);
    }
  }
});
