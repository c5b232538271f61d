/** The entries of a tar of whatever flavour: POSIX (ustar, pax), GNU, and that of 1979 (v7). */
import { type Extract, extract } from "tar-stream";

/** As streamx has it by default. */
const HIGH_WATER_MARK = 16_384;

/** A stream that a tar is written into, and whose entries are read from it one after the other. */
export function tarEntries(): Extract {
  // Tars of 1979 have no mark of their own; their sums are checked like others'. Not among the types yet.
  const options = { highWaterMark: HIGH_WATER_MARK, allowUnknownFormat: true };
  return extract(options);
}
