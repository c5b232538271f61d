/** Heat maps over images: small maps enlarged, and their colours. */

/**
 * A map as large as an image, between places interpolated linearly, as OpenCV's `resize` does: a place
 * stands for the middle of its part of the image.
 * @param values `[rows, columns]`
 * @returns `[height, width]`
 */
export function enlarged(
  values: ArrayLike<number>,
  [rows, columns]: readonly [rows: number, columns: number],
  [height, width]: readonly [height: number, width: number],
): Float32Array {
  const [down, across] = [positions(rows, height), positions(columns, width)];
  const large = new Float32Array(height * width);
  for (let y = 0; y < height; y++) {
    const { low: top, high: bottom, share: v } = down[y]!;
    for (let x = 0; x < width; x++) {
      const { low: left, high: right, share: u } = across[x]!;
      const upper = mixed(values[top * columns + left]!, values[top * columns + right]!, u);
      const lower = mixed(values[bottom * columns + left]!, values[bottom * columns + right]!, u);
      large[y * width + x] = mixed(upper, lower, v);
    }
  }
  return large;
}

/** Of each of `to` pixels, between which two of `from` places it lies, and how far from the first. */
function positions(from: number, to: number) {
  return Array.from({ length: to }, (_, i) => {
    const at = Math.min(from - 1, Math.max(0, ((i + 0.5) * from) / to - 0.5));
    const low = Math.floor(at);
    return { low, high: Math.min(from - 1, low + 1), share: at - low };
  });
}

function mixed(a: number, b: number, share: number): number {
  return a + (b - a) * share;
}

/**
 * Matplotlib's colour map `inferno` (CC0, by S. van der Walt and N. Smith) at every 16th: legible to people
 * who tell few colours apart, and in grey.
 */
const inferno: readonly (readonly [number, number, number])[] = [
  [0, 0, 4],
  [11, 7, 36],
  [33, 12, 74],
  [61, 9, 101],
  [87, 16, 110],
  [113, 25, 110],
  [138, 34, 106],
  [163, 44, 97],
  [188, 55, 84],
  [210, 70, 68],
  [228, 90, 49],
  [241, 115, 29],
  [249, 142, 9],
  [252, 172, 17],
  [249, 203, 53],
  [242, 234, 105],
  [252, 255, 164],
];

/** The colour of a share in [0, 1] of the largest value: red, green and blue, 0 to 255. */
export function heatColour(share: number): [red: number, green: number, blue: number] {
  const at = Math.min(1, Math.max(0, share)) * (inferno.length - 1);
  const low = Math.floor(at);
  const [from, to] = [inferno[low]!, inferno[Math.min(inferno.length - 1, low + 1)]!];
  return [
    mixed(from[0], to[0], at - low),
    mixed(from[1], to[1], at - low),
    mixed(from[2], to[2], at - low),
  ];
}

/** How much of an image a colour covers: nothing where nothing speaks for the class, at most 0.8. */
function heatCover(share: number): number {
  return 0.8 * Math.min(1, Math.max(0, 1.5 * share));
}

/**
 * An image in grey with a map over it.
 * @param levels `[pixels, channels]`, red, green and blue first, 0 to 255; changed in place
 * @param shares `[pixels]`, in [0, 1] of the largest value
 */
export function heated(
  levels: Uint8Array | Uint8ClampedArray,
  shares: ArrayLike<number>,
  channels: 3 | 4 = 3,
): void {
  for (let i = 0; i < shares.length; i++) {
    const at = i * channels;
    // Rec. 601's weights.
    const grey = 0.299 * levels[at]! + 0.587 * levels[at + 1]! + 0.114 * levels[at + 2]!;
    const [cover, colour] = [heatCover(shares[i]!), heatColour(shares[i]!)];
    for (let c = 0; c < 3; c++) levels[at + c] = Math.round(mixed(grey, colour[c]!, cover));
  }
}
