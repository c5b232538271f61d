"""BiT's ResNet-v2 in PyTorch, to compare with: group normalization, weight-standardized
convolutions, variables under the names of the official archives (arXiv 1912.11370)."""

import math

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

UNITS = {14: (1, 1, 1, 1), 26: (2, 2, 2, 2), 50: (3, 4, 6, 3), 101: (3, 4, 23, 3), 152: (3, 8, 36, 3)}


class StdConv2d(nn.Conv2d):
    """A convolution of which each filter is shifted and scaled to mean 0 and variance 1."""

    def forward(self, x):
        variance, mean = torch.var_mean(self.weight, dim=(1, 2, 3), keepdim=True, unbiased=False)
        weight = (self.weight - mean) / torch.sqrt(variance + 1e-10)
        return F.conv2d(x, weight, self.bias, self.stride, self.padding)


def conv(cin, cout, size, stride=1):
    return StdConv2d(cin, cout, size, stride, size // 2, bias=False)


class Unit(nn.Module):
    """A pre-activation bottleneck; its stride is on the 3x3 convolution."""

    def __init__(self, cin, cout, stride):
        super().__init__()
        mid = cout // 4
        self.gn1, self.conv1 = nn.GroupNorm(32, cin), conv(cin, mid, 1)
        self.gn2, self.conv2 = nn.GroupNorm(32, mid), conv(mid, mid, 3, stride)
        self.gn3, self.conv3 = nn.GroupNorm(32, mid), conv(mid, cout, 1)
        self.relu = nn.ReLU(inplace=True)
        if stride != 1 or cin != cout:
            self.downsample = conv(cin, cout, 1, stride)

    def forward(self, x):
        out = self.relu(self.gn1(x))
        residual = self.downsample(out) if hasattr(self, "downsample") else x
        out = self.conv1(out)
        out = self.conv2(self.relu(self.gn2(out)))
        out = self.conv3(self.relu(self.gn3(out)))
        return out + residual


class BiT(nn.Module):
    def __init__(self, name, classes):
        """`name` as in R50x1."""
        super().__init__()
        depth, width = name.removeprefix("R").split("x")
        channels = int(64 * float(width))
        self.root = conv(3, channels, 7, 2)
        self.pad, self.pool = nn.ConstantPad2d(1, 0), nn.MaxPool2d(3, 2, 0)
        self.blocks = nn.ModuleList()
        cin = channels
        for block, count in enumerate(UNITS[int(depth)]):
            cout = 4 * channels * 2**block
            units = [Unit(cin if i == 0 else cout, cout, 2 if i == 0 and block > 0 else 1) for i in range(count)]
            self.blocks.append(nn.Sequential(*units))
            cin = cout
        self.gn, self.relu = nn.GroupNorm(32, cin), nn.ReLU(inplace=True)
        self.head = nn.Conv2d(cin, classes, 1)

    def forward(self, x):
        x = self.pool(self.pad(self.root(x)))
        for block in self.blocks:
            x = block(x)
        x = self.relu(self.gn(x)).mean((2, 3), keepdim=True)
        return self.head(x)[..., 0, 0]

    def variables(self):
        """The parameters by the names that they have in the official archives."""
        yield "resnet/root_block/standardized_conv2d/kernel", self.root.weight
        for b, block in enumerate(self.blocks):
            for u, unit in enumerate(block):
                path = f"resnet/block{b + 1}/unit{u + 1:02d}"
                for letter, gn, cv in (("a", unit.gn1, unit.conv1), ("b", unit.gn2, unit.conv2), ("c", unit.gn3, unit.conv3)):
                    yield f"{path}/{letter}/group_norm/gamma", gn.weight
                    yield f"{path}/{letter}/group_norm/beta", gn.bias
                    yield f"{path}/{letter}/standardized_conv2d/kernel", cv.weight
                if hasattr(unit, "downsample"):
                    yield f"{path}/a/proj/standardized_conv2d/kernel", unit.downsample.weight
        yield "resnet/group_norm/gamma", self.gn.weight
        yield "resnet/group_norm/beta", self.gn.bias
        yield "resnet/head/conv2d/kernel", self.head.weight
        yield "resnet/head/conv2d/bias", self.head.bias

    @torch.no_grad()
    def load_from(self, arrays, zero_head=False):
        """Kernels are HWIO in archives and OIHW here."""
        for name, parameter in self.variables():
            if zero_head and "/head/" in name:
                parameter.zero_()
                continue
            value = np.asarray(arrays[name])
            parameter.copy_(torch.from_numpy(value.transpose(3, 2, 0, 1) if value.ndim == 4 else value))

    @torch.no_grad()
    def initialize(self, seed=0):
        """Uniform kernels of variance 1 / fan-in, gamma 1, the rest 0."""
        generator = torch.Generator().manual_seed(seed)
        for name, parameter in self.variables():
            if name.endswith("/kernel"):
                bound = math.sqrt(3 / parameter[0].numel())
                parameter.uniform_(-bound, bound, generator=generator)
            else:
                parameter.fill_(1.0 if name.endswith("/gamma") else 0.0)
