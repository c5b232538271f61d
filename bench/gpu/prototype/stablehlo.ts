// @ts-nocheck
// stablehlo.mjs: the product's traced TensorFlow nodes, lowered node by node to StableHLO text. One function:
// parameters, momenta, then feeds in; new parameters, new momenta, loss out. Parameters are donated.
const el = {
  float32: "f32",
  bfloat16: "bf16",
  float16: "f16",
  int32: "i32",
  uint8: "ui8",
  bool: "i1",
  int64: "i64",
};
const ty = (shape, type) => `tensor<${[...shape, el[type]].join("x")}>`;
const tt = (o) => ty(o.shape, o.type);
const arr = (a) => `array<i64${a.length ? ": " : ""}${a.join(", ")}>`;
const bytesOf = (attr) => attr.tensor.tensorContent;
function numbers(attr, type) {
  const b = bytesOf(attr);
  const buf = b.buffer.slice(b.byteOffset, b.byteOffset + b.byteLength);
  if (type === "int32") return Array.from(new Int32Array(buf));
  if (type === "float32") return Array.from(new Float32Array(buf));
  if (type === "bool") return Array.from(new Uint8Array(buf));
  return undefined;
}
const DOTS = process.env.DOTS === "1";
const one = (w, attrs) => w[0] === 1 && w[1] === 1 && attrs.strides.list.i[1] === 1;
export function lower(traced, { feeds, update = true, allReduce = 0, fetch = "train/step" }) {
  const { recorded, variables, state } = traced;
  const lines = [];
  const value = new Map();
  let counter = 0;
  const body = (s) => lines.push("    " + s);
  const fresh = () => `%${counter++}`;
  const emit = (text, out) => {
    const id = fresh();
    body(`${id} = ${text}`);
    return { id, shape: out.shape, type: out.type };
  };
  const t = (v) => ty(v.shape, v.type);
  const constant = (x, type, shape = []) => {
    const lit =
      type === "int32" || type === "int64"
        ? `${x}`
        : type === "bool"
          ? `${!!x}`
          : Number.isFinite(x)
            ? x.toExponential(9)
            : x < 0
              ? type === "float32"
                ? "0xFF800000"
                : "0xFF80"
              : "0x7F800000";
    return emit(`stablehlo.constant dense<${lit}> : ${ty(shape, type)}`, { shape, type });
  };
  const bcast = (v, shape, dims) =>
    v.shape.length === shape.length && v.shape.every((s, i) => s === shape[i])
      ? v
      : emit(
          `stablehlo.broadcast_in_dim ${v.id}, dims = [${dims.join(", ")}] : (${t(v)}) -> ${ty(shape, v.type)}`,
          { shape, type: v.type },
        );
  const bcastTo = (v, shape) =>
    bcast(
      v,
      shape,
      v.shape.map((_, i) => i + shape.length - v.shape.length),
    );
  const reshape = (v, shape) =>
    emit(`stablehlo.reshape ${v.id} : (${t(v)}) -> ${ty(shape, v.type)}`, { shape, type: v.type });
  const convert = (v, type) =>
    v.type === type
      ? v
      : emit(`stablehlo.convert ${v.id} : (${t(v)}) -> ${ty(v.shape, type)}`, {
          shape: v.shape,
          type,
        });
  const un = (op, v) => emit(`stablehlo.${op} ${v.id} : ${t(v)}`, v);
  const bin = (op, a, b, shape = a.shape) => {
    const x = bcastTo(a, shape),
      y = bcastTo(b, shape);
    return emit(`stablehlo.${op} ${x.id}, ${y.id} : ${t(x)}`, x);
  };
  const cmp = (dir, a, b, shape) => {
    const x = bcastTo(a, shape),
      y = bcastTo(b, shape);
    return emit(
      `stablehlo.compare ${dir}, ${x.id}, ${y.id} : (${t(x)}, ${t(y)}) -> ${ty(shape, "bool")}`,
      { shape, type: "bool" },
    );
  };
  const select = (p, a, b) =>
    emit(`stablehlo.select ${p.id}, ${a.id}, ${b.id} : ${t(p)}, ${t(a)}`, a);
  const reduce = (op, v, axes, keep) => {
    const init = constant(op === "maximum" ? -Infinity : 0, v.type);
    const shape = v.shape.filter((_, i) => !axes.includes(i));
    const r = emit(
      `stablehlo.reduce(${v.id} init: ${init.id}) applies stablehlo.${op} across dimensions = [${axes.join(", ")}] : (${t(v)}, ${t(init)}) -> ${ty(shape, v.type)}`,
      { shape, type: v.type },
    );
    return keep
      ? reshape(
          r,
          v.shape.map((s, i) => (axes.includes(i) ? 1 : s)),
        )
      : r;
  };
  const pads = (r) => {
    // [[top,bottom],[left,right]] of a convolution with input `inShape` and output `outShape`
    const pad = new TextDecoder().decode(r.attrs.padding.s);
    return pad;
  };
  const geometry = (r, xs, ws, ys) => {
    const strides = r.attrs.strides.list.i.slice(1, 3);
    const padding = pads(r);
    const both = [0, 1].map((d) => {
      if (padding === "VALID") return [0, 0];
      if (padding === "EXPLICIT")
        return r.attrs.explicit_paddings.list.i.slice(2 + 2 * d, 4 + 2 * d);
      const total = Math.max((ys[1 + d] - 1) * strides[d] + ws[d] - xs[1 + d], 0);
      return [total >> 1, total - (total >> 1)];
    });
    return { strides, pads: both };
  };
  const conv = (a, b, dims, { stride = [1, 1], pad, lhs = [1, 1], rhs = [1, 1] }, out) =>
    emit(
      `stablehlo.convolution(${a.id}, ${b.id}) dim_numbers = ${dims}, window = {stride = [${stride.join(", ")}], pad = [${pad.map((p) => `[${p.join(", ")}]`).join(", ")}], lhs_dilate = [${lhs.join(", ")}], rhs_dilate = [${rhs.join(", ")}]} {batch_group_count = 1 : i64, feature_group_count = 1 : i64} : (${t(a)}, ${t(b)}) -> ${tt(out)}`,
      out,
    );

  const args = []; // {name, shape, type, donatedTo}
  const arg = (name, o, attrs = "") => {
    const id = `%arg${args.length}`;
    args.push({ name, shape: [...o.shape], type: o.type, text: `${id}: ${tt(o)}${attrs}` });
    return { id, shape: o.shape, type: o.type };
  };
  const all = [...variables, ...state];
  const current = new Map(); // variable's handle node -> its argument
  all.forEach((v, i) =>
    current.set(
      v.handle.node,
      arg(
        v.name,
        { shape: v.shape, type: "float32" },
        update ? ` {tf.aliasing_output = ${i} : i32}` : "",
      ),
    ),
  );
  for (const [name, f] of Object.entries(feeds)) {
    const a = arg(name, { shape: f.shape, type: f.type });
    value.set(`${name}:0`, f.decode ? f.decode({ a, convert, constant, bin }) : a);
  }
  const get = (o) => {
    const v = value.get(`${o.node}:${o.index}`) ?? make(o.node).get(o.index);
    if (!v) throw new Error(o.node);
    return v;
  };
  const ints = (o) => numbers(recorded.get(o.node).attrs.value, "int32");
  const unary = { Exp: "exponential", Log: "log", Neg: "negate", Rsqrt: "rsqrt", Sqrt: "sqrt" };
  const binary = {
    AddV2: "add",
    Sub: "subtract",
    Mul: "multiply",
    RealDiv: "divide",
    Maximum: "maximum",
    Minimum: "minimum",
  };
  function make(name) {
    const r = recorded.get(name);
    const {
      op,
      inputs,
      attrs,
      outputs: [out],
    } = r;
    const x = () => get(inputs[0]);
    const y = () => get(inputs[1]);
    let v;
    const zeroPadOf = (o) => {
      const p = recorded.get(o.node);
      return p?.op === "PadV2"
        ? { x: p.inputs[0], p: ints(p.inputs[1]) }
        : p?.op === "Cast" && recorded.get(p.inputs[0].node)?.op === "PadV2"
          ? {
              x: recorded.get(p.inputs[0].node).inputs[0],
              p: ints(recorded.get(p.inputs[0].node).inputs[1]),
              cast: p.outputs[0].type,
            }
          : undefined;
    };
    if (op === "Const")
      v = (() => {
        if (out.shape.reduce((a, b) => a * b, 1) === 1 && numbers(attrs.value, out.type))
          return constant(numbers(attrs.value, out.type)[0], out.type, out.shape);
        const hex = Buffer.from(bytesOf(attrs.value)).toString("hex").toUpperCase();
        if (out.shape.length === 0)
          return emit(
            `stablehlo.constant dense<0x${Buffer.from(bytesOf(attrs.value)).reverse().toString("hex").toUpperCase()}> : ${tt(out)}`,
            out,
          );
        return emit(`stablehlo.constant dense<"0x${hex}"> : ${tt(out)}`, out);
      })();
    else if (op === "ReadVariableOp") v = current.get(inputs[0].node);
    else if (op === "Identity") {
      v = x();
      if (r.after.length > 0 && r.after[0].index >= 0) {
        // the product's After kernel
        const a = get(r.after[0]);
        const id = fresh();
        body(`${id}:2 = stablehlo.optimization_barrier ${v.id}, ${a.id} : ${t(v)}, ${t(a)}`);
        v = { id: `${id}#0`, shape: v.shape, type: v.type };
      }
    } else if (unary[op]) v = un(unary[op], x());
    else if (binary[op]) v = bin(binary[op], x(), y(), out.shape);
    else if (op === "Square") v = bin("multiply", x(), x());
    else if (op === "Relu") v = bin("maximum", x(), constant(0, out.type), out.shape);
    else if (op === "ReluGrad")
      v = select(
        cmp("GT", y(), constant(0, y().type), out.shape),
        x(),
        bcastTo(constant(0, out.type), out.shape),
      );
    else if (op === "Greater") v = cmp("GT", x(), y(), out.shape);
    else if (op === "Equal") v = cmp("EQ", x(), y(), out.shape);
    else if (op === "Cast") v = convert(x(), out.type);
    else if (op === "Reshape") v = reshape(x(), out.shape);
    else if (op === "Fill") v = bcastTo(y(), out.shape);
    else if (op === "ZerosLike") v = bcastTo(constant(0, out.type), out.shape);
    else if (op === "Sum" || op === "Max" || op === "Mean") {
      const axes = ints(inputs[1]);
      v = reduce(op === "Max" ? "maximum" : "add", x(), axes, attrs.keep_dims.b);
      if (op === "Mean") {
        const n = axes.reduce((p, a) => p * x().shape[a], 1);
        v = bin("multiply", v, constant(1 / n, v.type), v.shape);
      }
    } else if (op === "Tile") {
      const reps = ints(inputs[1]);
      const s = x().shape;
      const inter = s.flatMap((d, i) => [reps[i], d]);
      v = reshape(
        bcast(
          x(),
          inter,
          s.map((_, i) => 2 * i + 1),
        ),
        out.shape,
      );
    } else if (op === "PadV2") {
      const p = ints(inputs[1]);
      const z = get(inputs[2]);
      const n = out.shape.length;
      const lo = [...Array(n).keys()].map((i) => p[2 * i]),
        hi = [...Array(n).keys()].map((i) => p[2 * i + 1]);
      v = emit(
        `stablehlo.pad ${x().id}, ${z.id}, low = [${lo.join(", ")}], high = [${hi.join(", ")}], interior = [${lo.map(() => 0).join(", ")}] : (${t(x())}, ${t(z)}) -> ${tt(out)}`,
        out,
      );
    } else if (op === "Slice") {
      const b = ints(inputs[1]);
      const c = recorded.get(inputs[0].node);
      if (c.op === "Conv2DBackpropInput") {
        // the gradient of a padded convolution: only the inner part is computed
        const w = get(c.inputs[1]),
          dy = get(c.inputs[2]);
        const whole = c.outputs[0];
        const g = geometry(c, whole.shape, w.shape, dy.shape);
        const rev =
          w.shape[0] === 1 && w.shape[1] === 1
            ? w
            : emit(`stablehlo.reverse ${w.id}, dims = [0, 1] : ${t(w)}`, w);
        const pad = [0, 1].map((d) => {
          const before = w.shape[d] - 1 - g.pads[d][0];
          const dil = (dy.shape[1 + d] - 1) * g.strides[d] + 1;
          const after = whole.shape[1 + d] + w.shape[d] - 1 - dil - before;
          return [before - b[d + 1], after - (whole.shape[d + 1] - b[d + 1] - out.shape[d + 1])];
        });
        v = conv(dy, rev, "[b, 0, 1, f]x[0, 1, o, i]->[b, 0, 1, f]", { pad, lhs: g.strides }, out);
      } else
        v = emit(
          `stablehlo.slice ${x().id} [${b.map((s, i) => `${s}:${s + out.shape[i]}`).join(", ")}] : (${t(x())}) -> ${tt(out)}`,
          out,
        );
    } else if (op === "OneHot") {
      const depth = out.shape.at(-1);
      const shape = out.shape;
      const iota = emit(`stablehlo.iota dim = ${shape.length - 1} : ${ty(shape, "int32")}`, {
        shape,
        type: "int32",
      });
      const at = bcast(
        x(),
        shape,
        x().shape.map((_, i) => i),
      );
      v = select(
        cmp("EQ", at, iota, shape),
        bcastTo(get(inputs[2]), shape),
        bcastTo(get(inputs[3]), shape),
      );
      void depth;
    } else if (op === "GatherV2") {
      // along axis 0 only (mixup's partners)
      const s = x().shape;
      const offset = s.slice(1).map((_, i) => i + 1);
      const i = reshape(y(), [...y().shape, 1]);
      v = emit(
        `"stablehlo.gather"(${x().id}, ${i.id}) <{dimension_numbers = #stablehlo.gather<offset_dims = [${offset.join(", ")}], collapsed_slice_dims = [0], start_index_map = [0], index_vector_dim = 1>, indices_are_sorted = false, slice_sizes = ${arr([1, ...s.slice(1)])}}> : (${t(x())}, ${t(i)}) -> ${tt(out)}`,
        out,
      );
    } else if (op === "BatchMatMulV2") {
      const ca = attrs.adj_x.b ? 0 : 1,
        cb = attrs.adj_y.b ? 1 : 0;
      v = emit(
        `stablehlo.dot_general ${x().id}, ${y().id}, contracting_dims = [${ca}] x [${cb}] : (${t(x())}, ${t(y())}) -> ${tt(out)}`,
        out,
      );
    } else if (DOTS && op === "Conv2D" && one(get(inputs[1]).shape, attrs)) {
      const w = get(inputs[1]);
      const w2 = reshape(w, w.shape.slice(2));
      v = emit(
        `stablehlo.dot_general ${x().id}, ${w2.id}, contracting_dims = [3] x [0] : (${t(x())}, ${t(w2)}) -> ${tt(out)}`,
        out,
      );
    } else if (DOTS && op === "Conv2DBackpropInput" && one(get(inputs[1]).shape, attrs)) {
      const w = get(inputs[1]),
        dy = get(inputs[2]);
      const w2 = reshape(w, w.shape.slice(2));
      v = emit(
        `stablehlo.dot_general ${dy.id}, ${w2.id}, contracting_dims = [3] x [1] : (${t(dy)}, ${t(w2)}) -> ${tt(out)}`,
        out,
      );
    } else if (DOTS && op === "Conv2DBackpropFilter" && one(out.shape, attrs)) {
      const dy = get(inputs[2]);
      const s2 = { shape: out.shape.slice(2), type: out.type };
      v = reshape(
        emit(
          `stablehlo.dot_general ${x().id}, ${dy.id}, contracting_dims = [0, 1, 2] x [0, 1, 2] : (${t(x())}, ${t(dy)}) -> ${tt(s2)}`,
          s2,
        ),
        out.shape,
      );
    } else if (op === "Conv2D") {
      const g = geometry(r, x().shape, y().shape, out.shape);
      const z = zeroPadOf(inputs[0]);
      const a = z ? convert(get(z.x), out.type) : x();
      const pad = z
        ? g.pads.map(([lo, hi], d) => [lo + z.p[2 * (d + 1)], hi + z.p[2 * (d + 1) + 1]])
        : g.pads;
      v = conv(a, y(), "[b, 0, 1, f]x[0, 1, i, o]->[b, 0, 1, f]", { stride: g.strides, pad }, out);
    } else if (op === "Conv2DBackpropInput") {
      const w = get(inputs[1]),
        dy = get(inputs[2]);
      const g = geometry(r, out.shape, w.shape, dy.shape);
      const rev =
        w.shape[0] === 1 && w.shape[1] === 1
          ? w
          : emit(`stablehlo.reverse ${w.id}, dims = [0, 1] : ${t(w)}`, w);
      const pad = [0, 1].map((d) => {
        const before = w.shape[d] - 1 - g.pads[d][0];
        const dilated = (dy.shape[1 + d] - 1) * g.strides[d] + 1;
        return [before, out.shape[1 + d] + w.shape[d] - 1 - dilated - before];
      });
      v = conv(dy, rev, "[b, 0, 1, f]x[0, 1, o, i]->[b, 0, 1, f]", { pad, lhs: g.strides }, out);
    } else if (op === "Conv2DBackpropFilter") {
      const dy = get(inputs[2]);
      const g = geometry(r, x().shape, out.shape, dy.shape);
      const pad = [0, 1].map((d) => {
        const lo = g.pads[d][0];
        const dilated = (dy.shape[1 + d] - 1) * g.strides[d] + 1;
        return [lo, out.shape[d] - 1 + dilated - x().shape[1 + d] - lo];
      });
      const z = zeroPadOf(inputs[0]);
      const a = z ? convert(get(z.x), x().type) : x();
      v = conv(
        a,
        dy,
        "[f, 0, 1, b]x[i, 0, 1, o]->[0, 1, b, f]",
        {
          pad: z
            ? pad.map(([lo, hi], d) => [lo + z.p[2 * (d + 1)], hi + z.p[2 * (d + 1) + 1]])
            : pad,
          rhs: g.strides,
        },
        out,
      );
    } else if (op === "MaxPool") {
      const init = constant(-Infinity, out.type);
      const id = fresh();
      body(
        `${id} = "stablehlo.reduce_window"(${x().id}, ${init.id}) <{window_dimensions = ${arr(attrs.ksize.list.i)}, window_strides = ${arr(attrs.strides.list.i)}, padding = dense<0> : tensor<4x2xi64>}> ({`,
      );
      body(`^bb0(%a: ${ty([], out.type)}, %b: ${ty([], out.type)}):`);
      body(`  %m = stablehlo.maximum %a, %b : ${ty([], out.type)}`);
      body(`  stablehlo.return %m : ${ty([], out.type)}`);
      body(`}) : (${t(x())}, ${t(init)}) -> ${tt(out)}`);
      v = { id, shape: out.shape, type: out.type };
    } else if (op === "MaxPoolGrad") {
      const y0 = y(),
        dy = get(inputs[2]);
      const a = x();
      const [, kh, kw] = attrs.ksize.list.i,
        [, sh, sw] = attrs.strides.list.i;
      const [N, H, Wd, C] = out.shape,
        [, oh, ow] = y0.shape;
      let taken, sum;
      const zero = constant(0, out.type);
      const small = y0.shape;
      for (let i = 0; i < kh; i++)
        for (let j = 0; j < kw; j++) {
          const tap = emit(
            `stablehlo.slice ${a.id} [0:${N}, ${i}:${i + (oh - 1) * sh + 1}:${sh}, ${j}:${j + (ow - 1) * sw + 1}:${sw}, 0:${C}] : (${t(a)}) -> ${ty(small, out.type)}`,
            { shape: small, type: out.type },
          );
          let hit = cmp("EQ", tap, y0, small);
          if (taken) {
            const not = emit(`stablehlo.not ${taken.id} : ${t(taken)}`, taken);
            const old = taken;
            taken = emit(`stablehlo.or ${old.id}, ${hit.id} : ${t(old)}`, old);
            hit = emit(`stablehlo.and ${hit.id}, ${not.id} : ${t(hit)}`, hit);
          } else taken = hit;
          const part = select(hit, dy, bcastTo(zero, small));
          const lo = [0, i, j, 0],
            hi = [0, H - ((oh - 1) * sh + 1) - i, Wd - ((ow - 1) * sw + 1) - j, 0];
          const wide = emit(
            `stablehlo.pad ${part.id}, ${zero.id}, low = [${lo.join(", ")}], high = [${hi.join(", ")}], interior = [0, ${sh - 1}, ${sw - 1}, 0] : (${t(part)}, ${t(zero)}) -> ${tt(out)}`,
            out,
          );
          sum = sum ? bin("add", sum, wide) : wide;
        }
      v = sum;
    } else throw new Error(`no lowering of ${op}`);
    value.set(`${name}:0`, v);
    return new Map([[0, v]]);
  }
  const step = recorded.get(fetch);
  const loss = get(step.inputs[0]);
  let results = [];
  const mean = (v) => {
    // mean over replicas
    if (!allReduce) return v;
    const id = fresh();
    const s = ty([], v.type);
    const groups = [...Array(allReduce).keys()].join(", ");
    body(
      `${id} = "stablehlo.all_reduce"(${v.id}) <{channel_handle = #stablehlo.channel_handle<handle = ${++channel}, type = 1>, replica_groups = dense<[[${groups}]]> : tensor<1x${allReduce}xi64>}> ({`,
    );
    body(`^bb0(%a: ${s}, %b: ${s}):`);
    body(`  %m = stablehlo.add %a, %b : ${s}`);
    body(`  stablehlo.return %m : ${s}`);
    body(`}) : (${t(v)}) -> ${t(v)}`);
    return bin(
      "multiply",
      { id, shape: v.shape, type: v.type },
      constant(1 / allReduce, v.type),
      v.shape,
    );
  };
  let channel = 0;
  if (update) {
    const next = new Map(current);
    for (const u of step.after) {
      const r = recorded.get(u.node);
      if (r.op !== "ResourceApplyMomentum") throw new Error(r.op);
      const [w, m] = r.inputs;
      const lr = get(r.inputs[2]),
        g = mean(get(r.inputs[3])),
        mu = get(r.inputs[4]);
      const W = current.get(w.node),
        M = current.get(m.node);
      const nm = bin("add", bin("multiply", M, mu, M.shape), g);
      const nw = bin("subtract", W, bin("multiply", nm, lr, W.shape));
      next.set(w.node, nw);
      next.set(m.node, nm);
    }
    results = all.map((v) => next.get(v.handle.node));
  }
  results.push(mean(loss));
  const types = results.map(t).join(", ");
  body(`return ${results.map((v) => v.id).join(", ")} : ${types}`);
  const text = `module @step attributes {mhlo.num_partitions = 1 : i32, mhlo.num_replicas = ${allReduce || 1} : i32} {\n  func.func public @main(${args.map((a) => a.text).join(", ")}) -> (${types}) {\n${lines.join("\n")}\n  }\n}\n`;
  return { text, args, outputs: results.length };
}
