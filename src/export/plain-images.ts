/** Values of a graph that are images, of a number, height and width that only a run tells. */
import { attribute } from "../graph/attributes.js";
import type { NodeList, Output } from "../graph/node-list.js";
import { cast, reshape, shapeOf, slice } from "../graph/ops.js";

const float32 = attribute.type("float32");
const int32 = attribute.type("int32");

/** Number, height and width of images in a graph, and what follows from them; each made when it is asked for. */
export class Extent {
  private readonly made = new Map<string, Output>();

  /** @param images `[N,H,W,C]` */
  constructor(
    private readonly nodes: NodeList,
    private readonly images: Output,
  ) {}

  /** float32 `[1,1,H W]`, each 1 / (H W): the mean over pixels is the product with it. */
  get meanWeights(): Output {
    return this.once("mean", () => {
      const result = { type: "float32", shape: [1, 1, -1] } as const;
      const dims = joined(this.nodes, [this.nodes.ints([1, 1]), this.pixels]);
      const fill = { T: float32, index_type: int32 };
      const one = this.nodes.constant("float32", [], [1]);
      const ones = this.nodes.one("Fill", [dims, one], fill, result);
      const count = cast(this.nodes, this.pixels, "float32");
      return this.nodes.one("RealDiv", [ones, count], { T: float32 }, result);
    });
  }

  /** The shape `[N,H,W,channels]`, or `[N,H W,channels]`. */
  dims(rank: 3 | 4, channels: number): Output {
    return this.once(`${rank} ${channels}`, () => {
      const last = this.nodes.ints([channels]);
      const first = rank === 4 ? [this.part(0, 3)] : [this.part(0, 1), this.pixels];
      return joined(this.nodes, [...first, last]);
    });
  }

  /** H W: int32 `[1]` */
  private get pixels(): Output {
    return this.once("pixels", () => {
      const attrs = { T: int32, Tidx: int32, keep_dims: attribute.bool(true) };
      const inputs = [this.part(1, 2), this.nodes.ints([0])];
      return this.nodes.one("Prod", inputs, attrs, { type: "int32", shape: [1] });
    });
  }

  private part(begin: number, size: number): Output {
    return this.once(`part ${begin} ${size}`, () => {
      const shape = this.once("shape", () => shapeOf(this.nodes, this.images, 4));
      const bounds = { begin: this.nodes.ints([begin]), size: this.nodes.ints([size]) };
      return slice(this.nodes, shape, bounds, [size]);
    });
  }

  private once(key: string, make: () => Output): Output {
    const known = this.made.get(key) ?? make();
    this.made.set(key, known);
    return known;
  }
}

function joined(nodes: NodeList, parts: readonly Output[]): Output {
  const attrs = { N: attribute.int(parts.length), T: int32, Tidx: int32 };
  return nodes.one("ConcatV2", [...parts, nodes.ints(0)], attrs, {
    type: "int32",
    shape: undefined,
  });
}

type Rank = 2 | 3 | 4;

/** Images as `[N H W,C]`, `[N,H W,C]` or `[N,H,W,C]`: whichever is asked for, of the same values. */
export class Images {
  private readonly forms = new Map<Rank, Output>();

  constructor(
    private readonly nodes: NodeList,
    value: Output,
    readonly rank: Rank,
    readonly channels: number,
    readonly extent: Extent,
  ) {
    this.forms.set(rank, value);
  }

  as(rank: Rank): Output {
    const known = this.forms.get(rank) ?? this.reshaped(rank);
    this.forms.set(rank, known);
    return known;
  }

  private reshaped(rank: Rank): Output {
    const value = this.forms.get(this.rank)!;
    const { channels } = this;
    if (rank === 2) return reshape(this.nodes, value, [-1, channels]);
    const shape = rank === 4 ? [-1, -1, -1, channels] : [-1, -1, channels];
    return reshape(this.nodes, value, shape, this.extent.dims(rank, channels));
  }
}
