"""Writes test/fixtures/data/shards: small shards as the tools that people use write them.

Run after make-image-fixtures.py, in an environment of its own, from any folder:

    python3 -m venv /tmp/fixtures
    /tmp/fixtures/bin/pip install tensorflow-cpu tensorflow-datasets datasets webdataset
    /tmp/fixtures/bin/python scripts/make-shard-fixtures.py

tfds/NAME/1.0.0 is TensorFlow Datasets' (4.9): `pictures` has two labels and splits of other names,
`sixteen` images of 16 bits, `floats` images of dtype float32, `several` lists of labels. parquet/ is
Hugging Face's `datasets` (5.2), and pyarrow's with other compressions. webdataset/ is webdataset's (1.0).
All hold files of test/fixtures/data/images (see there), or numbers made here: no licence applies to them.
"""

import json
import os
import shutil
import tarfile
from pathlib import Path

os.environ["CUDA_VISIBLE_DEVICES"] = ""

import datasets
import numpy as np
import pyarrow.parquet as pq
import tensorflow_datasets as tfds
import webdataset

DATA = Path(__file__).resolve().parent.parent / "test" / "fixtures" / "data"
ROOT = DATA / "shards"
NAMES = ["crane", "lamp", "machine"]
TRAIN = [
    ("colour.jpg", 0), ("exif-6.jpg", 1), ("rgba.png", 2), ("grey.jpg", 0),
    ("two-frames.gif", 2), ("exif-3.jpg", 1), ("cmyk.jpg", 2),
]
TEST = [("progressive.jpg", 0), ("exif-8.jpg", 1), ("palette.png", 2)]


def contents(name):
    return (DATA / "images" / name).read_bytes()


def write_tfds(name, features, row, splits, keys=None):
    """Writes a dataset of TFDS of so many rows in each of its splits."""

    def info(self):
        made = tfds.features.FeaturesDict(features)
        return tfds.core.DatasetInfo(builder=self, features=made, supervised_keys=keys)

    def examples(self, count):
        for i in range(count):
            yield i, row(i)

    members = {
        "VERSION": tfds.core.Version("1.0.0"),
        "_info": info,
        "_split_generators": lambda self, _: {
            split: self._generate_examples(count) for split, count in splits.items()
        },
        "_generate_examples": examples,
    }
    builder = type(name.capitalize(), (tfds.core.GeneratorBasedBuilder,), members)
    builder(data_dir=str(ROOT / "tfds")).download_and_prepare()


def make_tfds():
    kinds = tfds.features.ClassLabel(names=NAMES)

    def image(dtype, channels=3):
        return tfds.features.Image(shape=(4, 6, channels), dtype=dtype)

    def pixels(i, dtype, channels=3):
        return np.full((4, 6, channels), 20 * i, dtype)

    write_tfds(
        "pictures",
        {"photo": image(np.uint8), "about": {"kind": kinds}, "age": tfds.features.ClassLabel(num_classes=9)},
        lambda i: {"photo": pixels(i, np.uint8), "about": {"kind": i % 3}, "age": i % 2},
        {"Training": 6, "dev": 3, "unsupervised": 2},
        ("photo", "about/kind"),
    )
    write_tfds(
        "sixteen",
        {"image": image(np.uint16), "label": kinds},
        lambda i: {"image": pixels(i, np.uint16) * 256, "label": i % 3},
        {"train": 6},
    )
    write_tfds(
        "floats",
        {"image": image(np.float32, 1), "label": kinds},
        lambda i: {"image": pixels(i, np.float32, 1) / 255, "label": i % 3},
        {"train": 6},
    )
    write_tfds(
        "several",
        {"image": image(np.uint8), "labels": tfds.features.Sequence(kinds)},
        lambda i: {"image": pixels(i, np.uint8), "labels": [0, 1]},
        {"train": 6},
        ("image", "labels"),
    )
    for folder in (ROOT / "tfds").glob("downloads"):
        shutil.rmtree(folder)


def make_parquet():
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=NAMES)}
    )

    def dataset(examples):
        images = [{"bytes": contents(name), "path": name} for name, _ in examples]
        labels = [label for _, label in examples]
        return datasets.Dataset.from_dict({"image": images, "label": labels}, features=features)

    folder = ROOT / "parquet" / "data"
    folder.mkdir(parents=True)
    for i, part in enumerate([TRAIN[:4], TRAIN[4:]]):
        dataset(part).to_parquet(str(folder / f"train-{i:05d}-of-00002.parquet"), batch_size=2)
    dataset(TEST).to_parquet(str(folder / "test-00000-of-00001.parquet"))

    table = pq.read_table(folder / "train-00000-of-00002.parquet")
    others = ROOT / "parquet-compressed"
    others.mkdir()
    for codec in ["none", "snappy", "gzip", "zstd", "brotli", "lz4"]:
        pq.write_table(
            table, others / f"{codec}.parquet", compression=codec, row_group_size=3,
            data_page_version="2.0" if codec in ("gzip", "zstd") else "1.0",
        )
    # Labels in words, and no metadata.
    plain = table.replace_schema_metadata(None).drop_columns(["label"])
    words = plain.append_column("class", [[NAMES[label] for _, label in TRAIN[:4]]])
    pq.write_table(words, others / "words.parquet")

    # Labels of images that lie as files, as the imagefolder of `datasets` also takes them.
    paths = {"file_name": ["a/1.png", "a/2.png", "b/3.png", "b/4.png"], "label": ["x", "x", "y", "y"]}
    (ROOT / "parquet-paths").mkdir()
    datasets.Dataset.from_dict(paths).to_parquet(str(ROOT / "parquet-paths" / "metadata.parquet"))


def nobodys(info):
    return info.replace(uid=0, gid=0, uname="", gname="", deep=False)


def make_webdataset():
    folder = ROOT / "webdataset"
    folder.mkdir(parents=True)
    for part, examples in [("train", TRAIN), ("val", TEST)]:
        with webdataset.ShardWriter(f"{folder}/{part}-%06d.tar", maxcount=4, mtime=0) as writer:
            for i, (name, label) in enumerate(examples):
                extension = name.split(".")[1]
                sample = {"__key__": f"{part}.v1/{i:04d}", extension: contents(name), "cls": label}
                writer.write({**sample, "seg.png": contents("rgba.png"), "json": {"width": 32}})
    (folder / "classnames.txt").write_text("\n".join(NAMES) + "\n")
    # Long names, as tar and Python write them.
    for kind in ["GNU", "PAX"]:
        with tarfile.open(ROOT / f"{kind.lower()}.tar", "w", format=getattr(tarfile, f"{kind}_FORMAT")) as tar:
            for i, (name, label) in enumerate(TRAIN[:4]):
                key = f"{'a' * 90}/{'b' * 90}/{i}é"
                for extension, data in [(name.split(".")[1], contents(name)), ("json", label)]:
                    if extension == "json":
                        data = json.dumps({"label": NAMES[label]}).encode()
                    path = ROOT / "member"
                    path.write_bytes(data)
                    os.utime(path, (0, 0))
                    tar.add(path, f"{key}.{extension}", filter=nobodys)
    (ROOT / "member").unlink()


def main():
    shutil.rmtree(ROOT, ignore_errors=True)
    ROOT.mkdir(parents=True)
    make_tfds()
    make_parquet()
    make_webdataset()


if __name__ == "__main__":
    main()
