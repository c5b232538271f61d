/**
 * Where the images of a table lie. A path that leads to a file is taken as it is. Others are looked for
 * below the table's folder: with `/` for Windows' `\`, in a folder that the table does not name, with the
 * ending that an id lacks, in another case. What was found so is said, and nothing is chosen among several.
 */

import { readdir } from "node:fs/promises";
import { basename, dirname, extname, join, resolve } from "node:path";
import { counted } from "../../counted.js";
import { UserError } from "../../errors.js";
import { type Faults, report } from "../faults.js";
import { hasImageExtension } from "../files/image-header.js";
import { listed } from "../listed.js";
import { type PartName, partOfName } from "../parts/part-names.js";

/** What is looked for. */
export interface WantedImage {
  /** As the table has it. */
  readonly path: string;
  readonly part: PartName | undefined;
  readonly label: string;
  readonly line: number;
}

export interface FoundImages {
  /** `[n]`, absolute; where nothing is there either, what the path says. Undefined: ambiguous. */
  readonly paths: readonly (string | undefined)[];
  /** How many lead to a file. */
  readonly found: number;
  readonly notes: readonly string[];
}

/** Folders below the table's own: `images/train/cat`. */
const MOST_DEPTH = 3;
const MOST_FOLDERS = 20_000;
const BUCKET = /^(?:gs|s3):\/\/[^/]+\//;

/**
 * @param table the table's file
 * @param faults where ambiguous paths are named, rather than in an error
 * @throws UserError where a path may mean several files
 */
export async function findImages(
  table: string,
  wanted: readonly WantedImage[],
  faults?: Faults,
): Promise<FoundImages> {
  const folder = dirname(resolve(table));
  const names = new FolderNames();
  const paths: (string | undefined)[] = [];
  const missing: number[] = [];
  const slashed: number[] = [];
  let above = 0;
  for (const [i, { path }] of wanted.entries()) {
    const plain = resolve(folder, path);
    paths.push(plain);
    // Not awaited where it is known: a large table has a million rows in a few folders.
    if (names.peek(plain) ?? (await names.has(plain))) continue;
    const clean = cleanPath(path);
    if (path.includes("\\")) slashed.push(i);
    const cleaned = resolve(folder, clean);
    // Tables in a folder of their own, annotations/train.csv, often go by the folder above. What lies there by the name
    // of an id, `7` without an ending, is something else; `images/7` says where it is.
    const isId = dirname(clean) === "." && extname(clean) === "";
    const fromAbove = resolve(folder, "..", clean);
    if (clean !== path && (await names.has(cleaned))) paths[i] = cleaned;
    else if (!isId && (await names.has(fromAbove))) {
      paths[i] = fromAbove;
      above += 1;
    } else missing.push(i);
  }
  const notes: string[] = [];
  const of = (count: number) => `${count} of ${wanted.length} paths`;
  const buckets = new Set(wanted.flatMap(({ path }) => BUCKET.exec(path.trim())?.[0] ?? []));
  if (buckets.size > 0) notes.push(`paths go by what follows ${listed([...buckets])}`);
  if (slashed.length > 0) notes.push(`${of(slashed.length)} are read with / for Windows' \\`);
  if (above > 0) notes.push(`${of(above)} go by the folder above the table's: ${dirname(folder)}`);
  let found = wanted.length - missing.length;
  if (missing.length > 0) {
    const index = await indexBelow(
      folder,
      missing.map((i) => wanted[i]!),
    );
    const looked = lookUp(table, folder, wanted, { missing, index, paths, of }, faults);
    found += looked.found;
    notes.push(...looked.notes);
    const absent = missing.filter((i) => !looked.places.has(i) && isInBucket(wanted[i]!.path));
    for (const i of absent) paths[i] = undefined;
    if (absent.length > 0)
      report(
        notCopied(
          table,
          absent.map((i) => wanted[i]!),
        ),
        faults,
      );
  }
  return { paths, found, notes };
}

/** A path with `/` for Windows' `\`, without blanks around it and without its bucket. */
export function cleanPath(path: string): string {
  return path.trim().replace(BUCKET, "").replaceAll("\\", "/");
}

/** Whether a path is an address in a bucket of Google's or Amazon's, as Vertex AI and SageMaker write it. */
export function isInBucket(path: string): boolean {
  return BUCKET.test(path.trim());
}

function notCopied(table: string, absent: readonly WantedImage[]): UserError {
  const [{ line, path }] = absent as [WantedImage];
  const others =
    absent.length > 1 ? ` (and ${counted(absent.length - 1, "more row")} like it)` : "";
  const tool = path.trim().startsWith("s3") ? "aws s3 cp --recursive" : "gcloud storage cp -r";
  const bucket = BUCKET.exec(path.trim())![0];
  return new UserError(
    `${table}, line ${line}`,
    `an address, ${path}${others}, and no ${cleanPath(path)} below the table's folder`,
    "the images on this machine, by the path behind the bucket's name",
    `download them: ${tool} '${bucket}${tool.startsWith("aws") ? "" : "*"}' '${dirname(table)}'`,
  );
}

/** Which files are there, by one listing of each folder that is asked about; a folder `7` is no image 7. */
class FolderNames {
  private readonly known = new Map<string, ReadonlySet<string>>();

  /** Whether a file is there; undefined where its folder was not asked about before. */
  peek(path: string): boolean | undefined {
    return this.known.get(dirname(path))?.has(basename(path));
  }

  async has(path: string): Promise<boolean> {
    const folder = dirname(path);
    // A folder that cannot be read holds nothing that could be.
    if (!this.known.has(folder)) {
      const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
      const files = entries.filter((entry) => !entry.isDirectory());
      this.known.set(folder, new Set(files.map(({ name }) => name)));
    }
    return this.peek(path)!;
  }
}

