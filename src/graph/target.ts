/**
 * What a graph is made for: the device that computes it, the type of its numbers, and the operations that
 * are there besides TensorFlow's. An engine makes one; whatever writes a graph is given it whole, and asks.
 */

/**
 * The type of convolutions, of their gradients and of the element-wise work between them.
 * Statistics, sums, losses, parameters and their updates are float32 whatever this says.
 */
export type ComputeType = "float32" | "bfloat16" | "float16";

/** A type in which convolutions run faster than in float32, or none. */
export type NarrowType = Exclude<ComputeType, "float32"> | undefined;

/** The operations of native/kernels/ that a graph may hold, by what they are for. */
export interface NativeOperations {
  /**
   * Those of the host: they read parts of files and archives, standardize kernels once and for all, decode
   * images and resize them.
   */
  readonly host: boolean;
  /** Normalization with ReLU, and standardization, each in one: on the CPU. */
  readonly layers: boolean;
  /** Convolutions of bfloat16 by vectors, on CPUs where they are faster than TensorFlow's. */
  readonly convolutions: boolean;
  /** What there is for float32. */
  readonly float32: Float32Operations;
  /**
   * What convolutions of bfloat16 are multiplied by instead. A function: tiles are tried before they are
   * used, and it throws UserError where they fail.
   */
  readonly tiles: () => Tiles;
}

/** Operations of float32, on CPUs where they are faster than TensorFlow's. */
export interface Float32Operations {
  /** Convolutions and their gradients, by vectors. */
  readonly convolutions: boolean;
  /** Convolutions with kernels of 3 x 3, and their gradients, by Winograd's way. */
  readonly winograd: boolean;
  /** Whether group normalization before those that are ours, and nothing else, becomes part of them. */
  readonly fusesNormalization: boolean;
  /** As in `the processor has AVX2`. */
  readonly why: string;
}

/** Matrix tiles: the processor's (Intel AMX), plain ones of the same bits, or none; and why. */
export interface Tiles {
  readonly kind: "amx" | "plain" | undefined;
  /** As in `the processor has AMX`. */
  readonly why: string;
  /**
   * What becomes of group normalization between our convolutions: part of them, as by default, or an operation of its
   * own.
   */
  readonly normalization?: "fused" | "apart" | undefined;
}

export interface Target {
  /** What computes networks. */
  readonly device: "CPU" | "GPU";
  /**
   * The memory of the device that computes networks, in bytes, where it is its own: images go there as
   * bytes, and what fits is decided by it. Undefined where networks are computed in the host's memory.
   */
  readonly deviceMemoryBytes?: number | undefined;
  /** How many devices compute a network together, each an equal share of a batch. Default: 1. */
  readonly devices?: number | undefined;
  readonly computeType: ComputeType;
  /** The narrow type that the device natively supports. A function: some drivers take long to answer. */
  readonly narrowType: () => NarrowType;
  /** The setting, `NAME=value`, by which it cannot compute in a narrow type that it else could; default: none. */
  readonly leftOut?: ((type: "bfloat16" | "float16") => string | undefined) | undefined;
  readonly native: NativeOperations;
}

const lacking = "the engine lacks bit-train's operations";

const none: NativeOperations = {
  ...{ host: false, layers: false, convolutions: false },
  float32: {
    ...{ convolutions: false, winograd: false },
    ...{ fusesNormalization: false, why: lacking },
  },
  tiles: () => ({ kind: undefined, why: lacking }),
};

/** TensorFlow as it is published, on the CPU, in float32. */
export const plainTarget: Target = {
  device: "CPU",
  computeType: "float32",
  narrowType: () => undefined,
  native: none,
};

/** The same, but for what a network is computed in. */
export function inType(target: Target, computeType: ComputeType): Target {
  return { ...target, computeType };
}

/** Whether networks are computed in memory that is not the host's. */
export function hasOwnMemory({ deviceMemoryBytes }: Target): boolean {
  return deviceMemoryBytes !== undefined;
}

/** Whether layers are one operation each: there are such for float32 and bfloat16. */
export function hasFusedLayers({ native, computeType }: Target): boolean {
  return native.layers && computeType !== "float16";
}

/** Whether kernels can be standardized as they are loaded, so that no run has to. */
export function canStandardizeAhead({ native }: Target): boolean {
  return native.host;
}

/**
 * The type of what our operation makes of kernels: the convolutions', but that there is none for float16,
 * to which convolutions themselves round float32.
 */
export function standardizedType({ computeType }: Target): "float32" | "bfloat16" {
  return computeType === "bfloat16" ? "bfloat16" : "float32";
}

/** What decides whether there is an operation for a convolution. */
export interface ConvolutionShape {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly strideHeight: number;
  readonly strideWidth: number;
}

/** By what native/kernels/ compute: the processor's matrix tiles, plain ones of the same bits, or its vectors. */
export type OwnConvolution = "amx" | "plain" | "vectors";

