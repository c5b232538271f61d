#!/bin/sh
# pip before 20.3: `pip download` takes --platform several times without a word and heeds the last one
# only; a wheel for one of the others is "not found". 20.3 heeds all. src/engine/setup/tools.ts therefore
# asks pip for its version first.
#
# Seen with CPython 3.11.7:
#   pip 20.2.4, wheel for the first platform: ERROR: No matching distribution found for fake==1.0
#   pip 20.2.4, wheel for the last platform: found
#   pip 20.3.4, wheel for the first platform: found
#
# Needs Python 3.8 to 3.11 with venv. Ends with 1 where this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
python="$folder/venv/bin/python"
mkdir "$folder/wheels"
# Two wheels of one file each, as the format has them.
"$python" - "$folder/wheels" <<'WHEELS'
import sys, zipfile
for name, tag in (("fake", "manylinux_2_28_x86_64"), ("last", "manylinux2014_x86_64")):
    with zipfile.ZipFile(f"{sys.argv[1]}/{name}-1.0-py3-none-{tag}.whl", "w") as wheel:
        info = f"{name}-1.0.dist-info"
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-{tag}\n")
        wheel.writestr(f"{info}/RECORD", "")
WHEELS
try() {
  rm -rf "$folder/to"
  if "$python" -m pip download --quiet --no-deps --only-binary=:all: --disable-pip-version-check \
    --no-index --find-links "$folder/wheels" --platform manylinux_2_28_x86_64 \
    --platform manylinux2014_x86_64 --dest "$folder/to" "$1==1.0" >"$folder/log" 2>&1; then
    seen=found
  else
    seen=$(grep "No matching distribution" "$folder/log" | tail -1)
  fi
  echo "pip $version, wheel for the $2 platform: $seen"
}
use() {
  version=$1
  "$python" -m pip install --quiet --disable-pip-version-check "pip==$version" 2>/dev/null
}
use 20.2.4
try fake first
old=$seen
try last last
last=$seen
use 20.3.4
try fake first
[ "$old" = "ERROR: No matching distribution found for fake==1.0" ] && [ "$last" = found ] &&
  [ "$seen" = found ]
