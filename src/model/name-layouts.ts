/**
 * The names under which the variables of BiT's ResNet-v2 are stored. Official archives have those of
 * TensorFlow, as `architecture.ts`; other tools have their own, in trees of their own.
 *
 * Sources: google-research/big_transfer, bit_jax/tf2jax.py and bit_pytorch/models.py (`load_from`);
 * google-research/big_vision, models/bit_paper.py (`maybe_convert_big_transfer_format`) and utils.py
 * (`load_params`); timm, models/resnetv2.py (`_load_weights`).
 */

/** In which order a stored kernel's axes go: as TensorFlow's and JAX's, or as PyTorch's. */
export type KernelOrder = "HWIO" | "OIHW";

/** One tool's names. */
export interface NameLayout {
  /** Whose they are, for messages; undefined for the official ones. */
  readonly tool: string | undefined;
  readonly kernels: KernelOrder;
  /** The first convolution's kernel: where it is found, the tree of variables begins. */
  readonly root: string;
  /**
   * The official name, without `resnet/`, of a variable that bears `name` here; `name` itself where
   * the layout does not know it.
   */
  readonly official: (name: string) => string;
}

type Rule = readonly [pattern: RegExp, replacement: string | ((...found: string[]) => string)];

const letters: Readonly<Record<string, string>> = { "1": "a", "2": "b", "3": "c" };
const scales: Readonly<Record<string, string>> = {
  scale: "gamma",
  weight: "gamma",
  bias: "beta",
};

/** The name by the first rule whose pattern is all of it. */
function byRules(rules: readonly Rule[]): (name: string) => string {
  return (name) => {
    for (const [pattern, replacement] of rules) {
      if (!pattern.test(name)) continue;
      return typeof replacement === "string"
        ? name.replace(pattern, replacement)
        : name.replace(pattern, replacement);
    }
    return name;
  };
}

const conv = (unit: string, number: string) =>
  `${unit}/${letters[number]}/standardized_conv2d/kernel`;
const norm = (unit: string, number: string, scale: string) =>
  `${unit}/${letters[number]}/group_norm/${scales[scale]}`;
const topNorm = (scale: string) => `group_norm/${scales[scale]}`;

const official: NameLayout = {
  tool: undefined,
  kernels: "HWIO",
  root: "root_block/standardized_conv2d/kernel",
  // Keras numbers its layers (`standardized_conv2d_12`), and the official archives do so in places.
  // The TF2 code has a dense layer for a head.
  official: (name) =>
    name
      .replace(/\b(standardized_conv2d|group_norm|conv2d|dense)_\d+(?=\/)/g, "$1")
      .replace(/^head\/dense\//, "head/conv2d/"),
};

const flax: NameLayout = {
  tool: "big_vision's and the official JAX code's",
  kernels: "HWIO",
  root: "root_block/conv_root/kernel",
  official: byRules([
    [/^root_block\/conv_root\/kernel$/, "root_block/standardized_conv2d/kernel"],
    [/^(block\d\/unit\d\d)\/conv_proj\/kernel$/, "$1/a/proj/standardized_conv2d/kernel"],
    [/^(block\d\/unit\d\d)\/conv([123])\/kernel$/, (_, unit, i) => conv(unit!, i!)],
    [
      /^(block\d\/unit\d\d)\/gn([123])\/(scale|bias)$/,
      (_, unit, i, scale) => norm(unit!, i!, scale!),
    ],
    [/^norm-pre-head\/(scale|bias)$/, (_, scale) => topNorm(scale!)],
    [/^(?:conv_)?head\/(kernel|bias)$/, "head/conv2d/$1"],
  ]),
};

const torch: NameLayout = {
  tool: "the official PyTorch code's",
  kernels: "OIHW",
  root: "root/conv/weight",
  official: byRules([
    [/^root\/conv\/weight$/, "root_block/standardized_conv2d/kernel"],
    [/^body\/(block\d\/unit\d\d)\/downsample\/weight$/, "$1/a/proj/standardized_conv2d/kernel"],
    [/^body\/(block\d\/unit\d\d)\/conv([123])\/weight$/, (_, unit, i) => conv(unit!, i!)],
    [
      /^body\/(block\d\/unit\d\d)\/gn([123])\/(weight|bias)$/,
      (_, unit, i, scale) => norm(unit!, i!, scale!),
    ],
    [/^head\/gn\/(weight|bias)$/, (_, scale) => topNorm(scale!)],
    [/^head\/conv\/weight$/, "head/conv2d/kernel"],
    [/^head\/conv\/bias$/, "head/conv2d/bias"],
  ]),
};

/** timm counts stages and blocks from 0. */
const timmUnit = (stage: string, block: string) =>
  `block${Number(stage) + 1}/unit${String(Number(block) + 1).padStart(2, "0")}`;

const timm: NameLayout = {
  tool: "timm's",
  kernels: "OIHW",
  root: "stem/conv/weight",
  official: byRules([
    [/^stem\/conv\/weight$/, "root_block/standardized_conv2d/kernel"],
    [
      /^stages\/(\d+)\/blocks\/(\d+)\/downsample\/conv\/weight$/,
      (_, stage, block) => `${timmUnit(stage!, block!)}/a/proj/standardized_conv2d/kernel`,
    ],
    [
      /^stages\/(\d+)\/blocks\/(\d+)\/conv([123])\/weight$/,
      (_, stage, block, i) => conv(timmUnit(stage!, block!), i!),
    ],
    [
      /^stages\/(\d+)\/blocks\/(\d+)\/norm([123])\/(weight|bias)$/,
      (_, stage, block, i, scale) => norm(timmUnit(stage!, block!), i!, scale!),
    ],
    [/^norm\/(weight|bias)$/, (_, scale) => topNorm(scale!)],
    [/^head\/fc\/weight$/, "head/conv2d/kernel"],
    [/^head\/fc\/bias$/, "head/conv2d/bias"],
  ]),
};

/** All that are read, the official one first. */
export const nameLayouts: readonly NameLayout[] = [official, flax, torch, timm];
