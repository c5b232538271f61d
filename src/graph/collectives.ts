/**
 * Operations that several processes do together, each with its own graph of the same nodes. Each waits for all
 * the others, so all processes must run the same ones in the same order.
 * Source: tensorflow/core/ops/collective_ops.cc.
 */
import { inGroups } from "../archive/array-groups.js";
import { sizeOf } from "../archive/shape.js";
import { attribute } from "./attributes.js";
import type { GraphBuilder } from "./graph-builder.js";
import type { Output, ShapedOutput } from "./node-list.js";
import { reshape, slice } from "./ops.js";

/** After so long a collective operation fails whose partners do not come. */
export const collectiveTimeoutSeconds = 1800;

/** Largest sum of sizes that one reduction is made of, where it is not a single array. */
const bucketBytes = 8 * 2 ** 20;

const groupKey = 1;

/** Collective operations of a graph. Every process must ask for the same ones in the same order. */
export class Collectives {
  private instances = 0;
  /** Type and shape of what is averaged, one entry a reduction, in their order. */
  readonly reductions: Pick<ShapedOutput, "type" | "shape">[] = [];

  /** @param processes at least 2 */
  constructor(
    private readonly builder: GraphBuilder,
    readonly processes: number,
  ) {}

  /**
   * Means over all processes of float32 values, in as few reductions as their sizes allow. The last values
   * come first, since they are gradients that are there first. The same bits in every process.
   */
  means(values: readonly ShapedOutput[]): ShapedOutput[] {
    const results = new Map<ShapedOutput, ShapedOutput>();
    for (const bucket of inGroups([...values].reverse(), ({ shape }) => shape, bucketBytes)) {
      const flat = bucket.map((value) => reshape(this.builder, value, [sizeOf(value.shape)]));
      const mean = this.reduced(joined(this.builder, flat));
      const { type } = bucket[0]!;
      this.reductions.push({
        type,
        shape: [bucket.reduce((n, { shape }) => n + sizeOf(shape), 0)],
      });
      let begin = 0;
      for (const [i, value] of bucket.entries()) {
        const { shape } = flat[i]!;
        const part =
          bucket.length === 1
            ? mean
            : slice(
                this.builder,
                mean,
                { begin: this.builder.ints([begin]), size: this.builder.ints(shape) },
                shape,
              );
        results.set(value, reshape(this.builder, part, value.shape));
        begin += shape[0]!;
      }
    }
    return values.map((value) => results.get(value)!);
  }

  /** `[N, ...]` of each process, one after the other in the order of their ranks: `[processes * N, ...]`. */
  gathered(value: ShapedOutput): ShapedOutput {
    const [first = 1, ...rest] = value.shape;
    const attrs = { T: attribute.type(value.type), ...this.common() };
    return this.builder.one("CollectiveGatherV2", [value, ...this.keys()], attrs, {
      type: value.type,
      shape: [this.processes * first, ...rest],
    });
  }

  /**
   * What one process has, for all the others: it runs `sent`, they run `received`, which has the same bits.
   */
  broadcast(value: ShapedOutput): { readonly sent: Output; readonly received: ShapedOutput } {
    const { type, shape } = value;
    const keys = this.keys();
    const attrs = { T: attribute.type(type), ...this.waiting() };
    const sent = this.builder.one("CollectiveBcastSendV2", [value, ...keys], attrs, {
      type,
      shape,
    });
    const received = this.builder.one(
      "CollectiveBcastRecvV2",
      [...keys, this.builder.ints(shape)],
      { ...attrs, Tshape: attribute.type("int32") },
      { type, shape },
    );
    return { sent, received };
  }

  private reduced(value: ShapedOutput): ShapedOutput {
    const attrs = {
      ...{ T: attribute.type(value.type), ...this.common() },
      merge_op: attribute.string("Add"),
      final_op: attribute.string("Div"),
      max_subdivs_per_device: attribute.int(-1),
    };
    return this.builder.one("CollectiveReduceV2", [value, ...this.keys()], attrs, value);
  }

  /** Size and number of the group, number of the operation. */
  private keys(): Output[] {
    this.instances++;
    const { builder, processes, instances } = this;
    return [builder.ints(processes), builder.ints(groupKey), builder.ints(instances)];
  }

  private common() {
    return {
      ...this.waiting(),
      Nordering_token: attribute.int(0),
      is_stateless: attribute.bool(false),
    };
  }

  private waiting() {
    return {
      communication_hint: attribute.string("auto"),
      timeout_seconds: attribute.float(collectiveTimeoutSeconds),
    };
  }
}

function joined(builder: GraphBuilder, flat: readonly ShapedOutput[]): ShapedOutput {
  if (flat.length === 1) return flat[0]!;
  const { type } = flat[0]!;
  const attrs = {
    N: attribute.int(flat.length),
    T: attribute.type(type),
    Tidx: attribute.type("int32"),
  };
  const shape = [flat.reduce((sum, value) => sum + value.shape[0]!, 0)];
  return builder.one("ConcatV2", [...flat, builder.ints(0)], attrs, { type, shape });
}
