"""Features of a folder of photos by PyTorch, and the photos: what bench/features/compare.ts measures bit-train against.

`python features.py photos SOURCE... --out FOLDER --count N` makes JPEG files of 500 x 375 pixels out of photos, by crops,
mirrors and shades that the number of each decides. `python features.py extract FOLDER ARCHIVE OUT.npy --setting S` writes
float32 [images, channels], and prints one JSON object: seconds and processor time from the open libraries on, with
weights, workers and decoding."""

import argparse
import json
import os
import resource
import sys
import time

SETTINGS = ("own", "own_channels_last", "timm", "timm_channels_last", "timm_channels_last_torchvision")


def photos(flags):
    from PIL import Image, ImageEnhance

    sources = [Image.open(path).convert("RGB") for path in flags.sources]
    os.makedirs(flags.out, exist_ok=True)
    for i in range(flags.count):
        number = lambda salt: ((i * 7919 + salt * 104729) * 2654435761 % 2**32) / 2**32
        source = sources[i % len(sources)]
        share = 0.5 + 0.5 * number(1)
        width, height = round(source.width * share), round(source.height * share)
        left, top = round((source.width - width) * number(2)), round((source.height - height) * number(3))
        photo = source.crop((left, top, left + width, top + height)).resize((500, 375), Image.Resampling.LANCZOS)
        if number(4) < 0.5:
            photo = photo.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        photo = ImageEnhance.Brightness(photo).enhance(0.7 + 0.6 * number(5))
        photo.save(os.path.join(flags.out, f"{i:04d}.jpg"), quality=90)


def spent():
    """Processor time of this process and of those that it has waited for, in seconds."""
    uses = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(use.ru_utime + use.ru_stime for use in uses)


def model_of(setting, archive):
    import numpy as np
    import torch

    if setting.startswith("timm"):
        import timm

        net = timm.create_model("resnetv2_50x1_bit", num_classes=1000)
        net.load_pretrained(archive)
        forward = lambda images: net.forward_head(net.forward_features(images), pre_logits=True)
    else:
        sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "torch"))
        from model import BiT

        with np.load(archive) as arrays:
            net = BiT("R50x1", arrays["resnet/head/conv2d/bias"].size)
            net.load_from(arrays)
        net.head = torch.nn.Identity()
        forward = net
    net.eval()
    if "channels_last" in setting:
        net.to(memory_format=torch.channels_last)
    return forward


class Folder:
    def __init__(self, folder, size, torchvision):
        self.paths = [os.path.join(folder, name) for name in sorted(os.listdir(folder))]
        self.size, self.torchvision = size, torchvision

    def __len__(self):
        return len(self.paths)

    def __getitem__(self, index):
        import numpy as np
        import torch

        if self.torchvision:
            from torchvision.io import ImageReadMode, decode_image
            from torchvision.transforms.v2.functional import resize

            pixels = decode_image(self.paths[index], ImageReadMode.RGB)
            return resize(pixels, [self.size, self.size], antialias=True)
        from PIL import Image

        with Image.open(self.paths[index]) as file:
            image = file.convert("RGB").resize((self.size, self.size), Image.Resampling.BILINEAR)
        return torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)


def extract(flags):
    import numpy as np
    import torch
    import torchvision  # noqa: F401
    from torch.utils.data import DataLoader

    if flags.setting.startswith("timm"):
        import timm  # noqa: F401
    begun, cpu = time.perf_counter(), spent()
    forward = model_of(flags.setting, flags.archive)
    photos = Folder(flags.folder, flags.size, flags.setting.endswith("torchvision"))
    loader = DataLoader(photos, flags.batch, num_workers=flags.workers)
    rows = []
    with torch.inference_mode():
        for pixels in loader:
            images = pixels.float().div_(127.5).sub_(1)
            if "channels_last" in flags.setting:
                images = images.contiguous(memory_format=torch.channels_last)
            rows.append(forward(images).flatten(1).float().numpy())
    # Workers count once they have ended.
    del loader
    features = np.concatenate(rows)
    np.save(flags.out, features)
    seconds = time.perf_counter() - begun
    print(json.dumps({"seconds": seconds, "cpu_seconds": spent() - cpu, "shape": features.shape,
                      "torch": torch.__version__, "threads": torch.get_num_threads()}))


parser = argparse.ArgumentParser(description=__doc__)
commands = parser.add_subparsers(required=True)
command = commands.add_parser("photos")
command.add_argument("sources", nargs="+")
command.add_argument("--out", required=True)
command.add_argument("--count", type=int, default=1000)
command.set_defaults(run=photos)
command = commands.add_parser("extract")
for name in ("folder", "archive", "out"):
    command.add_argument(name)
command.add_argument("--setting", choices=SETTINGS, default="own_channels_last")
for name, default in (("size", 224), ("batch", 32), ("workers", 2)):
    command.add_argument(f"--{name}", type=int, default=default)
command.set_defaults(run=extract)
chosen = parser.parse_args()
chosen.run(chosen)
