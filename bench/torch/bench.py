"""Measures PyTorch as bit-train is measured. Each subcommand prints one JSON object with the names
of `bit-bench --json`. The model is in model.py; `python bench.py COMMAND --help` lists the flags."""

import argparse
import contextlib
import json
import os
import resource
import time

SETTINGS = ("fp32", "channels_last", "compile", "bf16", "compile_bf16")


class Clock:
    """Times steps: wall time, processor time with all child processes, what other programs took."""

    def __init__(self, children=()):
        self.pids = [os.getpid(), *children]
        self.wall, self.cpu = [], []
        self.begun = (self._all_cores(), self._own())

    @staticmethod
    def _all_cores():
        with open("/proc/stat") as file:
            user, nice, system, idle, iowait, irq, softirq, *_ = map(int, file.readline().split()[1:])
        return user + nice + system + irq, idle

    def _own(self):
        """Processor time in hundredths of a second, of all threads."""
        ticks = 0
        for pid in self.pids:
            with open(f"/proc/{pid}/stat") as file:
                ticks += sum(map(int, file.read().rpartition(")")[2].split()[11:13]))
        return ticks

    def step(self, work):
        cpu, start = time.process_time(), time.perf_counter()
        result = work()
        self.wall.append(1000 * (time.perf_counter() - start))
        self.cpu.append(1000 * (time.process_time() - cpu))
        return result

    def report(self, **more):
        (busy, idle), own = self._all_cores(), self._own()
        (busy0, idle0), own0 = self.begun
        total = busy - busy0 + idle - idle0
        other = (busy - busy0 - (own - own0)) / total if total > 0 else 0
        return {
            "steps_ms": self.wall,
            "steps_cpu_ms": self.cpu,
            "other_cpu_share": min(1, max(0, other)),
            "peak_rss_bytes": 1024 * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss,
            **more,
        }


def make_step(net, mode, setting, images, labels):
    """One step as a function that returns the mean loss: images lie in memory, as on our side."""
    import torch
    import torch.nn.functional as F

    if setting != "fp32":
        net, images = net.to(memory_format=torch.channels_last), images.contiguous(memory_format=torch.channels_last)
    forward = torch.compile(net) if setting.startswith("compile") else net
    half = setting.endswith("bf16")
    precision = (lambda: torch.autocast("cpu", torch.bfloat16)) if half else contextlib.nullcontext
    if mode == "eval":
        net.eval()

        def evaluate():
            with torch.inference_mode(), precision():
                logits = forward(images).float()
                logits.topk(min(5, logits.shape[1])).indices.numpy()
                return F.cross_entropy(logits, labels, reduction="none").mean().item()

        return evaluate

    optimizer = torch.optim.SGD(net.parameters(), lr=1e-4, momentum=0.9)

    def train():
        optimizer.zero_grad(set_to_none=True)
        with precision():
            logits = forward(images)
        loss = F.cross_entropy(logits.float(), labels)
        loss.backward()
        optimizer.step()
        return loss.item()

    return train


def random_batch(flags):
    import torch

    generator = torch.Generator().manual_seed(1)
    images = torch.empty(flags.batch, 3, flags.resolution, flags.resolution)
    return images.uniform_(-1, 1, generator=generator), torch.arange(flags.batch) % flags.classes


def step(flags):
    import torch
    from model import BiT

    net = BiT(flags.model, flags.classes)
    net.initialize()
    run = make_step(net, flags.mode, flags.setting, *random_batch(flags))
    first = Clock()
    losses = [first.step(run)]
    for _ in range(flags.warmup):
        run()
    clock = Clock()
    losses += [clock.step(run) for _ in range(flags.steps)]
    return clock.report(
        batch=flags.batch,
        first_step_ms=first.wall[0],
        first_loss=losses[0],
        last_loss=losses[-1],
        threads=torch.get_num_threads(),
    )


