"""The service that `bit-serve` is compared with: FastAPI, uvicorn, timm, PyTorch.

    MODEL=resnetv2_50x1_bit WEIGHTS=x.npz CLASSES=1000 SIZE=224 WAY=batched uvicorn fastapi_app:app

WAY=plain predicts each request in a thread of the pool, as most such services are written; WAY=batched
puts what waits together, as far as it goes, and predicts it in one thread. Both answer as bit-serve does.
"""

import asyncio
import io
import os
from concurrent.futures import ThreadPoolExecutor

import timm
import torch
from fastapi import FastAPI, HTTPException, Request
from fastapi.concurrency import run_in_threadpool
from PIL import Image, ImageOps
from timm.data import create_transform

WAY = os.environ["WAY"]
SIZE = int(os.environ["SIZE"])
MOST = 32

model = timm.create_model(
    os.environ["MODEL"],
    num_classes=int(os.environ["CLASSES"]),
    checkpoint_path=os.environ["WEIGHTS"],
).eval()
if os.environ.get("CHANNELS_LAST") == "1":
    model = model.to(memory_format=torch.channels_last)
# bit-serve's own pictures: squashed to a square, bilinear as Pillow has it, [-1, 1].
transform = create_transform(
    (3, SIZE, SIZE),
    crop_mode="squash",
    crop_pct=1.0,
    interpolation="bilinear",
    mean=(0.5, 0.5, 0.5),
    std=(0.5, 0.5, 0.5),
)
app = FastAPI()


def made(body: bytes) -> torch.Tensor:
    """`[3,SIZE,SIZE]` of an image file's bytes."""
    try:
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(body))).convert("RGB")
    except OSError as error:
        raise HTTPException(400, str(error)) from error
    return transform(image)


def answers(images: list[torch.Tensor]) -> list[dict]:
    with torch.inference_mode():
        batch = torch.stack(images)
        if os.environ.get("CHANNELS_LAST") == "1":
            batch = batch.contiguous(memory_format=torch.channels_last)
        top = model(batch).softmax(-1).topk(5)
    rows = zip(top.indices.tolist(), top.values.tolist(), strict=True)
    return [
        {"top": [{"class": c, "probability": p} for c, p in zip(classes, values, strict=True)]}
        for classes, values in rows
    ]


waiting: list[tuple[torch.Tensor, asyncio.Future]] = []
network = ThreadPoolExecutor(1)
running = False


async def run_all() -> None:
    global running, waiting
    running = True
    try:
        while waiting:
            batch, waiting = waiting[:MOST], waiting[MOST:]
            loop = asyncio.get_running_loop()
            images = [image for image, _ in batch]
            rows = await loop.run_in_executor(network, answers, images)
            for (_, future), row in zip(batch, rows, strict=True):
                future.set_result(row)
    finally:
        running = False


@app.post("/predict")
async def predict(request: Request) -> dict:
    body = await request.body()
    if WAY == "plain":
        row = await run_in_threadpool(lambda: answers([made(body)])[0])
    else:
        image = await run_in_threadpool(made, body)
        future = asyncio.get_running_loop().create_future()
        waiting.append((image, future))
        if not running:
            asyncio.ensure_future(run_all())
        row = await future
    return {"predictions": [row]}


@app.get("/health")
async def health() -> dict:
    return {"status": "ok"}
