"""Makes assets/imagenet-1k.tsv and assets/imagenet-21k.tsv: WordNet id and name of each class.

Both lists come in the order of the outputs of Google's models. They are taken from the wheel of timm:
    pip download --no-deps timm==1.0.20 --dest WHEELS
    python scripts/make-imagenet-classes.py WHEELS/timm-1.0.20-py3-none-any.whl
"""

import pathlib
import sys
import zipfile

assets = pathlib.Path(__file__).resolve().parent.parent / "assets"
wheel = zipfile.ZipFile(sys.argv[1])


def lines(name):
    return wheel.read(f"timm/data/_info/{name}.txt").decode("utf-8").splitlines()


lemmas = dict(line.split("\t", 1) for line in lines("imagenet_synset_to_lemma"))
for target, source, count in [
    ("imagenet-1k", "imagenet_synsets", 1000),
    ("imagenet-21k", "imagenet21k_goog_synsets", 21_843),
]:
    ids = [line.strip() for line in lines(source)]
    assert len(set(ids)) == count, len(set(ids))
    rows = [f"{id}\t{lemmas[id].split(',')[0].strip()}\n" for id in ids]
    (assets / f"{target}.tsv").write_text("".join(rows), encoding="utf-8")
