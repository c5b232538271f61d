/**
 * The layers of BiT as TF.js functions that run on any backend, with closed-form gradients where
 * TF.js's own would be slow or wasteful: its gradients of `sum` and `mean` build a dense tensor of
 * ones, and its chain of small operations through a normalization passes over the images many times.
 */
import * as tf from "@tensorflow/tfjs";
import { standardizationEpsilon } from "./architecture.js";
import {
  afterKernel,
  backendRuns,
  fusedKernels,
  reluGradKernel,
  widenKernel,
} from "./kernel-names.js";

/** Of `groupNormRelu`: how many groups of channels, and what is added to a group's variance. */
export const groupNormalization = { groups: 32, epsilon: 1e-5 } as const;
const { groups, epsilon: groupNormEpsilon } = groupNormalization;

/** `dy` where `y > 0`; two plain operations where there is no kernel for it. */
function reluGradient(dy: tf.Tensor4D, y: tf.Tensor4D): tf.Tensor4D {
  if (!backendRuns(reluGradKernel)) return dy.mul(tf.step(y));
  return tf.engine().runKernel(reluGradKernel, { dy, y }) as tf.Tensor4D;
}

function wide(x: tf.Tensor): tf.Tensor {
  if (!backendRuns(widenKernel)) return x;
  return tf.engine().runKernel(widenKernel, { x }) as tf.Tensor;
}

/** Keeps tensors for the gradient. */
type SaveTensors = (tensors: tf.Tensor[]) => void;

/**
 * `tf.customGrad` with named saved tensors' types kept. `tf.customGrad`'s own type knows neither
 * several inputs nor what was saved.
 */
function withGradient<const Inputs extends readonly [tf.Tensor, ...tf.Tensor[]]>(
  inputs: Inputs,
  forward: (
    inputs: Inputs,
    save: SaveTensors,
  ) => { value: tf.Tensor; gradient: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.Tensor[] },
): tf.Tensor {
  return tf.customGrad((...args) => {
    // Behind the inputs themselves comes what saves.
    const { value, gradient } = forward(inputs, args.at(-1) as SaveTensors);
    return {
      value,
      gradFunc: (dy: tf.Tensor | tf.Tensor[], saved: tf.Tensor[]) => {
        return gradient(dy as tf.Tensor, saved);
      },
    };
  })(...inputs);
}

/** `x`, where a graph computes it only once `after` is there: what both need is not needed at once. */
export function passAfter<T extends tf.Tensor>(x: T, after: tf.Tensor): T {
  if (!backendRuns(afterKernel)) return x;
  return tf.engine().runKernel(afterKernel, { x, after }) as T;
}

/** `tf.grads` within a gradient under way: TF.js keeps one tape, and ends it with any gradient. */
function gradientsWithin(
  f: (...inputs: tf.Tensor[]) => tf.Tensor,
  inputs: tf.Tensor[],
  dy: tf.Tensor,
): tf.Tensor[] {
  const { state } = tf.engine();
  const tape = state.activeTape;
  try {
    return tf.grads(f)(inputs, dy);
  } finally {
    state.activeTape = tape;
  }
}

/**
 * `f(x, values)`, of which only `x` and the result are kept for the gradient: what lies between is
 * computed a second time when the gradient comes to it. Less memory for more time; the values are
 * the same but for rounding.
 * Source: Chen et al., "Training Deep Nets with Sublinear Memory Cost", arXiv 1604.06174.
 */
export function rematerialized<T extends tf.Tensor>(
  x: T,
  values: readonly tf.Tensor[],
  f: (x: T, values: readonly tf.Tensor[]) => tf.Tensor,
): tf.Tensor {
  return withGradient([x as tf.Tensor, ...values], ([x0, ...v], save) => {
    save([x0!, ...v]);
    return {
      value: f(x0 as T, v),
      gradient: (dy, [x1, ...w]) => {
        // A graph would otherwise find the same operations on the same values, and keep the first.
        const again = passAfter(x1!, dy);
        const body = (...all: tf.Tensor[]) => f(all[0] as T, all.slice(1));
        return gradientsWithin(body, [again, ...w], dy);
      },
    };
  });
}

function runFused(name: string, inputs: Record<string, tf.Tensor>, attrs: object): tf.Tensor[] {
  const made = tf.engine().runKernel(name, inputs, { ...attrs }) as tf.Tensor | tf.Tensor[];
  return Array.isArray(made) ? made : [made];
}

