"""A fine-tuning as timm's train.py does it, on a processor: timm's model, loaders, optimizer, scheduler and checkpoints.

As `train.py PHOTOS --model M --initial-checkpoint ARCHIVE --opt momentum --channels-last --scale S S --ratio R R
--color-jitter 0 --crop-pct 1 ...` would: images are cropped as bit-train crops them, the schedule is the BiT-HyperRule's
for so many steps, and evaluations and checkpoints come at the same steps. The last line is JSON."""

import argparse
import contextlib
import json
import sys

import torch


def name_operators():
    """Names torchvision's operators where they do not load, as beside a PyTorch for CPUs alone: timm imports it, calls none."""
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "FRAGMENT")
        for name in ("nms", "qnms"):
            library.define(f"{name}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
        return library  # its names last as long as it does


operators = name_operators()

import timm  # noqa: E402
from timm.data import create_dataset, create_loader, resolve_model_data_config  # noqa: E402
from timm.optim import create_optimizer_v2  # noqa: E402
from timm.scheduler import MultiStepLRScheduler  # noqa: E402
from timm.utils import AverageMeter, CheckpointSaver, accuracy  # noqa: E402


def loaders(flags, model):
    config = resolve_model_data_config(model)
    given = dict(
        input_size=(3, flags.crop, flags.crop), batch_size=flags.batch, num_workers=flags.workers,
        interpolation="bilinear", mean=config["mean"], std=config["std"], device=torch.device("cpu"),
    )
    # Of an image of 4:3 that is resized to a square whole, the square that is cropped is 4:3 too.
    share, ratio = (flags.crop / flags.resize) ** 2, 4 / 3
    train = create_loader(
        create_dataset("", root=flags.photos, split="train", is_training=True),
        is_training=True, scale=(share, share), ratio=(ratio, ratio), hflip=0.5, color_jitter=0.0, **given,
    )
    val = create_loader(
        create_dataset("", root=flags.photos, split="val"), crop_pct=1.0, crop_mode="squash", **given
    )
    return train, val


def main(flags):
    torch.manual_seed(0)
    # Settings are named as in bench.py.
    half = flags.setting.endswith("bf16")
    autocast = (lambda: torch.autocast("cpu", torch.bfloat16)) if half else contextlib.nullcontext
    train_set = create_dataset("", root=flags.photos, split="train")
    classes = len(train_set.reader.class_to_idx)
    net = timm.create_model(flags.model, num_classes=classes, checkpoint_path=flags.archive)
    net.head.fc.weight.data.zero_()
    net = net.to(memory_format=torch.channels_last)
    train, val = loaders(flags, net)
    optimizer = create_optimizer_v2(net, "momentum", lr=0.003, weight_decay=0.0, momentum=0.9)
    model = torch.compile(net) if flags.setting.startswith("compile") else net
    loss_of = torch.nn.CrossEntropyLoss()
    fifth = flags.steps / 5
    scheduler = MultiStepLRScheduler(
        optimizer, decay_t=[round(fifth * i) for i in (2, 3, 4)], decay_rate=0.1,
        warmup_t=round(fifth), warmup_prefix=False, t_in_epochs=False,
    )
    saver = CheckpointSaver(
        net, optimizer, checkpoint_dir=flags.out, recovery_dir=flags.out, max_history=2
    )

    def evaluate():
        model.eval()
        top1, losses = AverageMeter(), AverageMeter()
        with torch.inference_mode():
            for images, labels in val:
                images = images.contiguous(memory_format=torch.channels_last)
                with autocast():
                    logits = model(images)
                losses.update(loss_of(logits.float(), labels).item(), len(images))
                top1.update(accuracy(logits, labels, topk=(1,))[0].item(), len(images))
        model.train()
        return top1.avg, losses.avg

    step, first, last = 0, None, None
    model.train()
    while step < flags.steps:
        for images, labels in train:
            images = images.contiguous(memory_format=torch.channels_last)
            with autocast():
                loss = loss_of(model(images).float(), labels)
            last = loss.item()
            first = last if first is None else first
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            step += 1
            scheduler.step_update(num_updates=step)
            if step % flags.eval_every == 0 or step == flags.steps:
                top1, val_loss = evaluate()
                saver.save_checkpoint(step, metric=top1)
            if step == flags.steps:
                break
    print(json.dumps({"top1": top1 / 100, "val_loss": val_loss, "first_loss": first, "last_loss": last}))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    for name in ("model", "archive", "photos", "out"):
        parser.add_argument(f"--{name}", required=True)
    parser.add_argument("--setting", default="channels_last")
    for name, default in (("batch", 32), ("resize", 160), ("crop", 128), ("steps", 200), ("eval_every", 100), ("workers", 2)):
        parser.add_argument(f"--{name}", type=int, default=default)
    main(parser.parse_args())
