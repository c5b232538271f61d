/** Features of which several ranks each make some, and all are given all. */
import { floats, type Session, scalar } from "../engine/session.js";
import { Collectives } from "../graph/collectives.js";
import type { GraphBuilder } from "../graph/graph-builder.js";
import type { Output } from "../graph/node-list.js";
import type { RankPlace } from "../ranks/rank-place.js";
import { addSharing } from "./share-state.js";
import type { GraphVariable } from "./variables.js";

/** What a run fetches: features of all ranks' batches, one after the other in their order, `[ranks * batch, channels]`. */
export const featuresOfAll = "predict/features_of_all";

/** More than any graph has collective operations: those of graphs of another batch, or of training, have other numbers. */
const instancesApart = 2 ** 16;

const rowsName = "predict/rows";
const ownName = "predict/own_rows";
const sharedName = "predict/rows_of_one";

/**
 * Adds `featuresOfAll`, and what `shareState` and `shareRows` run.
 * @param features float32, of this rank's batch
 * @param shape `[batch, channels]`
 */
export function addFeatureSharing(
  builder: GraphBuilder,
  { ranks }: RankPlace,
  variables: readonly GraphVariable[],
  features: Output,
  shape: readonly [batch: number, channels: number],
): void {
  const collectives = new Collectives(builder, ranks, instancesApart * shape[0]);
  builder.fetchable(featuresOfAll, collectives.gathered({ ...features, shape: [...shape] }));
  addSharing(builder, collectives, variables);
  const rows = builder.placeholder(rowsName, "float32", shape);
  const own = builder.placeholder(ownName, "int32", []);
  const [shared] = collectives.ofOne([{ ...rows, shape: [...shape] }], own);
  builder.fetchable(sharedName, shared!);
}

/**
 * Gives all ranks rows of rank 0, to the bit. All are to call it at the same time.
 * @param rows float32 `shape`; of other ranks, zeros
 */
export async function shareRows(
  session: Session,
  { rank }: RankPlace,
  rows: Float32Array,
  shape: readonly [batch: number, channels: number],
): Promise<Float32Array> {
  const feeds = {
    [rowsName]: { type: "float32", shape, data: rows },
    [ownName]: scalar("int32", rank === 0 ? 1 : 0),
  } as const;
  const [shared] = await session.run(feeds, [sharedName]);
  return floats(shared);
}
