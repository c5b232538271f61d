/** Event files as TensorBoard finds them in a folder: one at a time, whole whenever it looks. */
import { readdir, rm } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { maskedCrc32c } from "../../data/formats/crc32c.js";
import { temporaryName, writeFileAtomically } from "../../disk/atomic-file.js";
import { GrowingFile } from "../../disk/growing-file.js";

// TensorBoard reads every file with `tfevents` in its name, in the order of the names. By its end a file
// is known for ours: another program may have put its own beside it.
const ownName = /^events\.out\.tfevents\.(\d{10})\..*\.bit-train$/;

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

/**
 * Begins a new event file, which takes the place of those that earlier parts of the run have left: they are
 * removed when it is whole. It is read after them, should somebody look in between.
 * @param events what it begins with
 * @returns it, to append to
 * @throws UserError where the system refuses
 */
export async function beginEventFile(
  folder: string,
  events: Iterable<Uint8Array>,
  now = new Date(),
): Promise<GrowingFile> {
  const older = (await readdir(folder)).filter((name) => ownName.test(name));
  const newest = Math.max(0, ...older.map((name) => Number(ownName.exec(name)![1])));
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
  for (const other of older) await rm(join(folder, other), { force: true });
  return new GrowingFile(path);
}

const recordsAtOnce = 1000;
