"""Writes test/fixtures/data/tfrecord: small TFRecord shards, written by TensorFlow itself.

Run after make-image-fixtures.py, in an environment with TensorFlow, from any folder:

    python3 -m venv /tmp/fixtures && /tmp/fixtures/bin/pip install tensorflow-cpu
    /tmp/fixtures/bin/python scripts/make-tfrecord-fixtures.py

slim/ is as the scripts for ImageNet and TF-Slim write it: image/encoded, image/class/label from 1 on,
image/class/text, and features that nobody here asks for. tfds/ is as TensorFlow Datasets writes it:
image, label from 0 on, and the classes' names beside. Both hold the same files of
test/fixtures/data/images, in this order.
"""

import shutil
from pathlib import Path

import tensorflow as tf

DATA = Path(__file__).resolve().parent.parent / "test" / "fixtures" / "data"
CLASSES = ["crane", "lamp", "crane"]
SHARDS = {
    ("train", 0, 2): [("colour.jpg", 0), ("exif-6.jpg", 1), ("rgba.png", 2), ("grey.jpg", 0)],
    ("train", 1, 2): [("two-frames.gif", 2), ("exif-3.jpg", 1), ("cmyk.jpg", 2)],
    ("validation", 0, 1): [("progressive.jpg", 0), ("exif-8.jpg", 1), ("palette.png", 2)],
}


def of_bytes(value):
    return tf.train.Feature(bytes_list=tf.train.BytesList(value=[value]))


def of_ints(*values):
    return tf.train.Feature(int64_list=tf.train.Int64List(value=values))


def slim(name, label, contents):
    return {
        "image/encoded": of_bytes(contents),
        "image/class/label": of_ints(label + 1),
        "image/class/text": of_bytes(CLASSES[label].encode()),
        "image/filename": of_bytes(name.encode()),
        "image/object/bbox/xmin": tf.train.Feature(float_list=tf.train.FloatList(value=[0.25, 0.5])),
        "image/object/bbox/label": of_ints(label, 300, -1),
    }


def tfds(name, label, contents):
    return {
        "file_name": of_bytes(name.encode()),
        "image": of_bytes(contents),
        "label": of_ints(label),
    }


def write(folder, file_name, features):
    folder.mkdir(parents=True)
    for (part, number, count), examples in SHARDS.items():
        path = folder / file_name(part, number, count)
        with tf.io.TFRecordWriter(str(path)) as writer:
            for name, label in examples:
                contents = (DATA / "images" / name).read_bytes()
                made = tf.train.Features(feature=features(name, label, contents))
                example = tf.train.Example(features=made)
                writer.write(example.SerializeToString(deterministic=True))


def main():
    root = DATA / "tfrecord"
    shutil.rmtree(root, ignore_errors=True)
    write(root / "slim", lambda *shard: "%s-%05d-of-%05d" % shard, slim)
    write(root / "tfds", lambda *shard: "mini-%s.tfrecord-%05d-of-%05d" % shard, tfds)
    names = [name if i < 2 else "machine" for i, name in enumerate(CLASSES)]
    (root / "tfds" / "label.labels.txt").write_text("\n".join(names) + "\n")


if __name__ == "__main__":
    main()
