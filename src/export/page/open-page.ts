/** Opens a page on the engine: the reading that verifies it. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { Engine, HostTensor } from "../../engine/session.js";
import { UserError } from "../../errors.js";
import { GraphBuilder } from "../../graph/graph-builder.js";
import { resizeMethods } from "../../input/resize-method.js";
import { damagedExport } from "../damaged-export.js";
import { openExportedGraph, runningGraph } from "../exported-graph.js";
import type { ExportedModel } from "../format.js";
import { type GraphWeight, imageName } from "../inference-graph.js";
import { addPlainNetwork } from "../plain-network.js";
import { readPage } from "./page-file.js";
import type { PageModel } from "./page-model.js";
import { WeightStream } from "./weight-stream.js";

/** What runs fetch. The network has a node called `logits` itself. */
const fetched = "fetched/logits";

const name = z.string();
const input = name;
const count = z.int().nonnegative();
const node = z.discriminatedUnion("op", [
  z.object({
    op: z.literal("convolution"),
    ...{ name, input, kernel: name, stride: z.literal([1, 2]), pad: count },
  }),
  z.object({ op: z.literal("zeroPad"), name, input, pad: count }),
  z.object({ op: z.literal("maxPool"), name, input, size: count, stride: count }),
  z.object({
    op: z.literal("groupNormRelu"),
    ...{ name, input, gamma: name, beta: name, groups: count, epsilon: z.number() },
  }),
  z.object({ op: z.literal("add"), name, inputs: z.tuple([name, name]) }),
  z.object({ op: z.literal("spatialMean"), name, input }),
  z.object({ op: z.literal("dense"), name, input, kernel: name, bias: name }),
]);

const pageModel = z.object({
  version: z.literal(1),
  model: z.string(),
  classes: count,
  classNames: z.array(z.string()).exactOptional(),
  size: z.int().positive(),
  resize: z.enum(resizeMethods),
  details: z.array(z.tuple([z.string(), z.string()])),
  graph: z.object({
    nodes: z.array(node),
    features: name,
    logits: name,
    weights: z.array(z.object({ name, shape: z.array(count), standardized: z.boolean() })),
  }),
});

/**
 * Opens the page in a folder.
 * @throws UserError where there is none, or a damaged one
 */
export async function openPage(folder: string, engine: Engine): Promise<ExportedModel> {
  const [file, ...others] = (await readdir(folder)).filter((one) => one.endsWith(".html"));
  if (file === undefined || others.length > 0)
    throw new UserError(folder, "holds no page, or several", "one .html", "export again");
  const path = join(folder, file);
  const { model, weights } = await readModel(path);
  const builder = new GraphBuilder();
  const image = builder.placeholder(imageName, "float32", [-1, -1, -1, 3]);
  const places = new Map(
    model.graph.weights.map(({ name: weight, shape }) => {
      return [weight, builder.placeholder(weight, "float32", shape)] as const;
    }),
  );
  const weightOf = ({ name: weight }: GraphWeight) => places.get(weight)!;
  const { logits } = addPlainNetwork(builder, model.graph, image, weightOf);
  builder.fetchable(fetched, logits);
  const session = openExportedGraph(engine, path, builder.build());
  const { classNames, size, resize } = model;
  const nodes = { image: imageName, logits: fetched };
  return { classNames, size, resize, ...runningGraph(session, nodes, weights) };
}

async function readModel(path: string) {
  const weights: Record<string, HostTensor> = {};
  let model: PageModel | undefined;
  let stream: WeightStream | undefined;
  for await (const part of readPage(path)) {
    if ("model" in part) {
      const parsed = pageModel.safeParse(part.model);
      if (!parsed.success) {
        const [issue] = parsed.error.issues;
        throw damagedExport(path, `${issue!.path.join(".")}: ${issue!.message}`);
      }
      model = parsed.data;
      stream = new WeightStream(model.graph.weights, ({ name: weight, shape }, data) => {
        weights[weight] = { type: "float32", shape, data };
      });
    } else told(path, () => stream?.push(part.weights));
  }
  if (model === undefined) throw damagedExport(path, "holds no model");
  told(path, () => stream?.end());
  return { model, weights };
}

/** Says of which file it is that the weights are too short or too long. */
function told(path: string, take: () => void): void {
  try {
    take();
  } catch (error) {
    throw damagedExport(path, error instanceof Error ? error.message : String(error));
  }
}
