/** A process of its own, whose peak of memory is that of loading an archive: FILE engine|javascript. */
import { fileURLToPath } from "node:url";
import { NpzReader } from "../../src/archive/npz-reader.js";
import { openEngine } from "../../src/engine/open.js";
import { floats } from "../../src/engine/session.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import { plainTarget } from "../../src/graph/target.js";
import { parseArchitecture, variableSpecs } from "../../src/model/architecture.js";
import { loadArchive } from "../../src/step/initial-values.js";
import { declareVariables } from "../../src/step/variables.js";

export const largeModel = "BiT-M-R152x4";
export const largeClasses = 21_843;

/** The value at place `i` of variable `index`: different everywhere that matters, exact in float32. */
export function valueAt(index: number, i: number): number {
  return ((index * 7919 + i) % 65_521) / 1024;
}

export interface LoadReport {
  readonly peakBytes: number;
  readonly ms: number;
  /** Variables that hold other values than the archive. */
  readonly wrong: readonly string[];
}

async function load(path: string, loadable: boolean): Promise<LoadReport> {
  const engine = openEngine();
  const builder = new GraphBuilder();
  const specs = variableSpecs(parseArchitecture(largeModel), largeClasses);
  const variables = declareVariables(builder, specs, loadable ? engine.target : plainTarget);
  const session = engine.open(builder.build());
  const begun = performance.now();
  const archive = await NpzReader.open(path);
  await loadArchive(session, archive, variables, { model: largeModel, newHead: false });
  await archive.close();
  const ms = Math.round(performance.now() - begun);
  const peakBytes = 1024 * process.resourceUsage().maxRSS;
  const wrong: string[] = [];
  for (const [index, { name }] of specs.entries()) {
    const values = floats((await session.run({}, [`${name}/read`]))[0]);
    // A prime's multiples and both ends: enough to see values of another place.
    const places = [0, values.length - 1];
    for (let i = 0; i < values.length; i += 10_007) places.push(i);
    if (places.some((i) => values[i] !== valueAt(index, i))) wrong.push(name);
  }
  session.close();
  return { peakBytes, ms, wrong };
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const [path, reader] = process.argv.slice(2);
  console.log(JSON.stringify(await load(path!, reader === "engine")));
}
