"""The checkpoints and images that test/deterministic.ts describes, for scripts that make fixtures."""

import math

import numpy as np


def uniform(name, size):
    """`size` numbers in [0, 1) for the tensor called `name`."""
    seed = 2166136261
    for byte in name.encode():
        seed = ((seed ^ byte) * 16777619) & 0xFFFFFFFF
    mask = np.uint64(0xFFFFFFFF)
    a = (np.uint64(seed) + np.arange(1, size + 1, dtype=np.uint64) * np.uint64(0x6D2B79F5)) & mask
    t = ((a ^ (a >> np.uint64(15))) * (a | np.uint64(1))) & mask
    t = t ^ ((t + (((t ^ (t >> np.uint64(7))) * (t | np.uint64(61))) & mask)) & mask)
    return ((t ^ (t >> np.uint64(14))) & mask).astype(np.float64) / 2**32


def values(name, shape):
    """A variable's, rounded to float32. Kernels are HWIO."""
    u = uniform(name, math.prod(shape))
    kind = name.rsplit("/", 1)[1]
    if kind == "kernel":
        u = (2 * u - 1) * math.sqrt(3 / math.prod(shape[:-1]))
    elif kind == "gamma":
        u = 0.75 + 0.5 * u
    elif kind == "beta":
        u = 0.4 * (u - 0.5)
    else:
        u = 0.2 * (u - 0.5)
    return u.astype(np.float32).reshape(shape)


def archive_shape(parameter):
    shape = list(parameter.shape)
    return [shape[2], shape[3], shape[1], shape[0]] if len(shape) == 4 else shape


def images(n, h, w):
    """`[n,h,w,3]` in [-1, 1), float32."""
    return (2 * uniform(f"input/{n}x{h}x{w}x3", n * h * w * 3) - 1).astype(np.float32).reshape(n, h, w, 3)


def labels(n, classes):
    """`[n]` in [0, classes)."""
    return np.floor(uniform(f"labels/{n}", n) * classes).astype(np.int64)


def load(network):
    """Gives a model of bench/torch/model.py its values."""
    network.load_from({name: values(name, archive_shape(p)) for name, p in network.variables()})
