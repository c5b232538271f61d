#!/bin/sh
# TensorBoard's Python loader never leaves an event file that was removed while it had it open: a newer file
# in the folder is not seen any more, without a word, until TensorBoard is started again. Emptied instead of
# removed, the older file is left for the newer one. A run that goes on and writes its whole curve into a new
# file must therefore not remove the older one at once (docs/runs.md).
#
# Seen with CPython 3.11, tensorboard 2.21.0 (EventAccumulator):
#   removed: 0 1 2, then 0 1 2
#   emptied: 0 1 2, then 0 1 2 3 4 5
#
# Needs Python 3.11 or newer with venv. Ends with 1 where this has changed.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
  tensorboard==2.21.0 "setuptools<82"
"$folder/venv/bin/python" - "$folder" <<'PROGRAM'
import logging
import os
import sys

logging.disable(logging.CRITICAL)
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter


def write(path, steps):
    with open(path, "wb") as file:
        writer = RecordWriter(file)
        writer.write(Event(wall_time=1, file_version="brain.Event:2").SerializeToString())
        # What begins again takes the place of the steps before it.
        start = SessionLog(status=SessionLog.START)
        writer.write(Event(wall_time=1, step=0, session_log=start).SerializeToString())
        for step in steps:
            value = Summary.Value(tag="loss", simple_value=step)
            event = Event(wall_time=1 + step, step=step, summary=Summary(value=[value]))
            writer.write(event.SerializeToString())


def steps(loader):
    loader.Reload()
    loader.Reload()
    return " ".join(str(scalar.step) for scalar in loader.Scalars("loss"))


seen = []
for word, away in {"removed": os.remove, "emptied": lambda path: os.truncate(path, 0)}.items():
    run = os.path.join(sys.argv[1], word)
    os.mkdir(run)
    older = os.path.join(run, "events.out.tfevents.1000000000.host")
    write(older, range(3))
    loader = EventAccumulator(run)
    before = steps(loader)
    write(os.path.join(run, "events.out.tfevents.2000000000.host"), range(6))
    away(older)
    seen.append(f"{word}: {before}, then {steps(loader)}")
print("\n".join(seen))
sys.exit(seen != ["removed: 0 1 2, then 0 1 2", "emptied: 0 1 2, then 0 1 2 3 4 5"])
PROGRAM
