"""What TensorBoard shows of a run, by its Python loader and by its data server, as JSON: of the finished run, and
to somebody who has had it open since before it was killed. Arguments: a folder with the event file that the killed
process left, and the run's folder once it is done."""
import glob
import json
import os
import shutil
import sys
import tempfile
import time

from tensorboard import context
from tensorboard.backend.event_processing import data_provider, plugin_event_multiplexer
from tensorboard.data import server_ingester
from tensorboard.plugins.hparams import metadata, plugin_data_pb2
from tensorboard.util import grpc_util

killed, done = sys.argv[1:]
ctx = context.RequestContext()
everything = 10**6


def events(folder):
    return glob.glob(os.path.join(folder, "*tfevents*"))


def shown(provider):
    scalars = provider.read_scalars(ctx, experiment_id="", plugin_name="scalars", downsample=everything)
    text = provider.read_tensors(ctx, experiment_id="", plugin_name="text", downsample=everything)
    hparams = provider.list_tensors(ctx, experiment_id="", plugin_name="hparams")
    pictures = provider.list_blob_sequences(ctx, experiment_id="", plugin_name="images")
    first = {"run": "run", "tag": metadata.SESSION_START_INFO_TAG}
    start = plugin_data_pb2.HParamsPluginData.FromString(hparams["run"][first["tag"]].plugin_content)
    values = start.session_start_info.hparams
    images = provider.read_blob_sequences(
        ctx, experiment_id="", plugin_name="images", downsample=everything)["run"]
    # Each is its width, its height and the picture.
    blobs = {tag: [provider.read_blob(ctx, blob_key=v.blob_key) for v in list_[-1].values]
             for tag, list_ in ((tag, data) for tag, data in images.items())}
    return {
        "runs": [run.run_name for run in provider.list_runs(ctx, experiment_id="")],
        "scalars": {tag: [[d.step, d.value] for d in data] for tag, data in scalars["run"].items()},
        "config": text["run"]["config"][-1].numpy.item().decode(),
        "hparams": {name: getattr(value, value.WhichOneof("kind")) for name, value in values.items()},
        "ended": metadata.SESSION_END_INFO_TAG in hparams["run"],
        "images": {tag: [int(b[0]), int(b[1]), b[2][:8].hex()] for tag, b in blobs.items()},
        "pictures": sorted(pictures["run"]),
    }


def python_loader(logdir):
    sizes = {"scalars": 0, "tensors": 0, "images": 0}
    multiplexer = plugin_event_multiplexer.EventMultiplexer(size_guidance=sizes, tensor_size_guidance={"scalars": 0})

    def load():
        multiplexer.AddRunsFromDirectory(logdir)
        multiplexer.Reload()
        return data_provider.MultiplexerDataProvider(multiplexer, logdir)
    return load


def data_server(logdir):
    ingester = server_ingester.SubprocessServerDataIngester(
        server_binary=server_ingester.get_server_binary(), logdir=logdir, reload_interval=1,
        channel_creds_type=grpc_util.ChannelCredsType.LOCAL, samples_per_plugin={"scalars": 0})
    ingester.start()

    def load():
        # It looks every second.
        time.sleep(5)
        return ingester.data_provider
    return load


result = {}
for name, loader in {"python": python_loader, "server": data_server}.items():
    with tempfile.TemporaryDirectory() as logdir:
        os.mkdir(os.path.join(logdir, "run"))
        for path in events(done):
            shutil.copy(path, os.path.join(logdir, "run"))
        result[name] = shown(loader(logdir)())
    with tempfile.TemporaryDirectory() as logdir:
        run = os.path.join(logdir, "run")
        shutil.copytree(killed, run)
        load = loader(logdir)
        load()
        older = events(run)
        for path in events(done):
            shutil.copy(path, os.path.join(run, "curves"))
            os.rename(os.path.join(run, "curves"), os.path.join(run, os.path.basename(path)))
        for path in older:
            open(path, "wb").close()
        result[f"{name}, open all the time"] = shown(load())
print(json.dumps(result))
