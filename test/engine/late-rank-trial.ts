/** One of two processes, of which the second does not come to the second operation: what the first is told. */
import { setTimeout as sleep } from "node:timers/promises";
import { SessionError } from "../../src/engine/session.js";
import { Collectives } from "../../src/graph/collectives.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import { asRank } from "../train/rank-processes.js";

const timeoutMs = 20_000;
const { place, cluster } = asRank(timeoutMs);
const builder = new GraphBuilder();
const collectives = new Collectives(builder, place.ranks);
builder.fetchable("first", collectives.gathered(builder.constant("float32", [1], [1])));
builder.fetchable("second", collectives.gathered(builder.constant("float32", [1], [2])));
const session = cluster.open(builder.build());
await session.run({}, ["first"]);
let code: string | undefined;
if (place.rank === 1) await sleep(timeoutMs + 10_000);
else
  await session.run({}, ["second"]).catch((error: unknown) => {
    code = error instanceof SessionError ? error.code : String(error);
  });
console.log(JSON.stringify({ code }));
process.exit(0);
