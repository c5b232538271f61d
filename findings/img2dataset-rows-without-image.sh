#!/bin/sh
# img2dataset leaves an image that it could not download out of its formats files and webdataset, but writes a row
# without an image, with the label, into the shards of its format parquet: a reader that counts rows counts images
# that are not there. bit-train refuses such rows by name.
#
# Seen with CPython 3.11, img2dataset 1.47.0:
#   files 3 images, webdataset 3 images, parquet 4 rows: 3 images, failed_to_download without one
#
# Needs Python 3.11 with venv, 700 MB, and a port on 127.0.0.1. Ends with 1 where this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check img2dataset==1.47.0
cat >"$folder/download.py" <<'PROGRAM'
import functools
import http.server
import sys
import tarfile
import threading
from pathlib import Path

import cv2
import numpy as np
import pandas as pd
from img2dataset import download


class Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


# img2dataset's processes import this file.
if __name__ == "__main__":
    root = Path(sys.argv[1])
    (root / "source").mkdir()
    for i in range(3):
        cv2.imwrite(str(root / "source" / f"{i}.jpg"), np.full((32, 32, 3), 80 * i, np.uint8))
    handler = functools.partial(Quiet, directory=str(root / "source"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    # There is no 3.jpg.
    rows = [
        {"url": f"http://127.0.0.1:{server.server_address[1]}/{i}.jpg", "label": ["cat", "dog"][i % 2]}
        for i in range(4)
    ]
    table = root / "list.parquet"
    pd.DataFrame(rows).to_parquet(table)
    for form in ["files", "webdataset", "parquet"]:
        download(
            url_list=str(table),
            input_format="parquet",
            output_format=form,
            output_folder=str(root / form),
            save_additional_columns=["label"],
            processes_count=1,
            thread_count=1,
            retries=0,
        )
    files = len(list((root / "files").rglob("*.jpg")))
    with tarfile.open(root / "webdataset" / "00000.tar") as tar:
        tars = sum(name.endswith(".jpg") for name in tar.getnames())
    shard = pd.read_parquet(root / "parquet" / "00000.parquet")
    without = shard[shard.jpg.isna()]
    print(
        f"files {files} images, webdataset {tars} images, parquet {len(shard)} rows: "
        f"{len(shard) - len(without)} images, {' '.join(without.status)} without one"
    )
PROGRAM
"$folder/venv/bin/python" -W ignore "$folder/download.py" "$folder" 2>"$folder/log" | tail -n 1 | tee "$folder/seen"
grep -q '^files 3 images, webdataset 3 images, parquet 4 rows: 3 images, failed_to_download without one$' "$folder/seen"