/**
 * Weight standardization: each filter of `kernel` `[H,W,I,O]` is shifted and scaled to mean 0 and
 * (biased) variance 1 over H, W, I. Source: arXiv 1903.10520; epsilon as in bit_pytorch/models.py.
 */
export function standardize(kernel: tf.Tensor4D): tf.Tensor4D {
  return withGradient([kernel], ([w], save) => {
    if (backendRuns(fusedKernels.standardize)) {
      const [value, mean, rstd] = runFused(
        fusedKernels.standardize,
        { w },
        { epsilon: standardizationEpsilon },
      );
      save([w, mean!, rstd!]);
      return {
        value: value!,
        gradient: (dy, [w0, mu, r]) => {
          return runFused(fusedKernels.standardizeGrad, { dy, w: w0!, mean: mu!, rstd: r! }, {});
        },
      };
    }
    const centered = w.sub(w.mean([0, 1, 2], true));
    const variance = centered.square().mean([0, 1, 2], true);
    const scale = variance.add(standardizationEpsilon).rsqrt(); // [1,1,1,O]
    const value = centered.mul(scale);
    save([value, scale]);
    return {
      value,
      gradient: (dy, [y, s]) => {
        const along = dy.mul(y!).mean([0, 1, 2], true);
        return [
          dy
            .sub(dy.mean([0, 1, 2], true))
            .sub(y!.mul(along))
            .mul(s!),
        ];
      },
    };
  }) as tf.Tensor4D;
}

/**
 * Convolution of `x` `[N,H,W,I]` with the standardized `kernel` `[H,W,I,O]`, padded by half the
 * kernel's size on every side whatever the stride. TensorFlow's 'same' pads otherwise for stride 2,
 * and convolutions that pad by themselves take slow paths on a CPU: there the input is padded first.
 *
 * The gradient standardizes the kernel a second time: to keep it would take as much memory as the
 * model itself, for less than a hundredth of the time.
 */
export function standardizedConv(x: tf.Tensor4D, kernel: tf.Tensor4D, stride: 1 | 2): tf.Tensor4D {
  const padded = paddedFor(kernel, stride, x);
  return rematerialized(kernel, [padded], (weights, [images]) => {
    return convolved(images as tf.Tensor4D, standardize(weights), stride);
  }) as tf.Tensor4D;
}

/** The same with a kernel that is standardized already. */
export function plainConv(x: tf.Tensor4D, kernel: tf.Tensor4D, stride: 1 | 2): tf.Tensor4D {
  return convolved(paddedFor(kernel, stride, x), kernel, stride);
}

function paddedFor(kernel: tf.Tensor4D, stride: 1 | 2, x: tf.Tensor4D): tf.Tensor4D {
  return stride === 1 ? x : zeroPad(x, (kernel.shape[0] - 1) / 2);
}

function convolved(padded: tf.Tensor4D, kernel: tf.Tensor4D, stride: 1 | 2): tf.Tensor4D {
  return tf.conv2d(padded, kernel, stride, stride === 1 ? "same" : "valid");
}

/** `x` `[N,H,W,C]` with `pad` rows and columns of zeros on every side. */
export function zeroPad(x: tf.Tensor4D, pad: number): tf.Tensor4D {
  if (pad === 0) return x;
  return tf.pad(x, [
    [0, 0],
    [pad, pad],
    [pad, pad],
    [0, 0],
  ]);
}

/** Per-channel sums over height and width, `[N,H,W,C]` to `[N,C]`. */
function channelSums(x: tf.Tensor): tf.Tensor2D {
  return x.sum([1, 2]);
}

/** Group means from per-channel sums: `[N,C]` to `[N,groups,1]`; `count` values per channel. */
function groupMeans(sums: tf.Tensor, count: number): tf.Tensor {
  const [n, channels] = sums.shape as [number, number];
  const grouped = sums.reshape([n, groups, channels / groups]);
  return grouped.sum(2, true).mul(groups / (channels * count));
}

/** Repeats a value per group for each of its channels: `[N,groups,1]` to `[N,C]`. */
function perChannel(value: tf.Tensor, channels: number): tf.Tensor {
  const n = value.shape[0]!;
  return value.tile([1, 1, channels / groups]).reshape([n, channels]);
}

