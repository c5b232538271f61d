/** What the names of shards say: their format. */

import { basename, extname, join } from "node:path";
import { UserError } from "../../errors.js";

/** The formats of shards that are read. */
const formatNames = ["tfrecord", "webdataset", "parquet"] as const;
export type FormatName = (typeof formatNames)[number];

/** Files about shards: indices, checksums, what is left of a download. */
const ABOUT_SHARDS =
  /\.(index|idx|tfindex|json|txt|csv|md5|sha\d+|crc|crc32c|tmp|part|partial|lock|bak|log|pbtxt|ya?ml|xml|md)$/i;
/** Numbered as shards are, but of other formats. */
const OTHER_FORMAT = /\.(array_?record|riegeli|bagz|parquet|arrow|jsonl?|csv|tar|recordio)(\W|$)/i;

/** The format of a shard of this name; undefined where it is named as none. */
export function formatOf(name: string): FormatName | undefined {
  if (ABOUT_SHARDS.test(name)) return undefined;
  if (/\.(parquet|pq)$/i.test(name)) return "parquet";
  if (/\.tar$/i.test(name)) return "webdataset";
  // FiftyOne writes tf.records.
  if (/(\.tfrec(ords?)?|(^|\W)tf\.records?)(\W|$)/i.test(name)) return "tfrecord";
  const isNumbered = /\d{5}-of-\d{5}$/.test(name) && !OTHER_FORMAT.test(name);
  return isNumbered ? "tfrecord" : undefined;
}

/**
 * The shards among a folder's files, with their formats. A Parquet file of the name of a tar or TFRecord shard is
 * none: in it img2dataset writes what it knows of that shard's images.
 */
export function shardsAmong(files: readonly string[]): ReadonlyMap<string, FormatName> {
  const shards = files.flatMap((name) => {
    const format = formatOf(name);
    return format === undefined ? [] : [[name, format] as const];
  });
  const described = new Set(
    shards.flatMap(([name, format]) => (format === "parquet" ? [] : [stemOf(name)])),
  );
  return new Map(
    shards.filter(([name, format]) => format !== "parquet" || !described.has(stemOf(name))),
  );
}

function stemOf(name: string): string {
  return basename(name, extname(name));
}

/** What lies beside the folders of a dataset that tf.data's save has written. */
export const TF_DATA_SAVE = "dataset_spec.pb";

const PREPARE_AGAIN =
  "prepare it with --file_format=tfrecord (tfds build), or with " +
  "builder_kwargs={'file_format': 'tfrecord'} (tfds.load)";

const WRITE_IMAGES =
  "write its images as PNG into class folders; docs/datasets.md has a script for it";
const WRITE_ARRAYS = `${WRITE_IMAGES}; weights are named with --weights`;

/** Shards of other formats, and other files of many images: what they are, and what to do about them. */
const UNREAD: readonly (readonly [name: RegExp, called: string, next: string])[] = [
  [
    /\.arrow$/i,
    "is an Arrow file, as Hugging Face's save_to_disk writes it",
    'write Parquet files: python -c "from datasets import load_from_disk; ' +
      "load_from_disk('FOLDER').to_parquet('train.parquet')\" (of each split, where it has several)",
  ],
  [
    /(^|\/)dataset_spec\.pb$/,
    "is of a dataset as tf.data's save writes it",
    "write TFRecord shards of tf.train.Example (tf.io.TFRecordWriter), or image files in class folders",
  ],
  [/\.array_?record(\W|$)/i, "is a shard of TFDS in the format array_record", PREPARE_AGAIN],
  [/\.riegeli(\W|$)/i, "is a shard of TFDS in the format riegeli", PREPARE_AGAIN],
  [/\.parquet-\d{5,}-of-\d{5,}$/i, "is a shard of TFDS in the format parquet", PREPARE_AGAIN],
  [
    /(^|\/)(batches\.meta|data_batch_1)(\.\w+)?$/,
    "is of CIFAR's pickles or binary files",
    "type --dataset cifar10 --datadir FOLDER; write others in this form as PNG into class folders",
  ],
  [/\.mds(\.\w+)?$/i, "is a shard of MosaicML's streaming (MDS)", WRITE_IMAGES],
  [/(^|\/)chunk-\d+-\d+(\.\w+)?\.bin$/i, "is a chunk as LitData writes it", WRITE_IMAGES],
  [/\.beton$/i, "is a file of FFCV's", WRITE_IMAGES],
  [/(^|\/)data\.mdb$|\.lmdb$/i, "is an LMDB database", WRITE_IMAGES],
  [/\.(h5|hdf5)$/i, "is an HDF5 file", WRITE_ARRAYS],
  [/\.npz$/i, "is an .npz of arrays", WRITE_ARRAYS],
  [/-idx[13]-ubyte(\.gz)?$/i, "is an IDX file, as of MNIST", WRITE_IMAGES],
  [/\.rec$/i, "is a file of records as MXNet writes it", WRITE_IMAGES],
  [
    /\.(tar\.(gz|bz2|xz|zst)|tgz)$/i,
    "is a compressed tar archive, in which images cannot be read where they lie",
    "decompress it (gunzip, unxz, unzstd), or unpack it (tar -xf) where it holds class folders",
  ],
];

/** The first shard of a format that is not read; undefined where there is none. */
export function unreadIn(files: readonly string[]): string | undefined {
  return files.find((name) => UNREAD.some(([pattern]) => pattern.test(name)));
}

/**
 * Refuses shards of formats that are not read.
 * @param files names of a folder's files, one of which is such a shard (`unreadIn`)
 * @throws UserError that names it
 */
export function refuseUnread(folder: string, files: readonly string[]): never {
  const name = unreadIn(files) ?? "";
  const [, called, next] = UNREAD.find(([pattern]) => pattern.test(name)) ?? [0, "no shard", ""];
  const expected = "TFRecord, Parquet or webdataset shards, a table, or a folder of images";
  throw new UserError(join(folder, name), called, expected, next);
}
