/**
 * What a file is, told by its first bytes: for messages that name what lies in the place of what was
 * expected. One table for weights, datasets and tables.
 * Sources: file(1)'s magic; APPNOTE 6.3 (ZIP); POSIX ustar; the formats' own descriptions.
 */

/** So many of a file's first bytes tell all that can be told; fewer tell less. */
export const KIND_BYTES = 512;

/** What a file may be. */
export type FileKindId = (typeof KINDS)[number]["id"];

/** A kind of file. */
export interface FileKind {
  readonly id: FileKindId;
  /** In words, with its article: "a ZIP archive". */
  readonly name: string;
  /** What to do about it, whatever was expected: "unpack it: gunzip FILE". */
  readonly remedy?: string | undefined;
}

/** A file's first bytes, as the table below looks at them. */
interface Start {
  readonly bytes: Uint8Array;
  /** The same, one character a byte. */
  readonly text: string;
}

interface KindRow {
  readonly id: string;
  readonly name: string;
  readonly remedy?: string;
  readonly matches: (start: Start) => boolean;
}

const begins =
  (...signatures: readonly string[]) =>
  ({ text }: Start): boolean =>
    signatures.some((signature) => text.startsWith(signature));

/** A ZIP archive whose first member has such a name. */
const zipOf =
  (name: RegExp) =>
  ({ text, bytes }: Start): boolean => {
    if (!text.startsWith("PK\x03\x04") || bytes.length < 30) return false;
    return name.test(text.slice(30, 30 + bytes[26]! + 256 * bytes[27]!));
  };

const downloadAgain = "download or copy it again, and look at its size";

