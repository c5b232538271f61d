/** The pages: links lead somewhere, also in the package; paths that they name are there. */
import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, normalize } from "node:path";
import { test } from "node:test";
import { DATASET_NAMES } from "../src/data/known-datasets.js";
import { repositoryRoot } from "./fixture-path.js";

const folders = [
  ...["", "assets", "bench", "bench/results", "bit_logs", "docs", "examples", "findings", "sample"],
];

const pages = folders.flatMap((folder) =>
  readdirSync(join(repositoryRoot, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => join(folder, name)),
);

function read(path: string): string {
  return readFileSync(join(repositoryRoot, path), "utf8");
}

function withoutCode(text: string): string {
  return text.replace(/^```[\s\S]*?^```/gm, "").replace(/`[^`\n]*`/g, (code) => {
    return "`".repeat(code.length);
  });
}

/** Targets of a page's links and pictures. */
function linksOf(page: string): string[] {
  return [...withoutCode(read(page)).matchAll(/\]\(([^)\s]+)\)/g)].map((match) => match[1]!);
}

/** A link within the repository as a path from its root and, where it has one, an anchor. */
function resolved(page: string, link: string): { path: string; anchor: string | undefined } {
  const [file, anchor] = link.split("#") as [string, string | undefined];
  return { path: file === "" ? page : normalize(join(dirname(page), file)), anchor };
}

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(page: string): string[] {
  const headings =
    read(page)
      .replace(/^```[\s\S]*?^```/gm, "")
      .match(/^#+ .*$/gm) ?? [];
  return headings.map((heading) =>
    heading
      .replace(/^#+ /, "")
      .toLowerCase()
      .replace(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

function isExternal(link: string): boolean {
  return /^(https?:|mailto:)/.test(link);
}

test("every link within the pages resolves, with its anchor", () => {
  assert.ok(pages.length >= 15, pages.join());
  for (const page of pages) {
    for (const link of linksOf(page).filter((one) => !isExternal(one))) {
      const { path, anchor } = resolved(page, link);
      assert.ok(existsSync(join(repositoryRoot, path)), `${page}: ${link}`);
      if (anchor !== undefined) assert.ok(anchorsOf(path).includes(anchor), `${page}: ${link}`);
    }
  }
});

test("what is packed links only to what is packed", () => {
  const { files } = JSON.parse(read("package.json")) as { files: string[] };
  const isPacked = (path: string) =>
    files.some((entry) => path === entry || path.startsWith(`${entry.replace(/\/$/, "")}/`));
  for (const page of pages.filter(isPacked)) {
    for (const link of linksOf(page).filter((one) => !isExternal(one))) {
      const { path } = resolved(page, link);
      const folder = statSync(join(repositoryRoot, path)).isDirectory();
      assert.ok(isPacked(folder ? normalize(path) : path), `${page}: ${link} is not packed`);
    }
  }
});

test("files of the repository that pages name in code exist", () => {
  const named = /`((?:src|test|scripts|native|docs|bench|bin|findings|examples)\/[\w./-]+)`/g;
  for (const page of pages.filter((name) => name !== "CHANGELOG.md")) {
    for (const [, path] of read(page).matchAll(named))
      assert.ok(existsSync(join(repositoryRoot, path!)), `${page}: ${path}`);
  }
});

test("scripts of package.json that pages name exist", () => {
  const { scripts } = JSON.parse(read("package.json")) as { scripts: Record<string, string> };
  for (const page of pages) {
    for (const [, name] of read(page).matchAll(/\bnpm run ([a-z][\w:-]*)/g))
      assert.ok(Object.hasOwn(scripts, name!), `${page}: npm run ${name}`);
  }
});

test("the README has about 900 words, and the two commands", () => {
  const readme = read("README.md");
  const words = readme.match(/[\p{L}\p{N}][^\s|]*/gu) ?? [];
  assert.ok(words.length <= 1050, `${words.length} words`);
  for (const command of ["npm start", "npm test"])
    assert.match(readme, new RegExp(`^${command} `, "m"));
});

test("figures of speed in the pages are those of bench/results/", () => {
  const measured = pages.filter((page) => page.startsWith("bench/results/"));
  const results = measured.map(read).join("\n");
  for (const page of ["README.md", "docs/performance.md"])
    for (const [figure] of read(page).matchAll(/\b\d{3,4} ms\b/g))
      assert.ok(results.includes(figure), `${page}: ${figure}`);
});

test("tables of the pages have a row for each dataset, dependency and finding", () => {
  const has = (page: string, names: readonly string[]) => {
    const rows = read(page).match(/^\| .*$/gm) ?? [];
    const first = rows.map((row) => row.split("|")[1]!).join("\n");
    for (const name of names) assert.ok(first.includes(name), `${page} has no row of ${name}`);
  };
  has(
    "docs/datasets.md",
    DATASET_NAMES.map((name) => `\`${name}\``),
  );
  const { dependencies, optionalDependencies } = JSON.parse(read("package.json"));
  const packages = Object.keys({ ...dependencies, ...optionalDependencies });
  const proxies = packages.filter((name) => name.endsWith("-proxy-agent"));
  const others = packages.filter((name) => !proxies.includes(name));
  has("docs/dependencies.md", [...others.map((name) => `\`${name}\``), "-proxy-agent"]);
  const findings = readdirSync(join(repositoryRoot, "findings")).filter((name) =>
    name.endsWith(".sh"),
  );
  has("findings/README.md", findings);
});

test("the version to cite is the package's, and the changelog has it", () => {
  const { version } = JSON.parse(read("package.json")) as { version: string };
  assert.ok(read("CITATION.cff").includes(`\nversion: ${version}\n`), "CITATION.cff");
  assert.ok(read("CHANGELOG.md").includes(`\n## [${version}] - `), "CHANGELOG.md");
});
