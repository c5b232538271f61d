/** Which images are alike: the largest cosines of their features. */
import type { Engine } from "../engine/session.js";
import { Similarities } from "../step/similarities.js";
import type { FeatureTable } from "./feature-table.js";

/** Features of some images, `[count, channels]`; a row of NaN is of an image that could not be decoded. */
export type Features = Pick<FeatureTable, "count" | "channels" | "values">;

/** One image that is like another. */
export interface Neighbour {
  /** Into the table. */
  readonly index: number;
  /** Cosine of the two features, in [-1, 1]. */
  readonly similarity: number;
}

export interface NeighbourOptions {
  /** Whether queries and table are the same images, and none is its own neighbour. */
  readonly withoutSelf?: boolean;
  readonly signal?: AbortSignal | undefined;
  /** Told how many queries were compared with all. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
}

// Blocks of which the products take some 20 MB, and their factors of 2048 channels as much.
const blockRows = 1024;
const blockColumns = 4096;

/**
 * The `k` nearest of the table to each query, nearest first, of equally near ones the earlier; fewer where
 * the table is smaller, and none of a row of NaN. Products find the candidates; cosines are then computed
 * in float64, so that they depend on the two images alone.
 */
export async function nearestNeighbours(
  queries: Features,
  table: Features,
  k: number,
  { open }: Pick<Engine, "open">,
  options: NeighbourOptions = {},
): Promise<Neighbour[][]> {
  const unitTable = unitRows(table);
  const unitQueries = queries === table ? unitTable : unitRows(queries);
  // float32's rounding, or a device's, may exchange such as are almost equally near.
  const spare = 8;
  const best = Array.from({ length: queries.count }, () => new Nearest(k + spare));
  await eachBlock(unitQueries, unitTable, { open }, options, (row, column, similarity) => {
    best[row]!.offer(column, similarity);
  });
  return best.map((nearest, row) =>
    exact(nearest.indices, unitQueries, row, unitTable).slice(0, k),
  );
}

/** Tells of every two; of NaN nothing. */
async function eachBlock(
  queries: Features,
  table: Features,
  { open }: Pick<Engine, "open">,
  { withoutSelf = false, signal, progress }: NeighbourOptions,
  tell: (row: number, column: number, similarity: number) => void,
): Promise<void> {
  if (queries.count === 0 || table.count === 0) return;
  const rows = Math.min(blockRows, queries.count);
  const columns = Math.min(blockColumns, table.count);
  const products = new Similarities(open, { rows, columns, channels: table.channels });
  try {
    for (let top = 0; top < queries.count; top += rows) {
      const a = block(queries, top, rows);
      for (let left = 0; left < table.count; left += columns) {
        signal?.throwIfAborted();
        const found = await products.of(a, block(table, left, columns));
        const [height, width] = [
          Math.min(rows, queries.count - top),
          Math.min(columns, table.count - left),
        ];
        for (let y = 0; y < height; y++)
          for (let x = 0; x < width; x++) {
            const similarity = found[y * columns + x]!;
            const isSelf = withoutSelf && top + y === left + x;
            if (!isSelf && !Number.isNaN(similarity)) tell(top + y, left + x, similarity);
          }
        // Lets the process hear signals between the native calls.
        await new Promise(setImmediate);
      }
      progress?.(Math.min(top + rows, queries.count), queries.count);
    }
  } finally {
    products.close();
  }
}

/** Rows of a table from `start` on; zeros behind its end. */
function block({ values, channels }: Features, start: number, rows: number): Float32Array {
  const part = values.subarray(start * channels, (start + rows) * channels);
  if (part.length === rows * channels) return part;
  const filled = new Float32Array(rows * channels);
  filled.set(part);
  return filled;
}

/** Rows of length 1; zeros stay zeros. */
function unitRows({ count, channels, values }: Features): Features {
  const units = new Float32Array(values.length);
  for (let start = 0; start < values.length; start += channels) {
    let sum = 0;
    for (let i = start; i < start + channels; i++) sum += values[i]! ** 2;
    const length = sum === 0 ? 1 : Math.sqrt(sum);
    for (let i = start; i < start + channels; i++) units[i] = values[i]! / length;
  }
  return { count, channels, values: units };
}

/** In float64, and not beyond 1 by rounding. */
function product(a: Features, row: number, b: Features, column: number): number {
  const { channels } = a;
  let sum = 0;
  for (let i = 0; i < channels; i++)
    sum += a.values[row * channels + i]! * b.values[column * channels + i]!;
  return Math.max(-1, Math.min(1, sum));
}

function exact(
  indices: readonly number[],
  queries: Features,
  row: number,
  table: Features,
): Neighbour[] {
  return indices
    .map((index) => ({ index, similarity: product(queries, row, table, index) }))
    .sort((a, b) => b.similarity - a.similarity || a.index - b.index);
}

/** The largest of what is offered, sorted; of equal ones those that came first. */
class Nearest {
  readonly indices: number[] = [];
  private readonly similarities: number[] = [];

  constructor(private readonly most: number) {}

  offer(index: number, similarity: number): void {
    const { indices, similarities, most } = this;
    if (indices.length === most && similarity <= similarities[most - 1]!) return;
    let at = indices.length;
    while (at > 0 && similarities[at - 1]! < similarity) at--;
    indices.splice(at, 0, index);
    similarities.splice(at, 0, similarity);
    if (indices.length <= most) return;
    indices.pop();
    similarities.pop();
  }
}
