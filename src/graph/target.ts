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
  /** Convolutions of bfloat16, on CPUs where they are faster than TensorFlow's. */
  readonly convolutions: boolean;
  /**
   * What gradients of convolutions of bfloat16 by their kernels are multiplied by. A function: tiles are
   * tried before they are used, and throw UserError where they fail.
   */
  readonly tiles: () => Tiles;
}

/** Matrix tiles: the processor's (Intel AMX), plain ones of the same bits, or none; and why. */
export interface Tiles {
  readonly kind: "amx" | "plain" | undefined;
  /** As in `the processor has AMX`. */
  readonly why: string;
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
  readonly native: NativeOperations;
}

const none: NativeOperations = {
  ...{ host: false, layers: false, convolutions: false },
  tiles: () => ({ kind: undefined, why: "the engine lacks bit-train's operations" }),
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

/**
 * Whether a convolution and its gradients are operations of native/kernels/, which know one stride for
 * both directions, and channels in multiples of 16.
 */
export function hasConvolution(
  { native, computeType }: Target,
  { inChannels, outChannels, strideHeight, strideWidth }: ConvolutionShape,
): boolean {
  const fits = inChannels % 16 === 0 && outChannels % 16 === 0 && strideHeight === strideWidth;
  return native.convolutions && computeType === "bfloat16" && fits;
}

/**
 * The tiles that a convolution's gradient by its kernel is computed by: they know one stride for both
 * directions, and channels in multiples of 32. Undefined where `hasConvolution` decides.
 */
export function tilesFor(
  { native, computeType }: Target,
  { inChannels, outChannels, strideHeight, strideWidth }: ConvolutionShape,
): Tiles["kind"] {
  const fits = inChannels % 32 === 0 && outChannels % 32 === 0 && strideHeight === strideWidth;
  return computeType === "bfloat16" && fits ? native.tiles().kind : undefined;
}

/**
 * By what a target computes convolutions of bfloat16, and why, in a line for people; undefined where it
 * computes in another type, or not by TensorFlow on the CPU.
 */
export function describeConvolutions({ device, native, computeType }: Target): string | undefined {
  if (device !== "CPU" || !native.layers || computeType !== "bfloat16") return undefined;
  const convolutions = `convolutions by ${native.convolutions ? "bit-train" : "TensorFlow"}`;
  const { kind, why } = native.tiles();
  if (kind === undefined) return `bfloat16 ${convolutions}, not on tiles: ${why}`;
  const tiles = kind === "amx" ? "the processor's tiles" : "plain tiles, which are slow";
  return `bfloat16 ${convolutions}, kernels' gradients on ${tiles}: ${why}`;
}
