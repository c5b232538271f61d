/** How ranks begin alike: rank 0 hands its variables to all the others. */
import { type Session, scalar } from "../engine/session.js";
import type { Collectives } from "../graph/collectives.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import { assign, fill } from "../graph/ops.js";
import type { RankPlace } from "../ranks/rank-place.js";
import type { GraphVariable } from "./variables.js";

const ownName = "ranks/own";
const clearName = "ranks/clear";
const shareName = "ranks/share";

/** Adds what `shareState` runs. */
export function addSharing(
  builder: GraphBuilder,
  collectives: Collectives,
  variables: readonly GraphVariable[],
): void {
  const cleared = variables.map(({ handle, shape }) => {
    return assign(builder, handle, fill(builder, "float32", shape, 0));
  });
  builder.fetchable(clearName, builder.ints(0), cleared);
  const own = builder.placeholder(ownName, "int32", []);
  const values = variables.map(({ read, shape }) => ({ ...read, shape }));
  const shared = collectives.ofOne(values, own);
  const assigned = variables.map(({ handle }, i) => assign(builder, handle, shared[i]!));
  builder.fetchable(shareName, builder.ints(0), assigned);
}

/** Gives all ranks the variables of rank 0, to the bit. All are to call it at the same time. */
export async function shareState(session: Session, { rank }: RankPlace): Promise<void> {
  // What has no value cannot be left out of a sum.
  if (rank !== 0) await session.run({}, [clearName]);
  await session.run({ [ownName]: scalar("int32", rank === 0 ? 1 : 0) }, [shareName]);
}
