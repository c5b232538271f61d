#!/bin/sh
# XLA turns a sum over sums into one sum over all, also where the sums in between are a result of their own
# and so are made anyway: of sums over each image's pixels, and of those over the images, each reads every
# pixel. A gradient of group normalization has such pairs (the sums for its input, and for gamma and beta);
# on a GPU they read the images once more. An optimization_barrier between the two keeps them apart, which
# is what src/graph/stablehlo/operators.ts writes.
#
# Seen with CPython 3.11, jax 0.10.2 and its jaxlib, on the CPU:
#   plain: 2 of 2 sums read the images; with a barrier: 1 of 2
#
# Needs Python 3.11 or newer with venv. Ends with 1 where this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  jax==0.10.2 jaxlib==0.10.2 numpy==2.4.1
JAX_PLATFORMS=cpu "$folder/venv/bin/python" - <<'PROGRAM'
import re, sys
import jax, jax.numpy as jnp

def sums(between):
    def both(x):
        per_image = between(x.sum((1, 2)))
        return per_image, per_image.sum(0)
    return both

def reading_images(function):
    """How many of the program's sums have the images themselves as their operand."""
    images = jnp.ones((16, 32, 32, 8), jnp.float32)
    text = jax.jit(function).lower(images).compile().as_text()
    entry = text[text.index("ENTRY "):]
    return len(re.findall(r"= f32\[(?:16,8|8)\]\S* (?:fusion|reduce)\(%x", entry))

plain = reading_images(sums(lambda values: values))
apart = reading_images(sums(jax.lax.optimization_barrier))
print(f"plain: {plain} of 2 sums read the images; with a barrier: {apart} of 2")
sys.exit((plain, apart) != (2, 1))
PROGRAM
