#!/bin/sh
# Makes test/fixtures/train-logs/paddle-cifar10.log: lines of the log of one of the PaddlePaddle port's own runs,
# which holds a run of 13 steps, the beginning of one of 10,000, and 26 more steps of that under other settings.
# GuoQuanhao/big_transfer, MIT License, Copyright (c) 2021 QuanHao Guo.
#   git clone https://github.com/GuoQuanhao/big_transfer
#   sh scripts/make-train-log-fixture.sh big_transfer/bit_logs/cifar10_BiT-M-R50x1/train.log
set -e
cd "$(dirname "$0")/.."
mkdir -p test/fixtures/train-logs
{ head -n 60 "$1"; grep -A 2 "\[step 999\]" "$1"; tail -n 64 "$1"; } > test/fixtures/train-logs/paddle-cifar10.log
