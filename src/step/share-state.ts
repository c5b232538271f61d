/** How ranks begin alike: rank 0 hands its variables to all the others. */
import type { Session } from "../engine/session.js";
import type { Collectives } from "../graph/collectives.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import { assign } from "../graph/ops.js";
import type { RankPlace } from "../ranks/rank-place.js";
import type { GraphVariable } from "./variables.js";

const sendName = "ranks/send";
const receiveName = "ranks/receive";

/** Adds what `shareState` runs. */
export function addSharing(
  builder: GraphBuilder,
  collectives: Collectives,
  variables: readonly GraphVariable[],
): void {
  const shared = variables.map(({ handle, read, shape }) => {
    const { sent, received } = collectives.broadcast({ ...read, shape });
    return { sent, assigned: assign(builder, handle, received) };
  });
  const done = builder.ints(0);
  builder.fetchable(
    sendName,
    done,
    shared.map(({ sent }) => sent),
  );
  builder.fetchable(
    receiveName,
    done,
    shared.map(({ assigned }) => assigned),
  );
}

/** Gives all ranks the variables of rank 0, to the bit. All are to call it at the same time. */
export async function shareState(session: Session, { rank }: RankPlace): Promise<void> {
  await session.run({}, [rank === 0 ? sendName : receiveName]);
}
