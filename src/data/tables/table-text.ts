/**
 * The text of a table of images, in the encodings that spreadsheets save: UTF-8, with its mark or
 * without, and UTF-16. A file that is no text is named by what it is.
 */
import { type FileKind, fileKind, KIND_BYTES } from "../../disk/file-kind.js";
import { readError, readWhole } from "../../disk/file-reading.js";
import { UserError } from "../../errors.js";
import { isJsonLines } from "./json-lines.js";

/** A table of ImageNet's 1.28 million images has some 80 MB. */
const MOST_BYTES = 2 ** 28;
const MOST_LINES = 5_000_000;
/** A path has 4,096 bytes at most. */
const MOST_LINE_CHARACTERS = 2 ** 16;
/** So many first bytes tell UTF-16 without its mark. */
const PROBE_BYTES = 4096;

/** What is to be done with a file of another kind than a table, by its kind. */
const REMEDIES: Readonly<Record<string, string>> = {
  npz: "unpack its images into class folders; weights are named with --weights",
  zip: "unpack it, and name the folder or the table in it: unzip FILE -d FOLDER",
  npy: "write its images as files into class folders",
  hdf5: "write its images as files into class folders; weights are named with --weights",
  safetensors: "name weights with --weights",
  pytorch: "name weights with --weights",
  keras: "name weights with --weights",
  onnx: "name weights with --weights",
  pickle:
    "CIFAR's own pickles are read by --dataset cifar10 or cifar100; write others as image files",
  parquet: "name the folder that its shards lie in, or give it its ending .parquet",
  arrow: 'write it as Parquet, dataset.to_parquet("train.parquet"), and name that',
  idx: "write its images as PNG into class folders; no dataset is read from IDX files",
  mat:
    "SVHN and Flowers are read by name: --dataset svhn, --dataset oxford_flowers102; " +
    "write others as a table of path,label",
  office: "save the sheet as CSV UTF-8, and name that",
  png: "name the folder of class folders that it lies in, or a table of images",
  jpeg: "name the folder of class folders that it lies in, or a table of images",
  gif: "name the folder of class folders that it lies in, or a table of images",
  webp: "name the folder of class folders that it lies in, or a table of images",
  json: "write it as .jsonl, one object a line with file_name and label, or as CSV; docs/datasets.md has a script for it",
  xml: "look into it; annotations become a table by the script in docs/datasets.md",
};

const WANTED = "a table of images (.csv, .tsv, .jsonl) in UTF-8";

/**
 * Reads a table's text.
 * @throws UserError where it cannot be read, is no text, or would take all memory
 */
export async function readTableText(file: string): Promise<string> {
  let bytes: Uint8Array;
  try {
    bytes = await readWhole(file, MOST_BYTES);
  } catch (error) {
    throw readError(file, error, "give the path of a table of images, such as a CSV file");
  }
  const kind = fileKind(bytes.subarray(0, KIND_BYTES));
  // A line of JSON begins as a JSON document does: how it goes on tells.
  if (kind?.id !== "json") refuseKind(file, kind);
  const text = withoutEndMark(decode(file, bytes));
  if (kind?.id === "json" && !isJsonLines(file, text)) refuseKind(file, kind);
  checkLines(file, text);
  return text;
}

/** Without DOS's end of file, which some editors still write. */
function withoutEndMark(text: string): string {
  const trimmed = text.trimEnd();
  return trimmed.endsWith("\u001a") ? trimmed.slice(0, -1) : text;
}

function refuseKind(file: string, kind: FileKind | undefined): void {
  if (kind === undefined || kind.id === "empty") return;
  const remedy = REMEDIES[kind.id] ?? kind.remedy ?? "name a table, or a folder of class folders";
  throw new UserError(file, `is ${kind.name}`, WANTED, remedy);
}

function decode(file: string, bytes: Uint8Array): string {
  const utf16 = utf16Of(bytes);
  try {
    return new TextDecoder(utf16 ?? "utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    if (utf16 !== undefined)
      throw new UserError(file, "is damaged UTF-16", WANTED, "save it again, as CSV UTF-8", {
        cause: error,
      });
    throw notUtf8(file, bytes, error);
  }
}

/** Excel's "Unicode text" and PowerShell write UTF-16, with its mark; others do without. */
function utf16Of(bytes: Uint8Array): "utf-16le" | "utf-16be" | undefined {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be";
  if (bytes.length % 2 !== 0) return undefined;
  const zeros = [0, 0];
  const probe = bytes.subarray(0, PROBE_BYTES);
  probe.forEach((byte, i) => {
    if (byte === 0) zeros[i % 2]! += 1;
  });
  const [even, odd] = zeros as [number, number];
  if (odd > probe.length / 4 && even === 0) return "utf-16le";
  return even > probe.length / 4 && odd === 0 ? "utf-16be" : undefined;
}

/** No character of Windows-1252. */
const NOT_IN_WINDOWS_1252 = [0x81, 0x8d, 0x8f, 0x90, 0x9d];

function notUtf8(file: string, bytes: Uint8Array, cause: unknown): UserError {
  const strict = new TextDecoder("utf-8");
  // What is replaced first is what is wrong.
  const at = strict.decode(bytes).indexOf("\ufffd");
  const line = strict
    .decode(bytes)
    .slice(0, at)
    .split(/\r\n|\r|\n/).length;
  const isBinary = bytes.subarray(0, PROBE_BYTES).some((byte) => byte < 9);
  const isWindows = !isBinary && !bytes.some((byte) => NOT_IN_WINDOWS_1252.includes(byte));
  if (isBinary)
    return new UserError(
      file,
      "is not UTF-8, nor text at all",
      WANTED,
      "name a table of images, or a folder of class folders",
      { cause },
    );
  return new UserError(
    `${file}, line ${line}`,
    isWindows
      ? "is not UTF-8; it looks like Windows-1252 (or Latin-1), as Excel's plain CSV is"
      : "is not UTF-8, but of some older encoding",
    WANTED,
    isWindows
      ? "save it as CSV UTF-8, or: iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW.csv"
      : "save it as CSV UTF-8, or: iconv -f ENCODING -t UTF-8 FILE > NEW.csv",
    { cause },
  );
}

const NEWLINE = 10;
const CARRIAGE_RETURN = 13;

/** What would take all memory is found before it is taken apart. */
function checkLines(file: string, text: string): void {
  let lines = 0;
  let start = 0;
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : NEWLINE;
    if (code === 0)
      throw new UserError(
        `${file}, line ${lines + 1}`,
        "a NUL character",
        "text",
        "save it as UTF-8",
      );
    if (code !== NEWLINE && code !== CARRIAGE_RETURN) continue;
    lines += 1;
    if (i - start > MOST_LINE_CHARACTERS)
      throw new UserError(
        `${file}, line ${lines}`,
        `${i - start} characters`,
        `at most ${MOST_LINE_CHARACTERS}`,
        "write one row a line: path,label",
      );
    start = i + 1;
  }
  if (lines > MOST_LINES)
    throw new UserError(file, `${lines} lines`, `at most ${MOST_LINES}`, "divide the dataset");
}
