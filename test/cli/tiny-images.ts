/** Small image folders, of BMP files, which take no encoder. */
import { join } from "node:path";
import { writeTree } from "../data/temporary-folder.js";

/** A BMP file, 24 bits, bottom row first. `pixels` is uint8 `[height,width,3]`, RGB. */
export function bmp(pixels: Uint8Array, height: number, width: number): Uint8Array {
  const stride = Math.ceil((3 * width) / 4) * 4;
  const file = Buffer.alloc(54 + stride * height);
  file.write("BM");
  file.writeUInt32LE(file.length, 2);
  file.writeUInt32LE(54, 10);
  file.writeUInt32LE(40, 14);
  file.writeInt32LE(width, 18);
  file.writeInt32LE(height, 22);
  file.writeUInt16LE(1, 26);
  file.writeUInt16LE(24, 28);
  for (let y = 0; y < height; y++)
    for (let x = 0; x < width; x++)
      for (let channel = 0; channel < 3; channel++)
        file[54 + (height - 1 - y) * stride + 3 * x + (2 - channel)] =
          pixels[3 * (y * width + x) + channel]!;
  return file;
}

/** Pixels `[height,width,3]` of a pattern of its own for each class and number. */
export function pattern(label: number, number: number, height: number, width: number): Uint8Array {
  return Uint8Array.from({ length: 3 * height * width }, (_, i) => {
    const channel = i % 3;
    const x = Math.floor(i / 3) % width;
    const own = channel === label % 3 ? 150 : 60;
    return own + ((7 * x * (label + 1) + 13 * number + (i % 17)) % 80);
  });
}

export const tinyClasses = ["blue", "green", "red"] as const;

/** Writes `train/` with 8 and `val/` with 5 images of each class, of 40 x 36 pixels. */
export async function writeTinyFolder(root: string): Promise<string> {
  const files: Record<string, Uint8Array> = {};
  tinyClasses.forEach((name, label) => {
    for (let i = 0; i < 13; i++) {
      const part = i < 8 ? "train" : "val";
      files[`${part}/${name}/${i}.bmp`] = bmp(pattern(label, i, 40, 36), 40, 36);
    }
  });
  const folder = join(root, "tiny");
  await writeTree(folder, files);
  return folder;
}

/** The flags of a short run on such a folder. */
export function tinyFlags(folder: string, logdir: string): string[] {
  return (
    "--model R14x0.5 --from_scratch --batch 8 --resolution 40 --crop 32 --base_lr 0.001 " +
    `--dataset ${folder} --logdir ${logdir}`
  ).split(" ");
}
