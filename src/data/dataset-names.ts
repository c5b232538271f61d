/** The names and the kinds of path that `--dataset` takes; a file of its own, which loads nothing else. */

/** Datasets known by name; any other name is a path (`loadPath`). */
export const DATASET_NAMES = [
  "cifar10",
  "cifar100",
  "imagenet2012",
  "oxford_iiit_pet",
  "oxford_flowers102",
  "svhn",
  "dtd",
  "eurosat",
  "resisc45",
  "folder",
  "sample",
] as const;

/** What a path may be, for messages. */
export const PATH_KINDS =
  "a folder of images, a table (.csv, .tsv, .jsonl) of paths and labels, or a folder or pattern of shards " +
  "(TFRecord, Parquet, webdataset)";
