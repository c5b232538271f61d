/**
 * The names under which the variables of BiT's ResNet-v2 are stored. Official archives have those of
 * TensorFlow, as `architecture.ts`; other tools have their own, in trees of their own. One row each,
 * read in both directions.
 *
 * Sources: google-research/big_transfer, bit_jax/tf2jax.py and bit_pytorch/models.py (`load_from`);
 * google-research/big_vision, models/bit_paper.py (`maybe_convert_big_transfer_format`) and utils.py
 * (`load_params`); timm, models/resnetv2.py (`_load_weights`); transformers,
 * models/bit/modeling_bit.py.
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

/** A layout in which variables can be written, too. */
export interface WritableLayout extends NameLayout {
  /**
   * The name here, with slashes, of a variable by its official one, without `resnet/`.
   * @throws Error for what is no variable's
   */
  readonly own: (official: string) => string;
}

/** A tool's names, in which `{unit}` stands for a unit, `{n}` for 1, 2 or 3, `{scale}` for a scale. */
interface ToolNames {
  readonly root: string;
  readonly proj: string;
  readonly conv: string;
  readonly norm: string;
  readonly topNorm: string;
  /** The first is written. */
  readonly headKernel: readonly string[];
  readonly headBias: readonly string[];
  /** How gamma and beta are called. */
  readonly scales: readonly [gamma: string, beta: string];
  /** How a unit is called. */
  readonly unit: UnitNames;
}

interface UnitNames {
  /** With groups called `block` and `unit`. */
  readonly pattern: string;
  /** What the first of each is called. */
  readonly first: 0 | 1;
  readonly write: (block: number, unit: number) => string;
}

const officialUnits: UnitNames = {
  pattern: "block(?<block>\\d)/unit(?<unit>\\d\\d)",
  first: 1,
  write: (block, unit) => `block${block}/unit${String(unit).padStart(2, "0")}`,
};

/** PyTorch's tools count stages and their blocks from 0. */
function stagedUnits(stages: string, blocks: string): UnitNames {
  return {
    pattern: `${stages}/(?<block>\\d+)/${blocks}/(?<unit>\\d+)`,
    first: 0,
    write: (stage, block) => `${stages}/${stage}/${blocks}/${block}`,
  };
}

const officialNames: ToolNames = {
  root: "root_block/standardized_conv2d/kernel",
  proj: "{unit}/a/proj/standardized_conv2d/kernel",
  conv: "{unit}/{n}/standardized_conv2d/kernel",
  norm: "{unit}/{n}/group_norm/{scale}",
  topNorm: "group_norm/{scale}",
  headKernel: ["head/conv2d/kernel"],
  headBias: ["head/conv2d/bias"],
  scales: ["gamma", "beta"],
  unit: officialUnits,
};

const letters = ["a", "b", "c"] as const;
const numbers = ["1", "2", "3"] as const;

/** The parts of a name that vary. Numbers count from 0. */
interface Parts {
  readonly block?: number;
  readonly unit?: number;
  /** Of a unit's three convolutions. */
  readonly n?: number;
  readonly scale?: number;
}

/** A name as a template: what it reads from a name, and how it writes one. */
interface Template {
  readonly read: (name: string) => Parts | undefined;
  readonly write: (parts: Parts) => string;
}

function template(text: string, tool: ToolNames): Template {
  const ns: readonly string[] = tool === officialNames ? letters : numbers;
  const { unit, scales } = tool;
  const source = text
    .replace("{unit}", unit.pattern)
    .replace("{n}", `(?<n>${ns.join("|")})`)
    .replace("{scale}", `(?<scale>${scales.join("|")})`);
  const pattern = new RegExp(`^${source}$`);
  return {
    read: (name) => {
      const found = pattern.exec(name);
      if (found === null) return undefined;
      const { groups = {} } = found;
      return {
        block: Number(groups["block"]) - unit.first,
        unit: Number(groups["unit"]) - unit.first,
        n: ns.indexOf(groups["n"] ?? ""),
        scale: scales.indexOf(groups["scale"] ?? ""),
      };
    },
    write: ({ block = 0, unit: number = 0, n = 0, scale = 0 }) =>
      text
        .replace("{unit}", unit.write(block + unit.first, number + unit.first))
        .replace("{n}", ns[n] ?? "")
        .replace("{scale}", scales[scale] ?? ""),
  };
}