/** A name without what systems take for the same: case, and how accents are put together. */
function sameName(name: string): string {
  return name.normalize("NFC").toLowerCase();
}

function stem(name: string): string {
  return name.slice(0, name.length - extname(name).length);
}

/** Images below a folder that may be meant, by name and by name without ending: relative paths. */
async function indexBelow(
  folder: string,
  wanted: readonly WantedImage[],
): Promise<ReadonlyMap<string, readonly string[]>> {
  const asked = new Set(wanted.map(({ path }) => sameName(basename(cleanPath(path)))));
  const index = new Map<string, string[]>();
  let folders = 0;
  const visit = async (path: string, depth: number): Promise<void> => {
    folders += 1;
    if (folders > MOST_FOLDERS) return;
    const entries = await readdir(join(folder, path), { withFileTypes: true }).catch(() => []);
    for (const entry of entries) {
      if (entry.name.startsWith(".") || entry.name === "node_modules") continue;
      const below = path === "" ? entry.name : `${path}/${entry.name}`;
      if (entry.isDirectory()) {
        if (depth < MOST_DEPTH) await visit(below, depth + 1);
        continue;
      }
      if (!hasImageExtension(entry.name)) continue;
      for (const key of new Set([sameName(entry.name), sameName(stem(entry.name))])) {
        if (!asked.has(key)) continue;
        const known = index.get(key);
        if (known === undefined) index.set(key, [below]);
        else known.push(below);
      }
    }
  };
  await visit("", 0);
  // Of a tree that is not known whole, nothing is certain.
  return folders > MOST_FOLDERS ? new Map() : index;
}

interface Search {
  /** Places in the list of what is wanted. */
  readonly missing: readonly number[];
  readonly index: ReadonlyMap<string, readonly string[]>;
  /** Completed here. */
  readonly paths: (string | undefined)[];
  readonly of: (count: number) => string;
}

function lookUp(
  table: string,
  folder: string,
  wanted: readonly WantedImage[],
  { missing, index, paths, of }: Search,
  faults: Faults | undefined,
): {
  readonly found: number;
  readonly notes: readonly string[];
  /** Those of `missing` that a file, or several, may be. */
  readonly places: ReadonlySet<number>;
} {
  const places = new Set<number>();
  const tablePart = partOfName(stem(basename(table)));
  const [folders, endings] = [new Set<string>(), new Set<string>()];
  let found = 0;
  let recased = 0;
  const ambiguous: { line: number; path: string; candidates: readonly string[] }[] = [];
  for (const i of missing) {
    const image = wanted[i]!;
    const candidates = candidatesFor(image, index, image.part ?? tablePart);
    if (candidates.length > 0) places.add(i);
    if (candidates.length > 1) {
      ambiguous.push({ line: image.line, path: image.path, candidates });
      paths[i] = undefined;
    }
    const [only] = candidates;
    if (candidates.length !== 1 || only === undefined) continue;
    paths[i] = join(folder, only);
    found += 1;
    const asked = cleanPath(image.path);
    const ending = hasImageExtension(asked) ? "" : extname(only);
    const above = only.slice(0, Math.max(only.length - (asked + ending).length, 0));
    if (ending !== "") endings.add(ending);
    if (above !== "") folders.add(above.split("/").slice(0, 2).join("/"));
    if (!only.endsWith(asked + ending)) recased += 1;
  }
  if (ambiguous.length > 0) report(severalFiles(table, ambiguous), faults);
  if (found === 0) return { found, notes: [], places };
  const how = [
    folders.size > 0 ? `in ${listed([...folders].sort())}` : undefined,
    endings.size > 0 ? `with ${listed([...endings].sort())} added` : undefined,
    recased > 0 ? `${recased} of them by another case or form of letters` : undefined,
  ];
  const said = how.filter((part) => part !== undefined);
  const note = `${of(found)} were found by looking ${said.join(", ") || "beside the table"}`;
  return { found, notes: [note], places };
}

function severalFiles(
  table: string,
  ambiguous: readonly { line: number; path: string; candidates: readonly string[] }[],
): UserError {
  const [{ line, path, candidates }] = ambiguous as [(typeof ambiguous)[number]];
  const more = ambiguous.length - 1;
  return new UserError(
    `${table}, line ${line}`,
    `${path} may be ${listed(candidates)}${more > 0 ? ` (and ${counted(more, "more row")} like it)` : ""}`,
    "paths that lead to one file each",
    "write the folder into the table, images/1.jpg, or remove the copy",
  );
}

/** Files that a path may mean, relative to the table's folder: those that fit best. */
function candidatesFor(
  { path, label }: WantedImage,
  index: ReadonlyMap<string, readonly string[]>,
  part: PartName | undefined,
): readonly string[] {
  const asked = cleanPath(path).replace(/^(\.\/)+/, "");
  // What is said to lie elsewhere is not looked for here.
  if (asked.startsWith("/") || asked.split("/").includes("..")) return [];
  const named = hasImageExtension(asked);
  const all = index.get(sameName(basename(asked))) ?? [];
  const ends = (file: string, same: (name: string) => string) => {
    const whole = same(named ? file : stem(file));
    return whole === same(asked) || whole.endsWith(`/${same(asked)}`);
  };
  let fitting = all.filter((file) => ends(file, (name) => name));
  if (fitting.length === 0) fitting = all.filter((file) => ends(file, sameName));
  const narrowed = (fits: (folder: string) => boolean) => {
    if (fitting.length < 2) return;
    const some = fitting.filter((file) => dirname(file).split("/").some(fits));
    if (some.length > 0) fitting = some;
  };
  if (part !== undefined) narrowed((folder) => partOfName(folder) === part);
  narrowed((folder) => folder === label);
  return fitting;
}
