/** Damages small sound files in many ways and reads them: each is refused, or read as it was. */
import assert from "node:assert/strict";
import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { PickleError } from "../../src/data/formats/pickle.js";
import { UserError } from "../../src/errors.js";
import { countAllocated } from "./bad-files-allocations.js";
import { FORMATS, type Format } from "./bad-files-formats.js";
import { type Mutation, mutated, mutations } from "./bad-files-mutations.js";

/** What became of some damaged files. */
export interface BadFileCounts {
  /** With which the same damages come again. */
  readonly seed: number;
  readonly tried: number;
  /** With an error that names the file. */
  readonly refused: number;
  /** With contents that are right, as far as checksums tell. */
  readonly readRight: number;
  /** Anything else: another error, wrong contents, too much time or memory. */
  readonly crashed: number;
  /** What went wrong, with what it takes to see it again. */
  readonly crashes: readonly string[];
}

export interface BadFileOptions {
  /** Cases of each format; or for how long to go on. */
  readonly count?: number;
  readonly seconds?: number;
  /** Of the damages; the same seed gives the same ones. */
  readonly seed: number;
}

/** Besides as many bytes as the file has. */
const MOST_BYTES = 64 * 2 ** 20;
const MOST_MS = 10_000;
const BATCH = 20;

/** Tries all formats in turn. */
export async function tryBadFiles({
  count,
  seconds,
  seed,
}: BadFileOptions): Promise<BadFileCounts> {
  const endMs = seconds === undefined ? Infinity : Date.now() + 1000 * seconds;
  const most = count ?? Infinity;
  const counts = { tried: 0, refused: 0, readRight: 0, crashed: 0 };
  const crashes: string[] = [];
  const attempts = await Promise.all(FORMATS.map(attemptsAt));
  for (let done = 0; done < most && Date.now() < endMs; done += BATCH) {
    for (const [i, { arbitrary, attempt }] of attempts.entries()) {
      const numRuns = Math.min(BATCH, most - done);
      for (const damage of fc.sample(arbitrary, { numRuns, seed: seed + done })) {
        counts.tried += 1;
        try {
          counts[await attempt(damage)] += 1;
        } catch (error) {
          counts.crashed += 1;
          const what = `${FORMATS[i]!.name}, seed ${seed + done}: ${fc.stringify(damage)}`;
          crashes.push(`${what}\n${error instanceof Error ? error.stack : String(error)}`);
        }
      }
    }
  }
  return { seed, ...counts, crashes };
}

/** Which of a format's sound files is damaged, and how. */
export interface Damage {
  readonly file: number;
  readonly changes: readonly Mutation[];
}

/** A format's damages, and what becomes of one; that throws where it is neither. */
export async function attemptsAt(format: Format) {
  const sound = await format.sound();
  const wanted = await Promise.all(sound.map((contents) => readSound(format, contents)));
  const file = fc.integer({ min: 0, max: sound.length - 1 });
  const arbitrary: fc.Arbitrary<Damage> = fc.record({ file, changes: mutations });
  const attempt = ({ file, changes }: Damage) =>
    attemptToRead(format, mutated(sound[file]!, changes), wanted[file]);
  return { sound, arbitrary, attempt };
}

type Wanted = Awaited<ReturnType<Format["read"]>>;

async function readSound(format: Format, contents: Uint8Array): Promise<Wanted> {
  try {
    return await inFolder(format, contents, format.read);
  } catch (error) {
    // Numpy's own array of objects is refused as it is.
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** Reads one file; throws where that goes wrong in another way than it should. */
export async function attemptToRead(
  format: Format,
  contents: Uint8Array,
  wanted?: Wanted,
): Promise<"refused" | "readRight"> {
  return inFolder(format, contents, async (path, folder) => {
    let outcome: "refused" | "readRight" = "readRight";
    const startMs = performance.now();
    const bytes = await countAllocated(async () => {
      try {
        const found = await format.read(path, folder);
        for (const [name, array] of found ?? [])
          if (wanted?.has(name)) assert.deepEqual(array, wanted.get(name), name);
      } catch (error) {
        if (!(error instanceof UserError || error instanceof PickleError)) throw error;
        outcome = "refused";
      }
    });
    const tookMs = performance.now() - startMs;
    assert.ok(tookMs < MOST_MS, `took ${Math.round(tookMs)} ms`);
    assert.ok(bytes <= contents.length + MOST_BYTES, `asked for ${bytes} bytes`);
    for (const name of await readdir(folder))
      assert.ok(["file", "unpacked"].includes(name), `left ${name}`);
    return outcome;
  });
}

async function inFolder<T>(
  format: Format,
  contents: Uint8Array,
  use: (path: string, folder: string) => Promise<T>,
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), "bit-bad-files-"));
  try {
    const path = join(folder, "file");
    await (format.write ?? writeFile)(path, contents);
    return await use(path, folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