def logits(flags):
    import numpy as np
    import torch
    from model import BiT

    with np.load(flags.archive) as archive:
        net = BiT(flags.model, archive["resnet/head/conv2d/bias"].size)
        net.load_from(archive)
    images = torch.from_numpy(np.load(flags.images).transpose(0, 3, 1, 2).copy())
    with torch.inference_mode():
        np.save(flags.out, net.eval()(images).numpy())
    return {}


def read(flags):
    import numpy as np

    def load():
        with np.load(flags.archive) as archive:
            return sum(archive[name].size for name in archive.files)

    # The first time brings the file into the system's cache.
    load()
    clock = Clock()
    for _ in range(flags.steps):
        clock.step(load)
    return clock.report(batch=1)


def first_step(flags):
    """As fine-tuning starts: weights of an archive, a new head of zeros, one step."""
    import numpy as np
    from model import BiT

    net = BiT(flags.model, flags.classes)
    with np.load(flags.archive) as archive:
        net.load_from(archive, zero_head=True)
    make_step(net, "train", flags.setting, *random_batch(flags))()
    return {"finished_unix_ms": 1000 * time.time()}


def versions(flags):
    import platform

    import numpy
    import PIL
    import torch

    return {
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": numpy.__version__,
        "pillow": PIL.__version__,
        "threads": torch.get_num_threads(),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
    }


class Photos:
    """A folder of class folders as a data set: decode, resize, crop, flip, normalize."""

    def __init__(self, folder, count, resize, crop):
        classes = sorted(entry.name for entry in os.scandir(folder))
        self.files = [
            (os.path.join(folder, name, file), label)
            for label, name in enumerate(classes)
            for file in sorted(os.listdir(os.path.join(folder, name)))
        ]
        self.count, self.resize, self.crop = count, resize, crop

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        import numpy as np
        import torch
        from PIL import Image

        path, label = self.files[index % len(self.files)]
        with Image.open(path) as file:
            image = file.convert("RGB").resize((self.resize, self.resize), Image.Resampling.BILINEAR)
        top, left, flip = torch.randint(0, self.resize - self.crop + 1, (3,)).tolist()
        image = image.crop((left, top, left + self.crop, top + self.crop))
        if flip % 2 == 1:
            image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        pixels = torch.from_numpy(np.asarray(image).copy()).permute(2, 0, 1)
        return pixels.float().div_(127.5).sub_(1), label


def images(flags):
    """Each step of the report is a window of several batches."""
    from torch.utils.data import DataLoader

    window = flags.window
    count = flags.batch * window * (flags.warmup + flags.steps)
    photos = Photos(flags.folder, count, flags.resize, flags.crop)
    loader = DataLoader(photos, flags.batch, shuffle=True, num_workers=flags.workers, persistent_workers=True)
    batches = iter(loader)
    take = lambda: [next(batches)[1] for _ in range(window)]
    for _ in range(flags.warmup):
        take()
    clock = Clock([worker.pid for worker in batches._workers])
    for _ in range(flags.steps):
        clock.step(take)
    return clock.report(batch=flags.batch * window)


def parse():
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    flags = {
        "model": {"default": "R50x1"},
        "mode": {"choices": ("train", "eval"), "default": "train"},
        "setting": {"choices": SETTINGS, "default": "fp32"},
        "archive": {"required": True},
        "images": {"required": True},
        "out": {"required": True},
        "folder": {"required": True},
        **{name: {"type": int, "default": value} for name, value in {
            "batch": 32, "resolution": 128, "classes": 10, "steps": 5, "warmup": 1,
            "resize": 512, "crop": 480, "workers": os.cpu_count(), "window": 2,
        }.items()},
    }
    takes = {
        versions: "",
        step: "model mode batch resolution classes setting steps warmup",
        logits: "model archive images out",
        read: "archive steps",
        first_step: "model archive classes batch resolution setting",
        images: "folder resize crop batch workers window steps warmup",
    }
    for function, names in takes.items():
        command = commands.add_parser(function.__name__.replace("_", "-"))
        command.set_defaults(run=function)
        for name in names.split():
            command.add_argument(f"--{name}", **flags[name])
    return parser.parse_args()


if __name__ == "__main__":
    chosen = parse()
    print(json.dumps(chosen.run(chosen)))