// The first row that matches tells: special kinds stand before general ones.
const KINDS = [
  {
    id: "empty",
    name: "an empty file",
    remedy: downloadAgain,
    matches: ({ bytes }: Start) => bytes.length === 0,
  },
  {
    id: "zeros",
    name: "a file of zero bytes, as a broken download or copy leaves it",
    remedy: downloadAgain,
    matches: ({ bytes }: Start) => bytes.length >= 16 && bytes.every((byte) => byte === 0),
  },
  {
    id: "git-lfs",
    name: "a Git LFS pointer in place of the file",
    remedy: "fetch the file itself: git lfs pull",
    matches: begins("version https://git-lfs", "version https://hawser"),
  },
  { id: "npz", name: "an .npz of arrays", matches: zipOf(/\.npy$/) },
  {
    id: "pytorch",
    name: "a PyTorch checkpoint (.pth, .pt)",
    matches: (start: Start) =>
      zipOf(/(^|\/)(data\.pkl|\.format_version|byteorder|constants\.pkl)$/)(start) ||
      // Before 1.6: the pickle of a magic number.
      begins("\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19")(start),
  },
  {
    id: "keras",
    name: "a Keras model (.keras)",
    matches: zipOf(/^(metadata\.json|config\.json|model\.weights\.h5)$/),
  },
  {
    id: "office",
    name: "an Office document (.xlsx, .docx or .ods)",
    remedy: "save the table as CSV",
    matches: zipOf(/^(\[Content_Types\]\.xml|_rels\/|xl\/|docProps\/|mimetype$)/),
  },
  {
    id: "zip",
    name: "a ZIP archive",
    matches: begins("PK\x03\x04", "PK\x05\x06", "PK\x07\x08"),
  },
  { id: "npy", name: "a single array (.npy)", matches: begins("\x93NUMPY") },
  { id: "hdf5", name: "an HDF5 file (.h5)", matches: begins("\x89HDF\r\n\x1a\n") },
  {
    id: "pickle",
    name: "a Python pickle",
    matches: ({ bytes }: Start) => bytes[0] === 0x80 && bytes[1]! >= 2 && bytes[1]! <= 5,
  },
  { id: "safetensors", name: "a .safetensors file", matches: isSafetensors },
  {
    id: "saved-model",
    name: "a TensorFlow SavedModel (saved_model.pb)",
    matches: ({ text }: Start) => text.startsWith("\x08\x01\x12") && text[7] !== undefined,
  },
  {
    id: "tf-checkpoint",
    name: "the index of a TensorFlow checkpoint",
    // An SSTable whose first key is empty, with a BundleHeaderProto.
    matches: ({ bytes, text }: Start) =>
      text.startsWith("\x00\x00") && bytes[2]! < 32 && text[3] === "\x08" && text[5] === "\x1a",
  },
  { id: "onnx", name: "an ONNX model", matches: isOnnx },
  { id: "parquet", name: "a Parquet file", matches: begins("PAR1", "PARE") },
  {
    id: "arrow",
    name: "an Arrow file (Feather, or a Hugging Face dataset on disk)",
    matches: begins("ARROW1", "FEA1", "\xff\xff\xff\xff"),
  },
  {
    id: "idx",
    name: "an IDX file, as of MNIST",
    matches: ({ bytes }: Start) =>
      bytes[0] === 0 &&
      bytes[1] === 0 &&
      [8, 9, 11, 12, 13, 14].includes(bytes[2]!) &&
      bytes[3]! >= 1 &&
      bytes[3]! <= 4,
  },
  { id: "mat", name: "a MATLAB file (.mat)", matches: begins("MATLAB 5.0 MAT", "MATLAB 7.3 MAT") },
  {
    id: "gzip",
    name: "a gzip file",
    remedy: "unpack it: gunzip FILE (tar -xzf FILE for .tar.gz)",
    matches: begins("\x1f\x8b"),
  },
  {
    id: "xz",
    name: "an xz file",
    remedy: "unpack it: unxz FILE (tar -xJf FILE for .tar.xz)",
    matches: begins("\xfd7zXZ\x00"),
  },
  {
    id: "bzip2",
    name: "a bzip2 file",
    remedy: "unpack it: bunzip2 FILE (tar -xjf FILE for .tar.bz2)",
    matches: ({ text }: Start) => /^BZh[1-9]1AY&SY/.test(text),
  },
  {
    id: "zstd",
    name: "a Zstandard file",
    remedy: "unpack it: unzstd FILE",
    matches: begins("\x28\xb5\x2f\xfd"),
  },
  {
    id: "7z",
    name: "a 7-Zip archive",
    remedy: "unpack it: 7z x FILE",
    matches: begins("7z\xbc\xaf\x27\x1c"),
  },
  {
    id: "rar",
    name: "a RAR archive",
    remedy: "unpack it: unrar x FILE",
    matches: begins("Rar!\x1a\x07"),
  },
  { id: "tar", name: "a tar archive", remedy: "unpack it: tar -xf FILE", matches: isTar },
  { id: "pdf", name: "a PDF document", matches: begins("%PDF-") },
  { id: "sqlite", name: "an SQLite database", matches: begins("SQLite format 3\x00") },
  { id: "png", name: "a PNG image", matches: begins("\x89PNG\r\n\x1a\n") },
  { id: "jpeg", name: "a JPEG image", matches: begins("\xff\xd8\xff") },
  { id: "gif", name: "a GIF image", matches: begins("GIF87a", "GIF89a") },
  { id: "webp", name: "a WebP image", matches: ({ text }: Start) => /^RIFF.{4}WEBP/s.test(text) },
  {
    id: "html",
    name: "a web page, as a proxy, a login or an error sends in a file's place",
    remedy: "download it again, by the address of the file itself",
    matches: ({ text }: Start) =>
      /^(\xef\xbb\xbf)?\s*<(!doctype html|html|head|body|script|!--)/i.test(text),
  },
  {
    id: "xml",
    name: "an XML document: annotations, or what a storage host sends with an error in a file's place",
    remedy: "look into it: it may tell what went wrong",
    matches: ({ text }: Start) => /^(\xef\xbb\xbf)?\s*<(\?xml|error|!doctype)/i.test(text),
  },
  {
    id: "json",
    name: "a JSON file",
    matches: ({ text }: Start) =>
      /^(\xef\xbb\xbf)?\s*(\{\s*("|\}|$)|\[\s*(["{[\]\d-]|true|false|null|$))/.test(text),
  },
] as const satisfies readonly KindRow[];

/** What a file is, by its first `KIND_BYTES` bytes; undefined where they tell nothing. */
export function fileKind(firstBytes: Uint8Array): FileKind | undefined {
  const bytes = firstBytes.subarray(0, KIND_BYTES);
  // One character a byte, which the browser's own decoders do not promise.
  const start = { bytes, text: String.fromCharCode(...bytes) };
  const row: (KindRow & { readonly id: FileKindId }) | undefined = KINDS.find(({ matches }) =>
    matches(start),
  );
  return row && { id: row.id, name: row.name, remedy: row.remedy };
}

/** Whether a file begins as ZIP archives do, of whatever contents. */
export function isZip(firstBytes: Uint8Array): boolean {
  return firstBytes[0] === 0x50 && firstBytes[1] === 0x4b;
}

/** Eight bytes that tell the length of a JSON header, then that header. */
function isSafetensors({ bytes, text }: Start): boolean {
  const isShort = bytes[4] === 0 && bytes[5] === 0 && bytes[6] === 0 && bytes[7] === 0;
  return isShort && /^\{\s*("|\}|$)/.test(text.slice(8));
}

/** A protobuf that begins with `ir_version`, as ONNX's ModelProto, and another of its fields. */
function isOnnx({ bytes }: Start): boolean {
  const [tag, version, next] = bytes;
  if (tag !== 0x08 || version! < 3 || version! > 32) return false;
  return [0x12, 0x1a, 0x22, 0x28, 0x32, 0x3a, 0x42].includes(next!);
}

/** A header with the word "ustar", or, as tar of 1979 wrote it, with a right sum and octal digits. */
function isTar({ bytes, text }: Start): boolean {
  if (text.slice(257, 262) === "ustar") return true;
  if (bytes.length < 512 || bytes[0] === 0) return false;
  const told = /^ *([0-7]{1,7})[\0 ]/.exec(text.slice(148, 156))?.[1];
  let sum = 0;
  for (let i = 0; i < 512; i++) sum += i >= 148 && i < 156 ? 0x20 : bytes[i]!;
  return told !== undefined && Number.parseInt(told, 8) === sum;
}
