import assert from "node:assert/strict";
import { test } from "node:test";
import tar from "tar-stream";
import { type FileKindId, fileKind, isZip } from "../../src/disk/file-kind.js";

/** First bytes as the software named wrote them. */
const STARTS: readonly (readonly [kind: FileKindId | undefined, writer: string, hex: string])[] = [
  [
    "npz",
    "numpy 2.4 savez",
    "504b03042d000000000000002100f9e55794ffffffffffffffff05001400612e6e7079",
  ],
  [
    "office",
    "openpyxl",
    "504b030414000000080079757b5d46c74d4895000000cd00000010000000646f6350726f70732f6170702e786d6c",
  ],
  ["npy", "numpy", "934e554d50590100"],
  ["hdf5", "h5py 3.16", "894844460d0a1a0a"],
  ["safetensors", "safetensors", "38000000000000007b2261223a7b226474797065223a22463332222c"],
  ["onnx", "onnx 1.23", "080e3a330a0c"],
  ["onnx", "onnx 1.23, a producer named", "080e12077079746f7263683a"],
  ["pickle", "Python, protocol 2", "80027d7100580100"],
  ["pickle", "Python, protocol 5", "80059500"],
  ["parquet", "pyarrow 26", "50415231150415"],
  ["arrow", "pyarrow 26, a file", "4152524f573100"],
  ["arrow", "pyarrow 26, a stream", "ffffffff78000000"],
  ["idx", "MNIST", "000008030000ea60"],
  ["mat", "scipy", Buffer.from("MATLAB 5.0 MAT-file Platform").toString("hex")],
  ["gzip", "gzip", "1f8b0808"],
  ["xz", "xz", "fd377a585a000004"],
  ["bzip2", "bzip2", "425a6839314159265359"],
  ["zstd", "zstd", "28b52ffd"],
  ["7z", "7z", "377abcaf271c0004"],
  ["pdf", "anything", Buffer.from("%PDF-1.7").toString("hex")],
  ["empty", "touch", ""],
  ["zeros", "a broken download", "00".repeat(512)],
  ["zip", "zip of nothing", "504b0506000000000000"],
  ["png", "libpng", "89504e470d0a1a0a"],
  ["jpeg", "libjpeg", "ffd8ffe0"],
];

const TEXTS: readonly (readonly [kind: FileKindId | undefined, text: string])[] = [
  ["git-lfs", "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"],
  ["html", "\n<!DOCTYPE html>\n<html>"],
  ["html", "<HTML><head>"],
  ["xml", "<?xml version='1.0' encoding='UTF-8'?><Error><Code>AccessDenied</Code></Error>"],
  ["xml", "<Error>NoSuchKey</Error>"],
  ["json", '{\n  "a": 1}'],
  ["json", '[{"file": 1}]'],
  ["json", "[0.5, 1]"],
  [undefined, "path,label\na.jpg,cat\n"],
  [undefined, "[section]\nkey=value\n"],
  [undefined, "{name} of a file"],
  [undefined, "hello"],
];

test("tells each kind by the first bytes that real software writes", () => {
  for (const [kind, writer, hex] of STARTS)
    assert.equal(fileKind(Buffer.from(hex, "hex"))?.id, kind, writer);
  for (const [kind, text] of TEXTS) assert.equal(fileKind(Buffer.from(text))?.id, kind, text);
});

test("tells a PyTorch checkpoint from other ZIP archives, whatever its folder is called", () => {
  const zipOf = (name: string) => {
    const header = Buffer.alloc(30);
    header.write("PK\x03\x04", "latin1");
    header.writeUInt16LE(name.length, 26);
    return Buffer.concat([header, Buffer.from(name), Buffer.from("contents")]);
  };
  assert.equal(fileKind(zipOf("archive/data.pkl"))?.id, "pytorch");
  assert.equal(fileKind(zipOf("resnet50/data.pkl"))?.id, "pytorch");
  assert.equal(fileKind(zipOf("a.npy.txt"))?.id, "zip");
  assert.equal(fileKind(zipOf("metadata.json"))?.id, "keras");
  assert.ok(isZip(zipOf("archive/data.pkl")));
});

test("tells tar archives, those of 1979 too, from noise", async () => {
  const pack = tar.pack();
  pack.entry({ name: "a.txt" }, "x");
  pack.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of pack) chunks.push(chunk as Buffer);
  const header = Buffer.concat(chunks).subarray(0, 512);
  assert.equal(fileKind(header)?.id, "tar");

  const old = Buffer.from(header).fill(0, 257, 512).fill(" ", 148, 156);
  const sum = old.reduce((total, byte) => total + byte, 0);
  old.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148);
  assert.equal(fileKind(old)?.id, "tar");
  old[0]!++;
  assert.equal(fileKind(old), undefined);
});

test("a short start is told as far as it goes, and never throws", () => {
  for (const [, , hex] of STARTS) {
    const bytes = Buffer.from(hex, "hex");
    for (let length = 0; length < bytes.length; length++) fileKind(bytes.subarray(0, length));
  }
});