/** A tool's layout by its names. */
function layout(tool: string, kernels: KernelOrder, names: ToolNames): WritableLayout {
  const pairs = (Object.keys(officialNames) as (keyof ToolNames)[]).flatMap((key) => {
    if (key === "scales" || key === "unit") return [];
    const official = template([officialNames[key]].flat()[0]!, officialNames);
    return [names[key]].flat().map((text) => ({ official, own: template(text, names) }));
  });
  return {
    tool,
    kernels,
    root: names.root,
    official: (name) => {
      for (const { official, own } of pairs) {
        const parts = own.read(name);
        if (parts !== undefined) return official.write(parts);
      }
      return name;
    },
    own: (name) => {
      for (const { official, own } of pairs) {
        const parts = official.read(name);
        if (parts !== undefined) return own.write(parts);
      }
      throw new Error(`no variable of a model is called ${name}`);
    },
  };
}

const official: NameLayout = {
  tool: undefined,
  kernels: "HWIO",
  root: officialNames.root,
  // Keras numbers its layers (`standardized_conv2d_12`), and the official archives do so in places.
  // The TF2 code has a dense layer for a head.
  official: (name) =>
    name
      .replace(/\b(standardized_conv2d|group_norm|conv2d|dense)_\d+(?=\/)/g, "$1")
      .replace(/^head\/dense\//, "head/conv2d/"),
};

const flax = layout("big_vision's and the official JAX code's", "HWIO", {
  root: "root_block/conv_root/kernel",
  proj: "{unit}/conv_proj/kernel",
  conv: "{unit}/conv{n}/kernel",
  norm: "{unit}/gn{n}/{scale}",
  topNorm: "norm-pre-head/{scale}",
  headKernel: ["head/kernel", "conv_head/kernel"],
  headBias: ["head/bias", "conv_head/bias"],
  scales: ["scale", "bias"],
  unit: officialUnits,
});

const torch = layout("the official PyTorch code's", "OIHW", {
  root: "root/conv/weight",
  proj: "body/{unit}/downsample/weight",
  conv: "body/{unit}/conv{n}/weight",
  norm: "body/{unit}/gn{n}/{scale}",
  topNorm: "head/gn/{scale}",
  headKernel: ["head/conv/weight"],
  headBias: ["head/conv/bias"],
  scales: ["weight", "bias"],
  unit: officialUnits,
});

/** timm's `resnetv2_*_bit`: the head's kernel is `[classes, C, 1, 1]`. */
export const timmLayout = layout("timm's", "OIHW", {
  root: "stem/conv/weight",
  proj: "{unit}/downsample/conv/weight",
  conv: "{unit}/conv{n}/weight",
  norm: "{unit}/norm{n}/{scale}",
  topNorm: "norm/{scale}",
  headKernel: ["head/fc/weight"],
  headBias: ["head/fc/bias"],
  scales: ["weight", "bias"],
  unit: stagedUnits("stages", "blocks"),
});

/** transformers' `BitForImageClassification`: the head's kernel is `[classes, C]`. */
export const transformersLayout = layout("transformers'", "OIHW", {
  root: "bit/embedder/convolution/weight",
  proj: "{unit}/downsample/conv/weight",
  conv: "{unit}/conv{n}/weight",
  norm: "{unit}/norm{n}/{scale}",
  topNorm: "bit/norm/{scale}",
  headKernel: ["classifier/1/weight"],
  headBias: ["classifier/1/bias"],
  scales: ["weight", "bias"],
  unit: stagedUnits("bit/encoder/stages", "layers"),
});

/** All that are read, the official one first. */
export const nameLayouts: readonly NameLayout[] = [
  official,
  flax,
  torch,
  timmLayout,
  transformersLayout,
];
