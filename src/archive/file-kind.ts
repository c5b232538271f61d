/** What `describeStart` says of a ZIP archive. */
export const ZIP = "a ZIP archive";

const SIGNATURES: readonly (readonly [start: string, kind: string])[] = [
  ["PK", ZIP],
  ["\x80\x02", "a Python pickle"],
  ["\x80\x03", "a Python pickle"],
  ["\x80\x04", "a Python pickle"],
  ["\x80\x05", "a Python pickle"],
  ["\x93NUMPY", "a single array (.npy)"],
  ["\x1f\x8b", "a gzip file"],
  ["\x89HDF", "an HDF5 file"],
  ["version https://git-lfs", "a Git LFS pointer in place of the file (git lfs pull fetches it)"],
];

/** What a file seems to be, in words, by its first 64 or so bytes: for messages. */
export function describeStart(start: Uint8Array): string {
  if (start.length === 0) return "an empty file";
  const text = Buffer.from(start.subarray(0, 64)).toString("latin1");
  const known = SIGNATURES.find(([signature]) => text.startsWith(signature));
  if (known) return known[1];
  if (isWebPage(start))
    return "a web page, as a proxy, a login or an error sends in a file's place";
  return "not a ZIP archive";
}

/** Whether a file begins as a web page, or an error's XML, does. */
export function isWebPage(start: Uint8Array): boolean {
  const text = Buffer.from(start.subarray(0, 64)).toString("latin1");
  return /^\s*<(!doctype|html|\?xml|head|body|error)/i.test(text);
}
