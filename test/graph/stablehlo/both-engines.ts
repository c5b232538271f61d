/** A graph that is fed and computed twice: by TensorFlow, and lowered to StableHLO on XLA's CPU plugin. */

import { openPjrt } from "../../../src/engine/pjrt/client.js";
import { floats, type HostTensor } from "../../../src/engine/session.js";
import type { GraphBuilder } from "../../../src/graph/graph-builder.js";
import { lowerProgram } from "../../../src/graph/stablehlo/program.js";
import { indexNodes, reachOf } from "../../../src/graph/stablehlo/reach.js";
import { cpuPlugin } from "../../cpu-plugin.js";
import { open } from "../../engine-for-tests.js";

const client = openPjrt(await cpuPlugin());

type Feeds = Readonly<Record<string, Exclude<HostTensor, { type: "string" }>>>;

export interface Results {
  readonly tensorflow: ReadonlyMap<string, Float32Array>;
  readonly xla: ReadonlyMap<string, Float32Array>;
}

/** Runs fetches, all of float32, of a graph without variables on both. */
export async function onBoth(
  builder: GraphBuilder,
  feeds: Feeds,
  fetches: readonly string[],
): Promise<Results> {
  const graph = builder.build();
  const session = open(graph);
  const wanted = await session.run(feeds, fetches);
  session.close();
  const index = indexNodes(graph.nodes);
  const reach = reachOf(index, fetches);
  const { text, inputs } = lowerProgram(index, fetches, reach, [], { precision: "HIGHEST" });
  const program = await client.compile(text);
  const args = await Promise.all(
    inputs.map(({ name }) => {
      const { type, shape, data } = feeds[name]!;
      return client.put({ type, shape, data });
    }),
  );
  const [results] = await program.run([args], []);
  const xla = new Map<string, Float32Array>();
  for (const [i, name] of fetches.entries()) {
    const bytes = await results![i]!.read();
    xla.set(name, new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4));
  }
  program.close();
  return { tensorflow: new Map(fetches.map((name, i) => [name, floats(wanted[i])])), xla };
}
