/** Event files as TensorBoard finds them in a folder: one at a time, whole whenever it looks. */
import { rmSync } from "node:fs";
import { readdir, truncate } from "node:fs/promises";
import { hostname } from "node:os";
import { basename, join } from "node:path";
import { maskedCrc32c } from "../../data/formats/crc32c.js";
import { writeFileAtomically } from "../../disk/atomic-file.js";
import { GrowingFile } from "../../disk/growing-file.js";
import { temporaryName } from "../../disk/temporary-name.js";

// TensorBoard reads every file with `tfevents` in its name, in the order of the names. By its end a file
// is known for ours: another program may have put its own beside it.
const ownName = /^events\.out\.tfevents\.(\d{10})\..*\.bit-train$/;

/** The event files that earlier parts of a run have left in its folder, the oldest first. */
export async function ownEventFiles(folder: string): Promise<string[]> {
  const names = (await readdir(folder)).filter((name) => ownName.test(name));
  return names.sort().map((name) => join(folder, name));
}

/** A record of a TFRecord file. Source: tensorflow/core/lib/io/record_writer.h. */
export function framed(bytes: Uint8Array): Uint8Array {
  const record = new Uint8Array(bytes.length + 16);
  const view = new DataView(record.buffer);
  view.setBigUint64(0, BigInt(bytes.length), true);
  view.setUint32(8, maskedCrc32c(record.subarray(0, 8)), true);
  record.set(bytes, 12);
  view.setUint32(12 + bytes.length, maskedCrc32c(bytes), true);
  return record;
}

/** An event file that grows. */
export class EventFile {
  private readonly file: GrowingFile;

  /** @param older those whose place it has taken, which are empty */
  constructor(
    path: string,
    private readonly older: readonly string[],
  ) {
    this.file = new GrowingFile(path);
  }

  /** @throws UserError where the system refuses (disk full, ...) */
  append(event: Uint8Array): void {
    this.file.append(framed(event));
  }

  /** Ends it; then it is the only one. */
  close(): void {
    this.file.close();
    for (const path of this.older) rmSync(path, { force: true });
  }
}

/**
 * Begins a new event file, which takes the place of those that earlier parts of the run have left. When it is
 * whole, they are emptied, and removed at its end: TensorBoard's Python loader, if it has one of them open,
 * goes on to the new file where the older one has nothing more, but not where it is gone.
 * @param events what it begins with
 * @throws UserError where the system refuses
 */
export async function beginEventFile(
  folder: string,
  events: Iterable<Uint8Array>,
  now = new Date(),
): Promise<EventFile> {
  const older = await ownEventFiles(folder);
  const newest = Math.max(0, ...older.map((path) => Number(ownName.exec(basename(path))![1])));
  const seconds = Math.max(Math.floor(now.getTime() / 1000), newest + 1);
  const host = hostname().replaceAll(/[^\w.-]/g, "_");
  const name = `events.out.tfevents.${String(seconds).padStart(10, "0")}.${host}.bit-train`;
  const path = join(folder, name);
  await writeFileAtomically(
    path,
    async (append) => {
      let pieces: Uint8Array[] = [];
      for (const event of events) {
        if (pieces.push(framed(event)) < recordsAtOnce) continue;
        await append(Buffer.concat(pieces));
        pieces = [];
      }
      await append(Buffer.concat(pieces));
    },
    undefined,
    // Not of its own name, of which `tfevents` is a part.
    temporaryName(join(folder, "curves")),
  );
  for (const other of older) await truncate(other);
  return new EventFile(path, older);
}

const recordsAtOnce = 1000;
