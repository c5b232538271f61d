/** The gradient of group normalization in bfloat16 against its definition in float64, value by value. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { sizeOf } from "../../src/archive/shape.js";
import { floats } from "../../src/engine/session.js";
import { attribute } from "../../src/graph/attributes.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import { cast } from "../../src/graph/ops.js";
import { narrowed } from "../bfloat16.js";
import { engine } from "../engine-for-tests.js";
import type { Shape } from "./tile-cases.js";
import { wave } from "./traced-gradients.js";

const skip = !engine.target.native.layers && "the engine has no operations of ours";
const groups = 16;

type Name = "dy" | "x" | "plus" | "gamma" | "beta" | "mean" | "rstd";

function madeValues(shape: Shape) {
  const [n, , , c] = shape;
  const values: Record<Name, { shape: number[]; data: Float32Array }> = {
    ...{ dy: wave(shape, 1), x: wave(shape, 2, 0.5), plus: wave(shape, 3) },
    ...{ gamma: wave([c], 4, 1), beta: wave([c], 5), mean: wave([n, groups], 6, 0.5) },
    // Deviations are positive; these need not be those of x.
    rstd: wave([n, groups], 7, 3),
  };
  for (const name of ["dy", "x", "plus"] as const)
    values[name] = { shape: [...shape], data: narrowed(values[name].data) };
  values.rstd.data.forEach((value, i) => {
    values.rstd.data[i] = Math.abs(value) + 0.1;
  });
  return values;
}

type Made = ReturnType<typeof madeValues>;

async function gradient(made: Made, adds: boolean): Promise<Float32Array[]> {
  const builder = new GraphBuilder();
  const used = Object.entries(made).filter(([name]) => adds || name !== "plus");
  const { dy, x, plus, ...rest } = Object.fromEntries(
    used.map(([name, { shape }]) => {
      const fed = { ...builder.placeholder(name, "float32", shape), shape };
      return [name, shape.length === 4 ? cast(builder, fed, "bfloat16") : fed] as const;
    }),
  );
  const inputs = [dy!, x!, rest["gamma"]!, rest["beta"]!, rest["mean"]!, rest["rstd"]!];
  const attrs = {
    ...{ T: attribute.type("bfloat16"), groups: attribute.int(groups) },
    N: attribute.int(adds ? 1 : 0),
  };
  const channels = { type: "float32", shape: made.gamma.shape } as const;
  const maps = { type: "bfloat16", shape: made.x.shape } as const;
  const outputs = builder.add("BitGroupNormReluGrad", adds ? [...inputs, plus!] : inputs, attrs, [
    maps,
    channels,
    channels,
  ]);
  const names = outputs.map((output, i) => {
    const shaped = { ...output, shape: i === 0 ? maps.shape : channels.shape };
    builder.fetchable(`out/${i}`, cast(builder, shaped, "float32"));
    return `out/${i}`;
  });
  const session = engine.open(builder.build());
  try {
    const feeds = used.map(([name, value]) => [name, { type: "float32" as const, ...value }]);
    return (await session.run(Object.fromEntries(feeds), names)).map(floats);
  } finally {
    session.close();
  }
}

/** dx, dgamma and dbeta by their definition, what decides over the ReLU, and how large dx's summands are. */
function defined({ dy, x, gamma, beta, mean, rstd }: Made) {
  const [n, h, w, c] = x.shape as Shape;
  const pixels = h * w;
  const per = c / groups;
  const size = sizeOf(x.shape);
  const [dx, argument, summands] = [1, 2, 3].map(() => new Float64Array(size)) as Float64Array[];
  const [dgamma, dbeta] = [new Float64Array(c), new Float64Array(c)];
  for (let image = 0; image < n; image++)
    for (let group = 0; group < groups; group++) {
      const [mu, r] = [mean, rstd].map(({ data }) => data[image * groups + group]!);
      const places: number[] = [];
      for (let i = 0; i < pixels * per; i++)
        places.push((image * pixels + Math.floor(i / per)) * c + group * per + (i % per));
      let [m1, m2] = [0, 0];
      for (const at of places) {
        const normalized = (x.data[at]! - mu!) * r!;
        argument![at] = normalized * gamma.data[at % c]! + beta.data[at % c]!;
        const d = argument![at]! > 0 ? dy.data[at]! : 0;
        dgamma[at % c]! += d * normalized;
        dbeta[at % c]! += d;
        m1 += (d * gamma.data[at % c]!) / places.length;
        m2 += (d * gamma.data[at % c]! * normalized) / places.length;
      }
      for (const at of places) {
        const normalized = (x.data[at]! - mu!) * r!;
        const own = argument![at]! > 0 ? dy.data[at]! * gamma.data[at % c]! : 0;
        dx![at] = r! * (own - m1 - normalized * m2);
        summands![at] = r! * (Math.abs(own) + Math.abs(m1) + Math.abs(normalized * m2));
      }
    }
  return { dx: dx!, argument: argument!, summands: summands!, dgamma, dbeta };
}

// Images of one part and of several; rows in fours and not; channels that vectors of 32 divide, and some that they do not.
const shapes: Shape[] = [
  [3, 4, 4, 64],
  [2, 3, 5, 96],
  [5, 1, 1, 32],
  [1, 41, 40, 32],
  [2, 19, 17, 48],
];

for (const shape of shapes)
  test(`images [${shape}]`, { skip }, async () => {
    const made = madeValues(shape);
    const wanted = defined(made);
    // At the ReLU's edge float32 may decide otherwise, for a value and for its sums: there are none such here.
    assert.ok(wanted.argument.every((value) => Math.abs(value) > 1e-6));
    for (const adds of [false, true]) {
      const [dx, dgamma, dbeta] = await gradient(made, adds);
      wanted.dx.forEach((value, i) => {
        const whole = value + (adds ? made.plus.data[i]! : 0);
        // Half of bfloat16's last place, and float32's roundings of what is summed.
        const off = Math.abs(dx![i]! - whole) - 1e-5 * (wanted.summands[i]! + 1);
        assert.ok(off <= Math.abs(whole) * 2 ** -8, `${i}: ${dx![i]}, ${whole}`);
      });
      for (const [got, sums] of [
        [dgamma!, wanted.dgamma],
        [dbeta!, wanted.dbeta],
      ] as const) {
        const largest = sums.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
        sums.forEach((value, i) => {
          assert.ok(Math.abs(got[i]! - value) < 1e-5 * largest, `${i}: ${got[i]}, ${value}`);
        });
      }
    }
  });
