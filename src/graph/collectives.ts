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
import { cast, fill, reshape, slice } from "./ops.js";

/** The largest sum of sizes that one reduction is made of, where it is not a single array. */
const bucketBytes = 8 * 2 ** 20;
/** Of more than 16 processes it is larger, so that what each of them sends the next is not less than this. */
const messageBytes = 2 ** 19;

const groupKey = 1;

/** What values are sent as. Whatever it is, they are added up as float32. */
export type WireType = "float32" | "bfloat16";

// What is sent apart begins where TensorFlow wants memory to begin: at multiples of 64 bytes.
const alignedValues = 32;

/** Collective operations of a graph. Every process must ask for the same ones in the same order. */
export class Collectives {
  /** Type and shape of what is sent to be averaged, one entry a reduction, in their order. */
  readonly reductions: Pick<ShapedOutput, "type" | "shape">[] = [];
  /** A reduction before which TensorFlow has nothing ready for an exchange. */
  private counted: Output | undefined;

  /**
   * @param processes at least 2
   * @param instances the number before that of the first operation. A server remembers the shape of each number, of all
   *   graphs that it has run: those whose shapes differ are to begin at different ones.
   */
  constructor(
    private readonly builder: GraphBuilder,
    readonly processes: number,
    private instances = 0,
  ) {}

  /**
   * Means over all processes of float32 values, in as few reductions as their sizes allow. The last values
   * come first, since they are gradients that are there first. The same bits in every process.
   * @param wire bfloat16: half the bytes; each process's values are rounded to it, and so are the means
   */
  means(values: readonly ShapedOutput[], wire: WireType = "float32"): ShapedOutput[] {
    const results = new Map<ShapedOutput, ShapedOutput>();
    // Every process sends a part to each of the others, and a message has a price of its own.
    const largest = Math.max(bucketBytes, this.processes * messageBytes);
    for (const bucket of inGroups([...values].reverse(), ({ shape }) => shape, largest)) {
      const flat = bucket.map((value) => reshape(this.builder, value, [sizeOf(value.shape)]));
      const mean = wire === "float32" ? this.reduced(flat) : this.exchanged(flat, wire);
      this.reductions.push({ type: wire, shape: [lengthOf(flat)] });
      let begin = 0;
      for (const [i, value] of bucket.entries()) {
        const { shape } = flat[i]!;
        const part =
          mean.shape[0] === shape[0]
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
   * float32 values of one process, for all processes, to the bit.
   * @param own int32, one number: 1 in the process whose values they are, 0 in all others
   */
  ofOne(values: readonly ShapedOutput[], own: Output): ShapedOutput[] {
    const { builder } = this;
    const [float32, int32] = [attribute.type("float32"), attribute.type("int32")];
    return values.map((value) => {
      const spec = { type: "int32", shape: value.shape } as const;
      const bits = builder.one("Bitcast", [value], { T: float32, type: int32 }, spec);
      // Whole numbers: nothing is rounded, and what is added is 0.
      const kept = builder.one("Mul", [bits, own], { T: int32 }, spec);
      const all = this.summed(kept, "Id");
      return builder.one("Bitcast", [all], { T: int32, type: float32 }, value);
    });
  }

  /** The mean of what vectors come to one after the other, added up on the way round a ring of the processes. */
  private reduced(flat: readonly ShapedOutput[]): ShapedOutput {
    return this.summed(joined(this.builder, flat), "Div");
  }

  /** @param last what becomes of the sum: divided by the number of processes, or left as it is */
  private summed(value: ShapedOutput, last: "Div" | "Id"): ShapedOutput {
    const attrs = {
      ...{ T: attribute.type(value.type), ...this.common() },
      merge_op: attribute.string("Add"),
      final_op: attribute.string(last),
      max_subdivs_per_device: attribute.int(-1),
    };
    return this.builder.one("CollectiveReduceV2", [value, ...this.keys()], attrs, value);
  }

  /**
   * The same of values that are sent as a narrower type, and zeros after it. Round a ring each process would round
   * the sum so far. So each is sent its part of all processes' values, adds these up as float32, and sends the
   * mean to all the others: two roundings, however many processes there are, and as many bytes as by a ring.
   * @returns a vector that may be longer than the values
   */
  private exchanged(flat: readonly ShapedOutput[], wire: WireType): ShapedOutput {
    const { builder, processes } = this;
    const count = lengthOf(flat);
    const part = alignedValues * Math.ceil(count / (alignedValues * processes));
    const missing = part * processes - count;
    const zeros = missing > 0 ? [fill(builder, "float32", [missing], 0)] : [];
    const rows = reshape(builder, joined(builder, [...flat, ...zeros]), [processes, part]);
    const parts = cast(builder, this.allToAll(cast(builder, rows, wire)), "float32");
    const T = { T: attribute.type("float32") };
    const int32 = attribute.type("int32");
    const sum = builder.one(
      "Sum",
      [parts, builder.ints([0])],
      { ...T, Tidx: int32, keep_dims: attribute.bool(true) },
      { type: "float32", shape: [1, part] },
    );
    const divisor = builder.constant("float32", [], [processes]);
    const mean = cast(builder, builder.one("RealDiv", [sum, divisor], T, sum), wire);
    const forAll = builder.one(
      "Tile",
      [mean, builder.ints([processes, 1])],
      { T: attribute.type(wire), Tmultiples: int32 },
      { type: wire, shape: rows.shape },
    );
    const means = cast(builder, this.allToAll(forAll), "float32");
    return reshape(builder, means, [processes * part]);
  }

  /** Of `[processes, ...]` each process gives row i to process i, and is given a row by each of them. */
  private allToAll(value: ShapedOutput): ShapedOutput {
    const attrs = { T: attribute.type(value.type), ...this.common() };
    // TensorFlow does not count this one as a collective operation, and has nothing ready for it unless the same run
    // has one that counts.
    this.counted ??= this.reduced([fill(this.builder, "float32", [1], 0)]);
    return this.builder.one("CollectiveAllToAllV2", [value, ...this.keys()], attrs, value, {
      after: [this.counted],
    });
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
      // A time-out of an operation's own is a thread that sleeps for as long, also once the operation is done: two for
      // each, at every step. It is the run that ends where partners do not come.
      timeout_seconds: attribute.float(0),
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
  const shape = [lengthOf(flat)];
  return builder.one("ConcatV2", [...flat, builder.ints(0)], attrs, { type, shape });
}

function lengthOf(flat: readonly ShapedOutput[]): number {
  return flat.reduce((sum, { shape }) => sum + shape[0]!, 0);
}
