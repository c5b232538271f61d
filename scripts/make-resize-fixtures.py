"""Writes test/fixtures/resize: what Pillow's antialiased bilinear filter makes of colour.bmp.

Run in the repository's root, with Pillow installed:  python3 scripts/make-resize-fixtures.py
"""
from pathlib import Path

from PIL import Image

image = Image.open("test/fixtures/data/images/colour.bmp").convert("RGB")  # 45 wide, 31 high
folder = Path("test/fixtures/resize")
folder.mkdir(parents=True, exist_ok=True)
# 64 enlarges both sides, 40 one of them, 20 and 7 none.
for side in (64, 40, 20, 7):
    resized = image.resize((side, side), Image.Resampling.BILINEAR)
    (folder / f"colour-{side}.bin").write_bytes(resized.tobytes())
