"""READER FOLDER IMAGES.npy LOGITS.npy: a SavedModel's logits by tf.saved_model.load or by Keras's TFSMLayer."""
import json
import sys

import keras
import numpy as np
import tensorflow as tf

reader, folder, images, out = sys.argv[1:]
images = np.load(images)
if reader == "keras":
    layer = keras.layers.TFSMLayer(folder, call_endpoint="serving_default")
    call = lambda batch: layer(batch)["logits"]
else:
    serve = tf.saved_model.load(folder).signatures["serving_default"]
    call = lambda batch: serve(image=tf.constant(batch))["logits"]
np.save(out, np.concatenate([call(images[i : i + 60]).numpy() for i in range(0, len(images), 60)]))
print(json.dumps(keras.__version__ if reader == "keras" else tf.__version__))
