"""Reads a SavedModel in the ways of TensorFlow 2, Keras and TensorFlow 1: FOLDER FILES; prints JSON."""
import json
import os
import sys
import tempfile

import keras
import numpy as np
import tensorflow as tf
from PIL import Image

folder, *files = sys.argv[1:]
with open(os.path.join(folder, "golden.json")) as file:
    golden = json.load(file)["images"]
levels = [np.asarray(Image.open(os.path.join(folder, one["file"])).convert("RGB")) for one in golden]
images = (np.stack(levels).astype(np.float32) - 127.5) / 127.5
expected = np.array([one["logits"] for one in golden])


def off(logits):
    spread = expected.max(1) - expected.min(1)
    return float((np.abs(np.asarray(logits) - expected).max(1) / spread).max())


model = tf.saved_model.load(folder)
serve = model.signatures["serving_default"]
ways = {"load": off(serve(image=tf.constant(images))["logits"])}
ways["keras"] = off(keras.layers.TFSMLayer(folder, call_endpoint="serving_default")(images)["logits"])
with tf.Graph().as_default(), tf.compat.v1.Session() as session:
    signature = tf.compat.v1.saved_model.load(session, ["serve"], folder).signature_def["serving_default"]
    fed = {signature.inputs["image"].name: images}
    ways["session"] = off(session.run(signature.outputs["logits"].name, fed))
with tempfile.TemporaryDirectory() as again:
    tf.saved_model.save(model, again, signatures=model.signatures)
    ways["saved again"] = off(
        tf.saved_model.load(again).signatures["serving_default"](image=tf.constant(images))["logits"]
    )

odd = [
    list(serve(image=tf.zeros(shape))["logits"].shape) for shape in [(1, 37, 90, 3), (3, 61, 45, 3)]
]
with tf.GradientTape() as tape:
    loss = tf.reduce_sum(serve(image=tf.constant(images))["logits"] ** 2)
gradients = [one for one in tape.gradient(loss, model.variables) if one is not None]
contents = [open(path, "rb").read() for path in files]
logits = model.signatures["image_bytes"](image_bytes=tf.constant(contents))["logits"].numpy()
print(
    json.dumps(
        {
            "signatures": list(model.signatures),
            "variables": [
                len(model.variables),
                sum(one.trainable for one in model.variables),
                model.variables[0].dtype.name,
            ],
            "golden": ways,
            "odd": odd,
            "gradients": len(gradients),
            "logits": logits.tolist(),
        }
    )
)
