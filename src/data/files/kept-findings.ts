/**
 * Which images cannot be decoded, kept for later starts of a run: to decode a large dataset takes long, to
 * ask its files for size and time does not.
 */
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { z } from "zod";
import { cacheFolder } from "../../cache-folder.js";
import type { FileSource } from "../dataset.js";
import { keep, keptPath, readKept, SETTLED_MS } from "./kept-json.js";
import type { FindUndecodable } from "./undecodable-images.js";

/** Fewer images are decoded as quickly. */
const KEPT_FROM_IMAGES = 1000;
/** What a system says of a file, or a device of its memory: another time it may be otherwise. */
const PASSING =
  /input\/output|stale|permission|no such file|too many open|timed out|exhausted|OOM|out of memory/i;
/** Files that are asked at a time. */
const CONCURRENT_STATS = 64;

const findingsSchema = z.object({
  format: z.literal(1),
  found: z.array(
    z.object({
      index: z.int(),
      path: z.string(),
      reason: z.string(),
      kind: z.enum(["corrupt", "unsupported"]),
    }),
  ),
});

/**
 * As `find`, but by what an earlier call found where none of the files has changed since.
 * @param by what decodes: another engine may find otherwise
 * @param cache the user's cache folder
 */
export function keptFindings(
  find: FindUndecodable,
  by: string,
  cache: string = cacheFolder(),
): FindUndecodable {
  return async (images) => {
    if (images.paths.length < KEPT_FROM_IMAGES) return find(images);
    const begunMs = Date.now();
    const { digest, newestMs } = await stateOf(images);
    const path = keptPath(cache, "decoded", `${by} ${digest}`);
    const kept = findingsSchema.safeParse(await readKept(path)).data;
    if (kept !== undefined) return kept.found;
    const found = await find(images);
    const lasting = !found.some(({ reason }) => PASSING.test(reason));
    if (lasting && newestMs < begunMs - SETTLED_MS) await keep(path, { format: 1, found });
    return found;
  };
}

/** A hash of all that tells the images, and when the youngest of their files was changed. */
async function stateOf({ paths, ranges, decoders }: FileSource) {
  const files = [...new Set(paths)];
  const states: string[] = [];
  let newestMs = 0;
  let next = 0;
  const askOn = async (): Promise<void> => {
    while (next < files.length) {
      const i = next++;
      // A file that is gone cannot be decoded, which is as good a state as any.
      const file = await stat(files[i]!).catch(() => undefined);
      states[i] = `${files[i]}\n${file?.size} ${file?.mtimeMs}\n`;
      newestMs = Math.max(newestMs, file?.mtimeMs ?? Number.POSITIVE_INFINITY);
    }
  };
  await Promise.all(Array.from({ length: CONCURRENT_STATS }, askOn));
  const hash = createHash("sha256");
  for (const state of states) hash.update(state);
  const image = ranges === undefined ? (i: number) => paths[i]! : rangeAt(paths, ranges);
  for (const [i, decoder] of decoders.entries()) hash.update(`${image(i)} ${decoder}\n`);
  return { digest: hash.digest("hex"), newestMs };
}

function rangeAt(
  paths: readonly string[],
  { offsets, lengths }: NonNullable<FileSource["ranges"]>,
) {
  return (i: number) => `${paths[i]} ${offsets[i]} ${lengths[i]}`;
}
