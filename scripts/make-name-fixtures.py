"""Makes test/fixtures/archive/names.json: what other tools call BiT's variables.

Each tool's own loader is given an official archive in which every array holds a number of its own,
and what it made of it is read back: the loaders tell which name is which, not we. Needs torch and
timm, and clones of two repositories:

    git clone https://github.com/google-research/big_transfer
    git clone https://github.com/google-research/big_vision
    python scripts/make-name-fixtures.py big_transfer big_vision

The names are facts of these Apache-2.0 projects; no code or value of theirs is in the result.
"""

import collections
import json
import re
import sys
import types
from pathlib import Path

import numpy as np
import torch

UNITS = [2, 1, 1, 1]
CLASSES = 10


def official_archive():
    """Official names and shapes of a small network, each filled with its index."""
    shapes = {"resnet/root_block/standardized_conv2d/kernel": (7, 7, 3, 64)}
    channels = 64
    for block, count in enumerate(UNITS):
        mid = 64 * 2**block
        for unit in range(1, count + 1):
            path = f"resnet/block{block + 1}/unit{unit:02d}"
            for part, size, inputs, outputs in (
                ("a", 1, channels, mid),
                ("b", 3, mid, mid),
                ("c", 1, mid, 4 * mid),
            ):
                shapes[f"{path}/{part}/standardized_conv2d/kernel"] = (size, size, inputs, outputs)
                shapes[f"{path}/{part}/group_norm/gamma"] = (inputs,)
                shapes[f"{path}/{part}/group_norm/beta"] = (inputs,)
            if unit == 1:
                shapes[f"{path}/a/proj/standardized_conv2d/kernel"] = (1, 1, channels, 4 * mid)
            channels = 4 * mid
    shapes["resnet/group_norm/gamma"] = (channels,)
    shapes["resnet/group_norm/beta"] = (channels,)
    shapes["resnet/head/conv2d/kernel"] = (1, 1, channels, CLASSES)
    shapes["resnet/head/conv2d/bias"] = (CLASSES,)
    return {
        name: np.full(shape, index, dtype=np.float32)
        for index, (name, shape) in enumerate(shapes.items(), start=1)
    }


def described(official, arrays):
    """Rows of the tool's name, its shape and the official name."""
    names = list(official)
    rows = []
    for name, array in arrays.items():
        array = np.asarray(array)
        numbers = set(np.unique(array).tolist())
        assert len(numbers) == 1, name
        (number,) = numbers
        rows.append([name, list(array.shape), names[int(number) - 1] if number else None])
    return rows


def flat(tree, prefix=""):
    for key, value in tree.items():
        path = f"{prefix}/{key}" if prefix else key
        if isinstance(value, dict):
            yield from flat(value, path)
        else:
            yield path, value


def nested():
    return collections.defaultdict(nested)


def function_of(source, name, **around):
    """One function of a module whose imports are not needed."""
    text = re.search(rf"^def {name}\(.*?(?=^\S|\Z)", source, re.M | re.S).group(0)
    space = {"re": re, "np": np, **around}
    exec(text, space)
    return space[name]


def main(big_transfer, big_vision):
    official = official_archive()
    result = {}

    sys.path.insert(0, str(big_transfer))
    from bit_pytorch.models import ResNetV2

    model = ResNetV2(UNITS, 1, head_size=CLASSES)
    model.load_from(official)
    result["bit_pytorch"] = described(official, model.state_dict())

    from timm.models import resnetv2

    model = resnetv2.ResNetV2(
        layers=UNITS, num_classes=CLASSES, stem_type="fixed", conv_layer=resnetv2.StdConv2d
    )
    archive = Path("/tmp/official-names.npz")
    np.savez(archive, **official)
    model.load_pretrained(archive)
    archive.unlink()
    result["timm"] = described(official, model.state_dict())

    source = (big_transfer / "bit_jax/tf2jax.py").read_text()
    params = nested()
    # The loader makes a head of zeros; its names come from the model that calls it.
    params["conv_head"]["kernel"] = official["resnet/head/conv2d/kernel"][0, 0]
    function_of(source, "transform_params")(params, official, CLASSES)
    params["conv_head"]["kernel"] = official["resnet/head/conv2d/kernel"][0, 0]
    params["conv_head"]["bias"] = official["resnet/head/conv2d/bias"]
    result["bit_jax"] = described(official, dict(flat(params)))

    source = (big_vision / "big_vision/models/bit_paper.py").read_text()
    utils = types.SimpleNamespace(tree_flatten_with_names=lambda tree: (list(flat(tree)), None))
    convert = function_of(source, "maybe_convert_big_transfer_format", u=utils)
    tree = nested()
    for name, array in official.items():
        *path, last = name.split("/")
        node = tree
        for part in path:
            node = node[part]
        node[last] = array
    result["big_vision"] = described(official, dict(flat(convert(tree))))

    target = Path(__file__).parents[1] / "test/fixtures/archive/names.json"
    rows = ",\n".join(
        f'  "{tool}": [\n' + ",\n".join(f"    {json.dumps(row)}" for row in rows) + "\n  ]"
        for tool, rows in result.items()
    )
    target.write_text("{\n" + rows + "\n}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
