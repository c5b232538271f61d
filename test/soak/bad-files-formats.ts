/** The kinds of files that are read, with small sound ones of each, and how each is read. */
import { lstat, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateSync, gunzipSync, gzipSync } from "node:zlib";
import { readNpy } from "../../src/archive/npy.js";
import { decodeNpzBytes, encodeNpzBytes } from "../../src/archive/npz-bytes.js";
import { NpzReader } from "../../src/archive/npz-reader.js";
import type { NumericArray } from "../../src/archive/numeric-array.js";
import { readImageHeader } from "../../src/data/files/image-header.js";
import { readPickle } from "../../src/data/formats/pickle.js";
import { readTarGz } from "../../src/data/formats/tar-gz.js";
import { unpackArchive } from "../../src/data/formats/unpack-archive.js";
import { MatDatasetFile } from "../../src/data/published/mat-dataset-file.js";
import { parquetReading } from "../../src/data/shards/parquet-images.js";
import { loadShards } from "../../src/data/shards/shard-dataset.js";
import { indexShard } from "../../src/data/shards/shard-index.js";
import { webDatasetImages } from "../../src/data/shards/webdataset-images.js";
import { readLabelTable } from "../../src/data/tables/label-table.js";
import { findImages } from "../../src/data/tables/table-images.js";
import { fixture as archiveFixture, PLAIN } from "../archive/reference.js";
import { writeZip } from "../archive/zip-builder.js";
import { tarOf, zipOf } from "../data/made-archives.js";
import { example, tfRecords } from "../data/tfrecord-files.js";
import { fixturePath } from "../fixture-path.js";

/** A kind of file. */
export interface Format {
  readonly name: string;
  /** Sound files. What is damaged need not be the file itself, but can lie within it: see `write`. */
  readonly sound: () => Promise<readonly Uint8Array[]>;
  /** Makes the file of what was damaged, with checksums that hold; by default it is the file. */
  readonly write?: (path: string, damaged: Uint8Array) => Promise<void>;
  /** Reads it. Returns arrays by name where checksums prove what they hold. */
  readonly read: (path: string, folder: string) => Promise<Arrays | undefined>;
}

type Arrays = ReadonlyMap<string, NumericArray>;

const fixtures = (folder: readonly string[], names: readonly string[]) => async () =>
  Promise.all(names.map((name) => readFile(fixturePath(...folder, name))));

const archives = async () => [
  await readFile(archiveFixture("stored.npz")),
  await readFile(archiveFixture("deflated.npz")),
  Buffer.from(await encodeNpzBytes(PLAIN)),
  Buffer.from(await encodeNpzBytes(PLAIN, { compress: true })),
];

const arrayFiles = async () =>
  Promise.all(
    ["version1.npy", "version2.npy", "version3.npy", "fortran.npy", "objects.npy"].map((name) =>
      readFile(archiveFixture(name)),
    ),
  );

async function readTable(path: string): Promise<undefined> {
  const { rows } = await readLabelTable(path);
  await findImages(path, rows, []);
}

async function readNpz(path: string): Promise<Arrays> {
  const reader = await NpzReader.open(path);
  try {
    const arrays = new Map<string, NumericArray>();
    for (const name of reader.names) arrays.set(name, await reader.read(name));
    return arrays;
  } finally {
    await reader.close();
  }
}

async function unpack(path: string, folder: string): Promise<undefined> {
  const target = join(folder, "unpacked");
  await mkdir(target);
  await unpackArchive(path, "images", target);
  for (const name of await readdir(target, { recursive: true }))
    if ((await lstat(join(target, name))).isSymbolicLink()) throw new Error(`a link: ${name}`);
}

const FILES = { "images/a/1.jpg": "one", "images/2.jpg": "two", "other/3.txt": "three" };

const png = () => readFile(fixturePath("data", "images", "rgba.png"));
const shard = async () => {
  const encoded = await png();
  return [1, 2, 3, 4].map((label) => {
    return example({
      "image/encoded": encoded,
      "image/class/label": [label % 2],
      "image/class/text": "a class",
    });
  });
};

const loadShard = async (path: string, folder: string) => {
  const shards = { folder, format: "tfrecord", parts: { whole: [{ path }] }, notes: [] } as const;
  await loadShards(shards, { name: "bad", seed: 0, badImages: "skip" });
  return undefined;
};

const shardFixtures = (names: readonly string[]) => fixtures(["data", "shards"], names);

/** A tar whose headers' checksums hold. */
async function writeTar(path: string, damaged: Uint8Array): Promise<void> {
  const tar = Buffer.from(damaged);
  for (let at = 0; at + 512 <= tar.length; at += 512) {
    if (tar.toString("latin1", at + 257, at + 262) !== "ustar") continue;
    tar.fill(" ", at + 148, at + 156);
    const sum = tar.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
    tar.write(`${sum.toString(8).padStart(6, "0")}\0 `, at + 148, "latin1");
  }
  await writeFile(path, tar);
}

const readTar = async (path: string) => {
  for await (const _ of webDatasetImages(path));
  return undefined;
};

const readParquet = async (path: string) => {
  const cache = await mkdtemp(join(tmpdir(), "bit-bad-cache-"));
  try {
    await indexShard(await parquetReading(path, { cache, stallMs: 5000 }), undefined, cache);
  } finally {
    await rm(cache, { recursive: true });
  }
  return undefined;
};

const TABLE =
  'path,label,split\na.png,one,train\n"b, ""c"".png","two\nlines",val\nd.png,two,test\n';

