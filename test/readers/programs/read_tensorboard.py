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
from tensorboard.plugins import base_plugin
from tensorboard.plugins.hparams import api_pb2, backend_context, list_session_groups, metadata, plugin_data_pb2
from tensorboard.util import grpc_util

killed, done = sys.argv[1:]
ctx = context.RequestContext()
everything = 10**6


def events(folder):
    return glob.glob(os.path.join(folder, "*tfevents*"))


def hparams_tab(provider):
    """The rows of the tab: of each run its status, and the last value of each metric with its step."""
    backend = backend_context.Context(base_plugin.TBContext(data_provider=provider))
    request = api_pb2.ListSessionGroupsRequest(
        start_index=0, slice_size=100, allowed_statuses=list(api_pb2.Status.values()))
    groups = list_session_groups.Handler(ctx, backend, "", request).run().session_groups
    # A metric's group is the folder beside the run's; its tag is its name.
    return [[session.name, api_pb2.Status.Name(session.status),
             {m.name.tag: [m.training_step, m.value] for m in session.metric_values}]
            for group in groups for session in group.sessions]


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
    blobs = {tag: [[d.step, *(provider.read_blob(ctx, blob_key=v.blob_key) for v in d.values)] for d in data]
             for tag, data in images.items()}
    return {
        "runs": [run.run_name for run in provider.list_runs(ctx, experiment_id="")],
        "scalars": {tag: [[d.step, d.value] for d in data] for tag, data in scalars["run"].items()},
        "config": text["run"]["config"][-1].numpy.item().decode(),
        "hparams": {name: getattr(value, value.WhichOneof("kind")) for name, value in values.items()},
        "ended": metadata.SESSION_END_INFO_TAG in hparams["run"],
        "images": {tag: [[step, int(width), int(height), png[:8].hex()] for step, width, height, png in data]
                   for tag, data in blobs.items()},
        "descriptions": {tag: data.description for tag, data in pictures["run"].items()},
        "tab": hparams_tab(provider),
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
