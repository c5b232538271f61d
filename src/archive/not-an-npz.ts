/** What to say of a file that lies where an .npz is expected: what it is, and what to do. */

import { type FileKind, type FileKindId, fileKind, isZip } from "../disk/file-kind.js";
import { UserError } from "../errors.js";

const LISTED = "take the published .npz: npx bit-download --list";

/** Lines for who has Python at hand; `FILE` stands for the file, `NEW` for the .npz. */
const CONVERSIONS: Partial<Readonly<Record<FileKindId, string>>> = {
  pytorch:
    "import torch, numpy as np; s = torch.load('FILE', map_location='cpu', weights_only=True); " +
    "s = s.get('model', s.get('state_dict', s)); " +
    "np.savez('NEW', **{k: v.float().numpy() for k, v in s.items()})",
  safetensors:
    "import numpy as np; from safetensors.torch import load_file; " +
    "np.savez('NEW', **{k: v.float().numpy() for k, v in load_file('FILE').items()})",
  "tf-checkpoint":
    "import tensorflow as tf, numpy as np; r = tf.train.load_checkpoint('FILE'); " +
    "np.savez('NEW', **{n: r.get_tensor(n) for n in r.get_variable_to_shape_map()})",
};

/** Kinds of weights, of which the published ones are to be had as .npz too. */
const WEIGHTS: ReadonlySet<FileKindId> = new Set([
  ...(["pytorch", "safetensors", "hdf5", "keras"] as const),
  ...(["onnx", "saved-model", "tf-checkpoint", "pickle"] as const),
]);

/** A published archive's name, with the zoo's folder where it has one. */
const publishedName = /(?:^|\/)((?:vtab\/BiT-M-|distill\/|BiT-[SM]-)R\d+x\d+[\w-]*)\.npz$/;

/** The next step for a bad archive: the download's command where the name is an official one. */
export function fetchStep(path: string, verb = "download it again"): string {
  const official = publishedName.exec(path)?.[1];
  if (official) return `${verb}: npx bit-download ${official}`;
  return "copy, download or save the file again, or give the path of another";
}

/**
 * The error for a file that is no .npz.
 * @param start the file's first bytes
 * @param nextStep where the file's kind tells none; default that of `fetchStep`
 */
export function notAnNpz(
  path: string,
  start: Uint8Array,
  sizeBytes: number,
  { nextStep = fetchStep(path), cause }: { nextStep?: string; cause?: unknown } = {},
): UserError {
  const kind = kindAt(path, start);
  const got = kind?.name ?? (isZip(start) ? "a ZIP archive" : "not a ZIP archive");
  // A published archive is best fetched again, whatever lies in its place.
  const isKnown = kind !== undefined && !publishedName.test(path);
  return new UserError(
    path,
    `${got} (${sizeBytes} bytes)`,
    "an .npz, which is a ZIP archive of .npy files, as np.savez writes it",
    isKnown ? stepFor(kind, path, nextStep) : nextStep,
    { cause },
  );
}

function kindAt(path: string, start: Uint8Array): FileKind | undefined {
  // The values of TensorFlow's checkpoints have no signature; their file's name tells.
  if (/\.data-\d{5}-of-\d{5}$/.test(path))
    return { id: "tf-checkpoint", name: "the values of a TensorFlow checkpoint" };
  return fileKind(start);
}

function stepFor({ id, remedy }: FileKind, path: string, otherwise: string): string {
  if (!WEIGHTS.has(id)) return remedy ?? otherwise;
  const code = CONVERSIONS[id];
  if (code === undefined) return LISTED;
  const file = path.replace(/\.(index|data-\d{5}-of-\d{5})$/, "");
  const made = `${file.replace(/(\.pth)?\.\w+$/, "")}.npz`;
  const line = code
    .replace("FILE", file.replaceAll("'", "\\'"))
    .replace("NEW", made.replaceAll("'", "\\'"));
  return `${LISTED}; or, where Python has it, convert this one: python -c "${line}"`;
}
