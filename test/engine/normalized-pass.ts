/** One of our convolutions with what it does besides, node by node: for tests of just that. */
import { sizeOf } from "../../src/archive/shape.js";
import { floats } from "../../src/engine/session.js";
import { attribute } from "../../src/graph/attributes.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import { tileNumbers } from "../../src/graph/image-kernels.js";
import type { ShapedOutput } from "../../src/graph/node-list.js";
import { cast } from "../../src/graph/ops.js";
import type { OwnConvolution } from "../../src/graph/target.js";
import { narrowed } from "../bfloat16.js";
import { engine } from "../engine-for-tests.js";
import type { Shape } from "./tile-cases.js";
import { wave } from "./traced-gradients.js";

export interface Pass {
  readonly x: Shape;
  readonly kernel: Shape;
  readonly stride: 1 | 2;
  /** Rows and columns of zeros at the top and the left; as many at the bottom and the right, or as are met. */
  readonly pad: 0 | 1;
}

export interface PassOptions extends Pass {
  /** What is added to all of an image's result. Default: nothing. */
  readonly far?: (image: number) => number;
  /** Who normalizes what is read, as it has been made up. Default: nobody. */
  readonly normalize?: "in the convolution" | "before it";
  /** One image of these, all by itself. */
  readonly only?: number;
  /** By what it is computed: on plain tiles, by default. */
  readonly by?: OwnConvolution;
  /** Of images and kernel. Default: bfloat16. Values are such as it has, whatever the type. */
  readonly type?: "float32" | "bfloat16";
}

/** A convolution's result `shape`, its groups' mean and 1 / deviation `[N,32]`, and its gradient by the kernel. */
export interface Passed {
  readonly shape: Shape;
  readonly y: Float32Array;
  readonly mean: Float32Array;
  readonly rstd: Float32Array;
  readonly dw: Float32Array;
}

export async function runPass(options: PassOptions): Promise<Passed> {
  const { kernel, stride, pad, far = () => 0, normalize, only, by = "plain" } = options;
  const { type = "bfloat16" } = options;
  const [all, h, w, c] = options.x;
  const [kh, kw, , o] = kernel;
  const [oh, ow] = [h, w].map((size, i) => {
    return Math.floor((size + 2 * pad - [kh, kw][i]!) / stride) + 1;
  }) as [number, number];
  const made = {
    x: wave([all, h, w, c], 1),
    factors: wave([all, 2, c], 2, 0.5),
    plus: wave([all, oh, ow, o], 3),
    dy: wave([all, oh, ow, o], 4),
  };
  for (let i = 0; i < made.plus.data.length; i++)
    made.plus.data[i]! += far(Math.floor(i / (oh * ow * o)));
  const n = only === undefined ? all : 1;
  const part = ({ shape, data }: ReturnType<typeof wave>) => {
    const size = sizeOf(shape.slice(1));
    const own = only === undefined ? data : data.slice(only * size, (only + 1) * size);
    return { type: "float32", shape: [n, ...shape.slice(1)], data: narrowed(own) } as const;
  };
  const feeds = {
    ...{ x: part(made.x), factors: part(made.factors), plus: part(made.plus), dy: part(made.dy) },
    w: { type: "float32", shape: kernel, data: narrowed(wave(kernel, 5).data) } as const,
    gamma: { type: "float32", shape: [o], data: new Float32Array(o).fill(1) } as const,
    beta: { type: "float32", shape: [o], data: new Float32Array(o) } as const,
  };
  if (normalize === "before it") normalizeNow(feeds.x, feeds.factors.data, type);

  const builder = new GraphBuilder();
  const fed = (name: keyof typeof feeds): ShapedOutput => {
    const { shape } = feeds[name];
    return { ...builder.placeholder(name, "float32", shape), shape };
  };
  const typed = (name: keyof typeof feeds) => cast(builder, fed(name), type);
  const [x, dy] = [typed("x"), typed("dy")];
  const factors = normalize === "in the convolution" ? [fed("factors")] : [];
  const shared = {
    ...{ stride: attribute.int(stride), pad_top: attribute.int(pad), pad_left: attribute.int(pad) },
    ...{ tiles: attribute.int(tileNumbers[by]), F: attribute.int(factors.length) },
  };
  const shape: Shape = [n, oh, ow, o];
  // Vectors do not sum up what they make.
  const M = attribute.int(by === "vectors" ? 0 : 1);
  const madeMoments = by === "vectors" ? [] : [{ type: "float64", shape: [n, 2, o] } as const];
  const [y, ...moments] = builder.add(
    "BitConv",
    [x, typed("w"), typed("plus"), ...factors],
    {
      ...shared,
      ...{ T: attribute.type(type), turned: attribute.int(0), packed: attribute.int(0) },
      ...{ out_height: attribute.int(oh), out_width: attribute.int(ow) },
      ...{ N: attribute.int(1), M },
    },
    [{ type, shape }, ...madeMoments],
  );
  const statistics = { type: "float32", shape: [n, 32] } as const;
  const [, mean, rstd] = builder.add(
    "BitGroupNormFactors",
    [y, fed("gamma"), fed("beta"), ...moments],
    {
      ...{ T: attribute.type(type), groups: attribute.int(32) },
      ...{ epsilon: attribute.float(1e-5), M },
    },
    [{ type: "float32", shape: [n, 2, o] }, statistics, statistics],
  );
  const size = {
    ...{ T: attribute.type(type) },
    ...{ kernel_height: attribute.int(kh), kernel_width: attribute.int(kw) },
  };
  const [dw] = builder.add("BitConvFilterGrad", [x, dy, ...factors], { ...shared, ...size }, [
    { type: "float32", shape: kernel },
  ]);
  const wanted = { y: cast(builder, { ...y, shape }, "float32"), mean: mean!, rstd: rstd!, dw };
  for (const [name, output] of Object.entries(wanted)) builder.fetchable(`out/${name}`, output);
  const session = engine.open(builder.build());
  try {
    const { factors: unread, ...others } = feeds;
    const fetches = Object.keys(wanted).map((name) => `out/${name}`);
    const values = await session.run(factors.length > 0 ? feeds : others, fetches);
    const [ys, means, rstds, dws] = values.map(floats);
    return { shape, y: ys!, mean: means!, rstd: rstds!, dw: dws! };
  } finally {
    session.close();
  }
}

/** max(0, x * scale + offset), which float64 has exactly of such values, rounded to float32, and to bfloat16. */
function normalizeNow(
  x: { shape: readonly number[]; data: Float32Array },
  factors: Float32Array,
  type: "float32" | "bfloat16",
): void {
  const c = x.shape[3]!;
  const image = sizeOf(x.shape.slice(1));
  const wide = x.data.map((value, i) => {
    const scale = 2 * c * Math.floor(i / image) + (i % c);
    return Math.max(0, value * factors[scale]! + factors[scale + c]!);
  });
  x.data.set(type === "float32" ? wide : narrowed(wide));
}
