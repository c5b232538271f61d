/**
 * Writes a checkpoint of TensorFlow, `variables/variables.index` and its shards, by the engine's own SaveV2: a
 * few variables at a time, each part in a shard of its own, so that a model need not lie in memory.
 */

import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { inGroups } from "../../archive/array-groups.js";
import { writeProblem } from "../../disk/atomic-file.js";
import { type Engine, type HostTensor, type Session, SessionError } from "../../engine/session.js";
import { attribute } from "../../graph/attributes.js";
import { GraphBuilder } from "../../graph/graph-builder.js";
import { cast } from "../../graph/ops.js";
import type { ElementType } from "../../graph/types.js";
import type { ExportModel } from "../export-model.js";
import { requireFloat16 } from "../float16-weights.js";
import type { GraphWeight } from "../inference-graph.js";
import { variablesFolder, variablesPrefix } from "./savedmodel-files.js";

// Of one shard, where it is not a single variable. So much lies in memory twice: as it is read, and as it is fed.
const largestPartBytes = 64 * 2 ** 20;

/**
 * Writes the weights of a model's graph, under their names.
 * @param folder of the SavedModel
 * @param type float32 or float16
 * @throws UserError where a weight is beyond float16, or the disk refuses
 */
export async function writeVariables(
  model: ExportModel,
  folder: string,
  type: "float32" | "float16",
  engine: Engine,
): Promise<void> {
  const parts = inGroups(model.graph.weights, ({ shape }) => shape, largestPartBytes);
  const path = join(folder, variablesFolder);
  await mkdir(path);
  // As TensorFlow's own writer calls them.
  const number = (part: number) => String(part).padStart(5, "0");
  const prefixes = parts.map((_, part) =>
    join(path, `${variablesPrefix}_temp`, `part-${number(part)}-of-${number(parts.length)}`),
  );
  const session = engine.open(savingGraph(parts, type));
  try {
    for (const [part, weights] of parts.entries()) {
      const feeds: Record<string, HostTensor> = {
        [prefixName(part)]: strings([prefixes[part]!], []),
      };
      for (const [i, { name, shape }] of weights.entries()) {
        const data = await model.weight(name);
        if (type === "float16") requireFloat16(model, name, data);
        feeds[valueName(part, i)] = { type: "float32", shape, data };
      }
      await saved(session, feeds, savedName(part), path);
    }
    const merging = {
      prefixes: strings(prefixes, [prefixes.length]),
      destination: strings([join(path, variablesPrefix)], []),
    };
    await saved(session, merging, "merged", path);
  } finally {
    session.close();
  }
}

const prefixName = (part: number) => `prefix_${part}`;
const valueName = (part: number, i: number) => `value_${part}_${i}`;
const savedName = (part: number) => `saved_${part}`;

/** The graph that saves one part in each run, and at last makes one checkpoint of all. */
function savingGraph(parts: readonly (readonly GraphWeight[])[], type: ElementType) {
  const builder = new GraphBuilder();
  for (const [part, weights] of parts.entries()) {
    const count = [weights.length];
    const names = builder.constant(
      "string",
      count,
      weights.map(({ name }) => name),
    );
    const whole = builder.constant(
      "string",
      count,
      weights.map(() => ""),
    );
    const values = weights.map(({ shape }, i) =>
      cast(builder, builder.placeholder(valueName(part, i), "float32", shape), type),
    );
    const inputs = [builder.placeholder(prefixName(part), "string", []), names, whole, ...values];
    const attrs = { dtypes: attribute.types(values.map(() => type)) };
    builder.fetchable(savedName(part), builder.ints(0), builder.add("SaveV2", inputs, attrs, []));
  }
  const prefixes = builder.placeholder("prefixes", "string", [parts.length]);
  const destination = builder.placeholder("destination", "string", []);
  const attrs = {
    delete_old_dirs: attribute.bool(true),
    allow_missing_files: attribute.bool(false),
  };
  const merge = builder.add("MergeV2Checkpoints", [prefixes, destination], attrs, []);
  builder.fetchable("merged", builder.ints(0), merge);
  return builder.build();
}

function strings(values: readonly string[], shape: readonly number[]): HostTensor {
  return { type: "string", shape, data: values.map((value) => new TextEncoder().encode(value)) };
}

async function saved(
  session: Session,
  feeds: Readonly<Record<string, HostTensor>>,
  fetch: string,
  path: string,
): Promise<void> {
  try {
    await session.run(feeds, [fetch]);
  } catch (error) {
    if (!(error instanceof SessionError)) throw error;
    throw diskProblem(path, error);
  }
}

// TensorFlow tells of the disk in words.
const refusals: readonly (readonly [words: RegExp, code: string])[] = [
  [/No space left/i, "ENOSPC"],
  [/quota/i, "EDQUOT"],
  [/File too large/i, "EFBIG"],
  [/Permission denied/i, "EACCES"],
  [/Read-only/i, "EROFS"],
];

function diskProblem(path: string, error: SessionError): unknown {
  const code = refusals.find(([words]) => words.test(error.message))?.[1];
  if (code === undefined) return error;
  return writeProblem(path, Object.assign(new Error(error.message, { cause: error }), { code }));
}
