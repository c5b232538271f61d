"""FOLDER IMAGES.npy LOGITS.npy: an ONNX model's logits by ONNX Runtime, as it is by default."""
import json
import sys

import numpy as np
import onnxruntime

folder, images, out = sys.argv[1:]
images = np.load(images)
session = onnxruntime.InferenceSession(f"{folder}/model.onnx", providers=["CPUExecutionProvider"])
runs = [session.run(["logits"], {"image": images[i : i + 60]})[0] for i in range(0, len(images), 60)]
np.save(out, np.concatenate(runs))
print(json.dumps(onnxruntime.__version__))
