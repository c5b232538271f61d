/** One of several processes whose sessions reach each other, as a test starts it: `host rank ports...`. */

import { joinCluster } from "../../src/engine/cluster.js";
import { floats } from "../../src/engine/session.js";
import { Collectives } from "../../src/graph/collectives.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import { endpointText } from "../../src/ranks/address.js";
import { engine } from "../engine-for-tests.js";

const [host = "127.0.0.1", ...numbers] = process.argv.slice(2);
const [rank = 0, ...ports] = numbers.map(Number);
const cluster = joinCluster(engine.installed, {
  ...{ rank, threads: 1, timeoutMs: 60_000 },
  addresses: ports.map((port) => endpointText({ host, port })),
});
const builder = new GraphBuilder();
const collectives = new Collectives(builder, ports.length);
const shapes = [[4], [], [2, 3], [3_000_000]];
const values = shapes.map((shape, i) => {
  return { ...builder.placeholder(`x${i}`, "float32", shape), shape };
});
const means = collectives.means(values);
for (const [i, mean] of means.entries()) builder.fetchable(`mean${i}`, mean);
builder.fetchable("all", collectives.gathered(values[2]!));
const own = builder.placeholder("own", "int32", []);
const [ofFirst] = collectives.ofOne([values[0]!], own);
builder.fetchable("of_first", ofFirst!);

const session = cluster.open(builder.build());
const feeds = Object.fromEntries(
  shapes.map((shape, i) => {
    const size = shape.reduce((product, side) => product * side, 1);
    const data = Float32Array.from({ length: size }, (_, k) => (rank + 1) * (k + i));
    return [`x${i}`, { type: "float32", shape, data } as const];
  }),
);
// What others get is of rank 0: with a zero that is not what adding would make of it.
feeds["x0"]!.data[0] = rank === 0 ? -0 : 7;
const [a, b, c, d] = await session.run(feeds, ["mean0", "mean1", "mean2", "mean3"]);
const [all] = await session.run(feeds, ["all"]);
const isFirst = { type: "int32", shape: [], data: Int32Array.of(rank === 0 ? 1 : 0) } as const;
const [got] = await session.run({ ...feeds, own: isFirst }, ["of_first"]);
const long = floats(d);
process.send!({
  means: [a, b, c].map((value) => [...floats(value)]),
  long: [long[0], long[1], long[2_999_999]],
  all: { shape: all!.shape, data: [...floats(all)] },
  isNegativeZero: Object.is(floats(got)[0], -0),
  got: [...floats(got)].slice(1),
});
// The server is here until the test has seen what it answers.
process.once("message", () => {
  session.close();
  process.disconnect();
});
