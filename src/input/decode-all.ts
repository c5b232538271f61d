/**
 * Finds the images that the engine cannot decode, without training on any: each is decoded once, on
 * all cores, and none is kept.
 */
import type { FileSource } from "../data/dataset.js";
import { integers } from "../engine/session.js";
import { FunctionBuilder } from "../graph/function-builder.js";
import type { Graph } from "../graph/graph-builder.js";
import { GraphBuilder } from "../graph/graph-builder.js";
import type { Output, OutputSpec } from "../graph/node-list.js";
import { copy, range, row, shapeOf } from "../graph/ops.js";
import type { Target } from "../graph/target.js";
import {
  followedBy,
  inBatches,
  iterated,
  mapped,
  prefetched,
  slices,
  withoutErrors,
} from "./dataset-nodes.js";
import { defineDecoders } from "./decoders.js";
import { checkReach, fileColumns, fileFeeds, fileInputs } from "./file-table.js";
import { decodeFile } from "./image-functions.js";
import { type DecodingEngine, type UndecodableImage, unreadableAmong } from "./unreadable.js";

export interface DecodeAllOptions {
  /** Threads that decode. */
  readonly workers: number;
  /** Told now and then how many images are done. */
  readonly progress?: ((done: number, total: number) => void) | undefined;
  /** Stops the search; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
}

const host = { device: "cpu" } as const;

// Images that a run of the session waits for: few enough for Ctrl-C and the progress to be prompt.
const imagesPerRun = 64;

// The number that follows the last image's, which a run sees once all are done.
const end = -1;

/**
 * Decodes every image of a source.
 * @returns those that cannot be decoded, in the source's order
 * @throws UserError where the images are parts of files, and the engine has no operation to read these
 */
export async function decodeAll(
  engine: DecodingEngine,
  source: FileSource,
  { workers, progress, signal }: DecodeAllOptions,
): Promise<UndecodableImage[]> {
  const total = source.paths.length;
  if (total === 0) return [];
  checkReach(source, engine.target);
  const decoded = new Uint8Array(total);
  let done = 0;
  const session = engine.open(searchGraph(source, engine.target, workers));
  try {
    await session.run(fileFeeds(source), ["started"]);
    for (let ended = false; !ended; ) {
      const [value] = await session.run({}, ["decoded"]);
      for (const index of integers(value)) {
        if (index === end) ended = true;
        else {
          decoded[index] = 1;
          done += 1;
        }
      }
      progress?.(ended ? total : done, total);
      // Lets the process hear signals and timers between the native calls.
      await new Promise(setImmediate);
      signal?.throwIfAborted();
    }
  } finally {
    session.close();
  }
  const failed = [...decoded.keys()].filter((index) => decoded[index] === 0);
  const found: UndecodableImage[] = [];
  if (failed.length > 0)
    for await (const image of unreadableAmong(engine, source, failed)) found.push(image);
  return found;
}

/** A graph that gives, batch by batch, the indices of the images that can be `decoded`, then `end`. */
function searchGraph(source: FileSource, target: Target, workers: number): Graph {
  const builder = new GraphBuilder();
  defineDecoders(builder, target);
  const columns = fileColumns(source);
  const feeds = fileFeeds(source);
  const tables = columns.map((key) => {
    const { type, shape } = feeds[key]!;
    return copy(builder, builder.placeholder(key, type, shape), host);
  });
  defineTrial(builder, tables);
  const numbers = (from: number, to: number) => {
    const bounds = [builder.ints(from), builder.ints(to), builder.ints(1)] as const;
    return slices(builder, [range(builder, bounds, to - from, host)]);
  };
  const element: OutputSpec[] = [
    { type: "int32", shape: [] },
    { type: "int32", shape: [3] },
  ];
  const mapping = { function: "trial", captured: tables, element, workers, ordered: false };
  const trials = mapped(builder, numbers(0, source.paths.length), mapping);
  const last = mapped(builder, numbers(end, end + 1), {
    ...{ function: "no_trial", captured: [], element, workers: 1, ordered: true },
  });
  const all = followedBy(builder, withoutErrors(builder, trials), last);
  const ahead = prefetched(builder, inBatches(builder, all, imagesPerRun, "kept"), 1);
  const { values, started } = iterated(builder, ahead, "trials");
  builder.fetchable("started", builder.ints(0), [started]);
  builder.fetchable("decoded", values[0]!);
  return builder.build();
}

/** Defines (index, tables) to (index, shape of the decoded image), and (index) to the like of it. */
function defineTrial(builder: GraphBuilder, tables: readonly Output[]): void {
  const index = { name: "index", type: "int32", shape: [] } as const;
  const args = tables.map(({ type, shape }, i) => ({ name: `table_${i}`, type, shape }));
  const trial = new FunctionBuilder("trial", [index, ...args]);
  const [at, ...columns] = trial.args as [Output, ...Output[]];
  const image = decodeFile(trial, fileInputs(columns.map((column) => row(trial, column, at))));
  builder.define(trial.return(at, shapeOf(trial, image, 3)));
  const none = new FunctionBuilder("no_trial", [index]);
  builder.define(none.return(none.args[0]!, none.ints([0, 0, 0])));
}
