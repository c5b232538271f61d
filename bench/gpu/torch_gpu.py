"""PyTorch's BiT on a GPU (or cpu, to try the script): each setting warmed up, then timed in windows. The best is the
bar. Prints one JSON object a line after `@ `; `--warm` only fills the compiler's cache."""

import argparse
import json
import os
import sys
import time

os.environ.setdefault("PYTORCH_CUDA_ALLOC_CONF", "expandable_segments:True")
import torch
import torch.nn.functional as F

sys.path.insert(0, os.environ.get("BIT_TORCH_MODEL", os.path.join(os.path.dirname(__file__), "../torch")))
from model import BiT, Unit

p = argparse.ArgumentParser(description=__doc__)
p.add_argument("--device", default="cuda")
p.add_argument("--part", default="torch")
p.add_argument("--model", default="R50x1")
p.add_argument("--mode", choices=("train", "eval"), default="train")
p.add_argument("--batch", default="128", help="a list: the first that fits is measured")
p.add_argument("--size", type=int, default=128)
p.add_argument("--settings", required=True, help="such as eager,compile,graph,max,whole,regional, each with -nchw or without")
p.add_argument("--windows", type=int, default=7)
p.add_argument("--seconds", type=float, default=0.35)
p.add_argument("--warm", action="store_true")
a = p.parse_args()
cuda = a.device == "cuda"
torch.backends.cudnn.benchmark = True
torch.backends.cudnn.allow_tf32 = True
torch.set_float32_matmul_precision("high")
torch._dynamo.config.recompile_limit = 64  # units of one class have many shapes
modes = {"compile": "default", "whole": "default", "graph": "reduce-overhead", "max": "max-autotune"}


def say(**finding):
    print("@ " + json.dumps({"part": a.part, **finding}), flush=True)


def sync():
    if cuda:
        torch.cuda.synchronize()


def made(kind, layout, batch):
    """A function that runs a step and returns what a user reads: the loss, or losses and best classes."""
    net = BiT(a.model, 10)
    net.initialize()
    net = net.to(a.device).to(memory_format=layout)
    x = torch.rand(batch, 3, a.size, a.size, device=a.device).mul_(2).sub_(1).contiguous(memory_format=layout)
    y = torch.arange(batch, device=a.device) % 10
    if kind == "regional":
        for module in net.modules():
            if isinstance(module, Unit):
                module.compile()
    f = torch.compile(net, mode=modes[kind]) if kind in modes else net
    autocast = lambda: torch.autocast(a.device, torch.bfloat16)
    if a.mode == "eval":
        net.eval()

        def step():
            with torch.inference_mode():
                with autocast():
                    logits = f(x).float()
                return F.cross_entropy(logits, y, reduction="none"), logits.topk(5).indices

        return step
    # Weights and momentum are float32; one fused kernel updates them.
    optimizer = torch.optim.SGD(net.parameters(), lr=0.003, momentum=0.9, fused=True)

    def step():
        optimizer.zero_grad(set_to_none=True)
        with autocast():
            logits = f(x)
        loss = F.cross_entropy(logits.float(), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def captured(step):
    """The whole step as one CUDA graph."""
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(3):
            step()
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        out = step()

    def replay():
        graph.replay()
        return out

    return replay


def window(step, steps):
    t = time.perf_counter()
    for _ in range(steps):
        out = step()
    last = out.item() if a.mode == "train" else out[0].mean().item()
    return (time.perf_counter() - t) / steps * 1e3, last


def measure(setting, batch):
    kind, *more = setting.split("-")
    layout = torch.contiguous_format if "nchw" in more else torch.channels_last
    if cuda:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    began = time.perf_counter()
    step = made(kind, layout, batch)
    step()
    sync()
    first = time.perf_counter() - began
    if a.warm:
        return say(kind="note", text=f"{a.model} {a.mode} {batch} {setting}: compiled in {first:.1f} s")
    step()
    if kind == "whole":
        step = captured(step)
    window(step, 2)
    once, _ = window(step, 2)
    steps = max(2, min(60, round(1000 * a.seconds / once)))
    window(step, steps)
    windows = [window(step, steps) for _ in range(a.windows)]
    peak = torch.cuda.max_memory_allocated() if cuda else None
    say(kind="figure", side="torch", setting=setting, model=a.model, mode=a.mode, batch=batch, size=a.size, type="bfloat16",
        ms=[ms for ms, _ in windows], peakBytes=peak, compileSeconds=first, lastResult=windows[-1][1])


batches = [int(b) for b in a.batch.split(",")]
for setting in a.settings.split(","):
    for batch in batches:
        try:
            measure(setting, batch)
            break
        except torch.OutOfMemoryError:
            say(kind="note", text=f"PyTorch {setting}, {a.model}, {a.mode}: batch {batch} does not fit")
        except Exception as e:
            say(kind="note", text=f"PyTorch {setting}, {a.model}, {a.mode}, batch {batch}: {type(e).__name__}: {str(e)[:300]}")
            break
        finally:
            torch._dynamo.reset()
            import gc

            gc.collect()
            if cuda:
                torch.cuda.empty_cache()