/** Every kind of file. */
export const FORMATS: readonly Format[] = [
  { name: ".npz", sound: archives, read: readNpz },
  {
    name: ".npz in memory",
    sound: archives,
    read: async (path) => decodeNpzBytes(await readFile(path)),
  },
  {
    name: ".npy in an .npz",
    sound: arrayFiles,
    write: async (path, contents) => {
      await writeZip(path, [{ name: "a.npy", contents }]);
    },
    read: async (path) => {
      await readNpz(path);
      return undefined;
    },
  },
  {
    name: ".npy",
    sound: arrayFiles,
    read: async (path) => {
      await readNpy(path);
      return undefined;
    },
  },
  {
    name: "pickle",
    sound: async () => [
      ...(await fixtures(
        ["data", "cifar", "cifar-10-batches-py"],
        ["batches.meta", "test_batch"],
      )()),
      ...(await fixtures(["data", "cifar", "cifar-100-python"], ["meta", "train"])()),
    ],
    read: async (path) => {
      readPickle(await readFile(path));
      return undefined;
    },
  },
  {
    name: "MAT",
    sound: fixtures(
      ["data", "mat"],
      [
        "arrays.mat",
        "arrays-stored.mat",
        "meta.mat",
        "octave.mat",
        "octave-stored.mat",
        "wide.mat",
      ],
    ),
    read: async (path) => {
      await MatDatasetFile.open(path);
      return undefined;
    },
  },
  {
    name: "array packed in a MAT file",
    sound: async () => {
      const [stored, meta] = await fixtures(["data", "mat"], ["arrays-stored.mat", "meta.mat"])();
      return [stored!.subarray(128), meta!.subarray(128)];
    },
    write: async (path, damaged) => {
      const [file] = await fixtures(["data", "mat"], ["arrays.mat"])();
      const packed = deflateSync(damaged);
      const tag = Buffer.alloc(8);
      tag.writeUInt32LE(15, 0);
      tag.writeUInt32LE(packed.length, 4);
      await writeFile(path, Buffer.concat([file!.subarray(0, 128), tag, packed]));
    },
    read: async (path) => {
      await MatDatasetFile.open(path);
      return undefined;
    },
  },
  {
    name: "TFRecord",
    sound: async () => [tfRecords(await shard())],
    read: loadShard,
  },
  {
    name: "example in a TFRecord",
    sound: shard,
    write: async (path, damaged) => {
      const [first, second] = await shard();
      await writeFile(path, tfRecords([first!, second!, damaged]));
    },
    read: loadShard,
  },
  {
    name: "webdataset",
    sound: shardFixtures(["webdataset/train-000001.tar", "pax.tar", "gnu.tar"]),
    read: readTar,
  },
  {
    name: "webdataset whose checksums hold",
    sound: shardFixtures(["webdataset/train-000001.tar", "pax.tar", "gnu.tar"]),
    write: writeTar,
    read: readTar,
  },
  {
    name: "Parquet",
    sound: shardFixtures(
      ["none", "snappy", "gzip", "zstd", "brotli", "lz4", "words"].map(
        (name) => `parquet-compressed/${name}.parquet`,
      ),
    ),
    read: readParquet,
  },
  {
    name: "CSV",
    sound: async () => [
      Buffer.from(TABLE),
      Buffer.from(TABLE.replaceAll("\n", "\r\n")),
      Buffer.from(`\uFEFF${TABLE.replaceAll(",", ";")}`, "utf16le"),
    ],
    read: readTable,
  },
  {
    name: "JSON lines",
    sound: async () => [Buffer.from('{"file_name": "1.jpg", "label": 3}\n'.repeat(20))],
    // By its name alone such a table is told from others.
    read: async (path) => {
      const named = `${path}.jsonl`;
      await rename(path, named);
      await readTable(named).finally(() => rename(named, path));
      return undefined;
    },
  },
  {
    name: "image header of a rarer kind",
    sound: fixtures(
      ["variants"],
      "palette-4.bmp exif-alpha.webp animated.webp raw-profile-packed.png exif-late.png".split(" "),
    ),
    read: async (path) => {
      await readImageHeader(path);
      return undefined;
    },
  },
  {
    name: "image header",
    sound: fixtures(
      ["data", "images"],
      ["colour.jpg", "exif-6.jpg", "rgba.png", "colour.bmp", "two-frames.gif", "lossy.webp"],
    ),
    read: async (path) => {
      await readImageHeader(path);
      return undefined;
    },
  },
  {
    name: "tar.gz in memory",
    sound: fixtures(["data", "cifar", "archives"], ["cifar-10-python.tar.gz"]),
    read: readCifarArchive,
  },
  {
    name: "tar in a tar.gz",
    sound: async () => [
      gunzipSync((await fixtures(["data", "cifar", "archives"], ["cifar-10-python.tar.gz"])())[0]!),
    ],
    write: async (path, damaged) => writeFile(path, gzipSync(damaged, { level: 1 })),
    read: readCifarArchive,
  },
  { name: "zip to unpack", sound: async () => [await zipOf(FILES)], read: unpack },
  { name: "tar to unpack", sound: async () => [await tarOf(FILES)], read: unpack },
  {
    name: "tar.gz to unpack",
    sound: async () => [await tarOf(FILES)],
    write: async (path, damaged) => writeFile(path, gzipSync(damaged)),
    read: unpack,
  },
];

async function readCifarArchive(path: string): Promise<undefined> {
  const names = ["data_batch_1", "test_batch", "batches.meta"];
  await readTarGz(path, new Set(names.map((name) => `cifar-10-batches-py/${name}`)));
}