/**
 * Group normalization (32 groups, biased variance) and ReLU of `x` `[N,H,W,C]` in one.
 *
 * Statistics come from the per-channel sums of x and x^2; scale, offset, gamma and beta fold into
 * one multiply-add per image and channel. The gradient needs again only two per-channel sums (of
 * d and of d*x, where d is the gradient before the ReLU) and one multiply-add over x:
 *   dx = d * scale - rstd * mean_g(gamma d) - xhat * rstd * mean_g(gamma d xhat)
 * Source: arXiv 1803.08494, differentiated by hand.
 */
export function groupNormRelu(x: tf.Tensor4D, gamma: tf.Tensor1D, beta: tf.Tensor1D): tf.Tensor4D {
  return withGradient([x, gamma, beta], ([xs, g, b], save) => {
    if (backendRuns(fusedKernels.groupNormRelu)) {
      const attrs = { ...groupNormalization };
      const made = runFused(fusedKernels.groupNormRelu, { x: xs, gamma: g, beta: b }, attrs);
      const [value, mean, rstd] = made;
      save([xs, g, b, mean!, rstd!]);
      return {
        value: value!,
        gradient: (dy, [x0, g0, b0, mu, r]) => {
          const saved = { x: x0!, gamma: g0!, beta: b0!, mean: mu!, rstd: r! };
          return runFused(fusedKernels.groupNormReluGrad, { dy, ...saved }, attrs);
        },
      };
    }
    const [n, h, w, c] = xs.shape;
    const mean = perChannel(groupMeans(channelSums(xs), h * w), c); // [N,C]
    const meanSquare = perChannel(groupMeans(channelSums(wide(xs).square()), h * w), c);
    const variance = meanSquare.sub(mean.square());
    const rstd = variance.add(groupNormEpsilon).rsqrt();
    const scale = rstd.mul(g); // [N,C] * [C]
    const offset = b.sub(mean.mul(scale));
    const broad = [n, 1, 1, c];
    const value = xs.mul(scale.reshape(broad)).add(offset.reshape(broad)).relu();
    save([xs, value, mean, rstd, g]);
    return {
      value,
      gradient: (dy, [x0, y, mu, r, gam]) => {
        const d = reluGradient(dy as tf.Tensor4D, y as tf.Tensor4D);
        const sumD = channelSums(d);
        const sumDXhat = channelSums(wide(d).mul(wide(x0!)))
          .sub(mu!.mul(sumD))
          .mul(r!); // [N,C]
        const m1 = perChannel(groupMeans(sumD.mul(gam!), h * w), c);
        const m2 = perChannel(groupMeans(sumDXhat.mul(gam!), h * w), c);
        const perX = r!.square().mul(m2).neg();
        const constant = perX.mul(mu!).add(r!.mul(m1)).neg();
        const dx = d
          .mul(r!.mul(gam!).reshape(broad))
          .add(x0!.mul(perX.reshape(broad)).add(constant.reshape(broad)));
        return [dx, sumDXhat.sum(0), sumD.sum(0)];
      },
    };
  }) as tf.Tensor4D;
}

/** Mean over height and width, `[N,H,W,C]` to `[N,C]`. */
export function spatialMean(x: tf.Tensor4D): tf.Tensor2D {
  return withGradient([x], ([xs]) => {
    const [n, h, w, c] = xs.shape;
    return {
      value: channelSums(xs).mul(1 / (h * w)),
      gradient: (dy) => {
        return [
          dy
            .mul(1 / (h * w))
            .reshape([n, 1, 1, c])
            .tile([1, h, w, 1]),
        ];
      },
    };
  }) as tf.Tensor2D;
}

/**
 * Cross-entropy of `logits` `[N,K]` against `labels` `[N,K]` (rows that sum to 1, as one-hot labels
 * and mixtures of them do), per example: `[N]`. No gradient flows to the labels.
 */
export function crossEntropy(logits: tf.Tensor2D, labels: tf.Tensor2D): tf.Tensor1D {
  return withGradient([logits, labels], ([z, p], save) => {
    const shifted = z.sub(z.max(1, true));
    const exponents = shifted.exp();
    const total = exponents.sum(1, true);
    const logProbabilities = shifted.sub(total.log());
    save([exponents.div(total), p]);
    return {
      value: logProbabilities.mul(p).sum(1).neg(),
      gradient: (dy, [softmax, target]) => {
        const perExample = dy.reshape([dy.size, 1]);
        return [softmax!.sub(target!).mul(perExample), tf.zerosLike(target!)];
      },
    };
  }) as tf.Tensor1D;
}
