/**
 * The BiT family: which units a model has, and the name and shape of every variable.
 * Source: Big Transfer (arXiv 1912.11370), google-research/big_transfer, bit_pytorch/models.py.
 */
import { perhaps } from "../close-names.js";
import { UserError } from "../errors.js";

/** A ResNet-v2 by its depth and width. */
export interface Architecture {
  /** As in `R50x1`. */
  readonly name: string;
  /** Units in each of the four blocks. */
  readonly units: readonly [number, number, number, number];
  /** Factor on every number of channels; a multiple of 0.5, so that 32 groups divide them. */
  readonly width: number;
}

/** One variable of a model. Kernels are `[H, W, I, O]`. */
export interface VariableSpec {
  readonly name: string;
  readonly shape: readonly number[];
}

const unitsByDepth: Readonly<Record<number, Architecture["units"]>> = {
  50: [3, 4, 6, 3],
  101: [3, 4, 23, 3],
  152: [3, 8, 36, 3],
};

/** The variants that Google published, each as BiT-S (ILSVRC-2012) and BiT-M (ImageNet-21k). */
export const publishedVariants = [
  "R50x1",
  "R50x3",
  "R101x1",
  "R101x3",
  "R152x2",
  "R152x4",
] as const;

/** The model that the package carries. */
export const embeddedModel = "sample-R14x0.5";

/** Names of the variables of the classifier on top. */
export const headKernel = "resnet/head/conv2d/kernel";
export const headBias = "resnet/head/conv2d/bias";

/** How names of kernels end that are standardized before they are used: all but the head's. */
const standardizedEnding = "/standardized_conv2d/kernel";

/** The name of the kernel of a convolution with weight standardization. */
export function kernelName(path: string): string {
  return `${path}${standardizedEnding}`;
}

/** Whether a variable is such a kernel. */
export function isStandardizedKernel(name: string): boolean {
  return name.endsWith(standardizedEnding);
}

/** Whether a variable is one of the classifier's, and none of the body's. */
export function isOfHead({ name }: Pick<VariableSpec, "name">): boolean {
  return name === headKernel || name === headBias;
}

/** What weight standardization adds to a filter's variance. */
export const standardizationEpsilon = 1e-10;

/**
 * The architecture that a model's name tells: `R50x1` in `BiT-M-R50x1` or `distill/R50x1_224`.
 * Depths beyond 50, 101 and 152 have the same number of units in every block: 14 has one, 26 two.
 * @throws UserError where the name holds no such part, or the width does not suit 32 groups
 */
export function parseArchitecture(model: string): Architecture {
  const match = /(?:^|[-/])R(\d+)x(\d+(?:\.\d+)?)(?:[-_]|$)/.exec(model);
  const names = ["BiT-M", "BiT-S"].flatMap((family) =>
    publishedVariants.map((v) => `${family}-${v}`),
  );
  names.push(embeddedModel);
  const near = perhaps(model, names, 2);
  const expected = `${near === undefined ? "" : `${near}; `}a name such as BiT-M-R50x1 (${publishedVariants.join(", ")}) or R14x0.5`;
  const refuse = (got: string) =>
    new UserError(`model ${JSON.stringify(model)}`, got, expected, "choose one with --model");
  if (match === null) throw refuse("no depth and width in the name");
  const depth = Number(match[1]);
  const width = Number(match[2]);
  const each = (depth - 2) / 12;
  const units = unitsByDepth[depth] ?? ([each, each, each, each] as const);
  if (!units.every((n) => Number.isInteger(n) && n > 0)) {
    throw refuse(`depth ${depth} is neither 50, 101, 152 nor 12 n + 2`);
  }
  if (width <= 0 || !Number.isInteger(width * 2)) {
    throw refuse(`width ${match[2]} is not a multiple of 0.5, as 32 groups need`);
  }
  return { name: `R${depth}x${width}`, units, width };
}

/**
 * The architecture of so many units in each block, at a width; undefined where no name says that, or the
 * width does not suit 32 groups.
 */
export function findArchitecture(
  units: readonly number[],
  width: number,
): Architecture | undefined {
  const depth = 3 * units.reduce((sum, count) => sum + count, 0) + 2;
  const name = `R${depth}x${width}`;
  try {
    const found = parseArchitecture(name);
    return found.units.join() === units.join() ? found : undefined;
  } catch (error) {
    if (error instanceof UserError) return undefined;
    throw error;
  }
}

/** Where a unit stands, its channels, and the stride of its 3x3 convolution. */
export interface UnitSpec {
  /** As in `resnet/block1/unit01`. */
  readonly path: string;
  readonly channelsIn: number;
  readonly channelsMid: number;
  readonly channelsOut: number;
  readonly stride: 1 | 2;
  /** Whether the shortcut is a 1x1 convolution, as in the first unit of a block. */
  readonly projected: boolean;
}

/** All units of a model, from the image to the head. */
export function unitSpecs({ units, width }: Architecture): UnitSpec[] {
  const specs: UnitSpec[] = [];
  let channelsIn = 64 * width;
  units.forEach((count, block) => {
    const channelsMid = 64 * width * 2 ** block;
    for (let unit = 1; unit <= count; unit++) {
      const path = `resnet/block${block + 1}/unit${String(unit).padStart(2, "0")}`;
      const stride = block > 0 && unit === 1 ? 2 : 1;
      const channelsOut = 4 * channelsMid;
      const projected = unit === 1;
      specs.push({ path, channelsIn, channelsMid, channelsOut, stride, projected });
      channelsIn = channelsOut;
    }
  });
  return specs;
}

/** Channels that reach the head. */
export function featureChannels({ width }: Architecture): number {
  return 64 * width * 8 * 4;
}

/** Every variable of a model with `classes` outputs, in the order in which the model uses them. */
export function variableSpecs(architecture: Architecture, classes: number): VariableSpec[] {
  const specs: VariableSpec[] = [];
  const norm = (path: string, channels: number) => {
    specs.push({ name: `${path}/group_norm/gamma`, shape: [channels] });
    specs.push({ name: `${path}/group_norm/beta`, shape: [channels] });
  };
  const conv = (path: string, size: number, channelsIn: number, channelsOut: number) => {
    specs.push({ name: kernelName(path), shape: [size, size, channelsIn, channelsOut] });
  };
  conv("resnet/root_block", 7, 3, 64 * architecture.width);
  for (const unit of unitSpecs(architecture)) {
    const { path, channelsIn, channelsMid, channelsOut, projected } = unit;
    norm(`${path}/a`, channelsIn);
    if (projected) conv(`${path}/a/proj`, 1, channelsIn, channelsOut);
    conv(`${path}/a`, 1, channelsIn, channelsMid);
    norm(`${path}/b`, channelsMid);
    conv(`${path}/b`, 3, channelsMid, channelsMid);
    norm(`${path}/c`, channelsMid);
    conv(`${path}/c`, 1, channelsMid, channelsOut);
  }
  const channels = featureChannels(architecture);
  norm("resnet", channels);
  specs.push({ name: headKernel, shape: [1, 1, channels, classes] });
  specs.push({ name: headBias, shape: [classes] });
  return specs;
}