/**
 * By what native/kernels/ compute a convolution and its gradients: in bfloat16 matrix tiles, which know
 * channels in multiples of 32, else the processor's vectors, which know those of 16; both know one stride for both
 * directions. Undefined where they are TensorFlow's operations. Those by Winograd's way are not asked for here.
 */
export function ownConvolution(
  { native, computeType }: Target,
  { inChannels, outChannels, strideHeight, strideWidth }: ConvolutionShape,
): OwnConvolution | undefined {
  if (computeType === "float16" || strideHeight !== strideWidth) return undefined;
  const fits = (by: number) => inChannels % by === 0 && outChannels % by === 0;
  const wide = computeType === "float32";
  const tiles = !wide && fits(32) ? native.tiles().kind : undefined;
  const { convolutions } = wide ? native.float32 : native;
  return tiles ?? (convolutions && fits(16) ? "vectors" : undefined);
}

/** Whether group normalization becomes part of the convolutions around it, where these are ours. */
export function fusesNormalization({
  native,
  computeType,
}: Pick<Target, "native" | "computeType">): boolean {
  if (computeType === "float32") return native.float32.fusesNormalization;
  if (computeType !== "bfloat16") return false;
  const { kind, normalization } = native.tiles();
  return (kind !== undefined || native.convolutions) && normalization !== "apart";
}

/** What decides whether a convolution is computed by Winograd's way. */
export interface WinogradShape extends ConvolutionShape {
  readonly filterHeight: number;
  readonly filterWidth: number;
  readonly batchSize: number;
  readonly inHeight: number;
  readonly inWidth: number;
  readonly padInfo: Readonly<Record<"top" | "bottom" | "left" | "right", number>>;
}

/** A Winograd convolution computes squares of as many pixels together, by so many products for each two channels. */
const squareSide = 4;
const squareProducts = 36;
/** With fewer squares, transforming the kernel costs more than what products are saved (bench/NOTES.md). */
const leastSquares = 24;

/**
 * Whether native/kernels/ compute a float32 convolution with a kernel of 3 x 3, and its gradients, by Winograd's way:
 * where there are enough squares, and at most half of the products that there are by definition.
 */
export function byWinograd({ native, computeType }: Target, shape: WinogradShape): boolean {
  const { filterHeight, filterWidth, strideHeight, strideWidth, inChannels, outChannels } = shape;
  if (computeType !== "float32" || !native.float32.winograd) return false;
  const { top, bottom, left, right } = shape.padInfo;
  const isPlain = [top, bottom, left, right, strideHeight, strideWidth].every((each) => each === 1);
  if (filterHeight !== 3 || filterWidth !== 3 || !isPlain) return false;
  if (inChannels % 16 !== 0 || outChannels % 16 !== 0) return false;
  const { batchSize, inHeight, inWidth } = shape;
  const inSquares = Math.ceil(inHeight / squareSide) * Math.ceil(inWidth / squareSide);
  const isLess = 2 * squareProducts * inSquares <= 9 * inHeight * inWidth;
  return isLess && batchSize * inSquares >= leastSquares;
}

const onTiles = {
  amx: "bit-train's, on the processor's matrix tiles",
  plain: "bit-train's, on plain tiles, which are slow",
} as const;

/**
 * By what a target computes convolutions, in words, and why; undefined where it is all TensorFlow's in float32, or not
 * on the CPU. The same words are the same rounding, as are others that `asRounded` makes the same.
 */
export function convolutionsBy(target: Target): { by: string; why: string } | undefined {
  const { device, native, computeType } = target;
  if (device !== "CPU" || !native.layers || computeType === "float16") return undefined;
  const normalization = fusesNormalization(target) ? ", with group normalization" : "";
  if (computeType === "float32") {
    const by = float32By(native.float32);
    const { why } = native.float32;
    return by === undefined
      ? undefined
      : { by: `Convolutions of float32 are ${by}${normalization}`, why };
  }
  const { kind, why } = native.tiles();
  const by = {
    ...onTiles,
    none: native.convolutions ? "bit-train's, without tiles" : "TensorFlow's",
  }[kind ?? "none"];
  return { by: `Convolutions of bfloat16 are ${by}${normalization}`, why };
}

/** Those words, but that plain tiles, which have the bits of the processor's, are called these. */
export function asRounded(by: string): string {
  return by.replace(onTiles.plain, onTiles.amx);
}

function float32By({ convolutions, winograd }: Float32Operations) {
  if (convolutions) return `bit-train's${winograd ? ", those of 3 x 3 by Winograd's way" : ""}`;
  return winograd ? "TensorFlow's, those of 3 x 3 (Winograd) bit-train's" : undefined;
}

/** The same in a line for people. */
export function describeConvolutions(target: Target): string | undefined {
  const found = convolutionsBy(target);
  return found && `${found.by} (${found.why})`;
}
