/** Logits to probabilities. */

/** A class and how probable it is. */
export interface ClassProbability {
  readonly class: number;
  /** In [0, 1]. */
  readonly probability: number;
}

/**
 * The `k` most probable classes, best first, of equal ones the lower index: softmax in float64,
 * shifted by the largest logit so that no exponential overflows.
 * @param logits `[classes]`
 * @returns `min(k, classes)` of them
 */
export function topProbabilities(logits: Float32Array, k: number): ClassProbability[] {
  let largest = Number.NEGATIVE_INFINITY;
  for (const logit of logits) largest = Math.max(largest, logit);
  let sum = 0;
  for (const logit of logits) sum += Math.exp(logit - largest);
  // Logits are compared: of probabilities that round to 0 the order would be lost.
  const best = k < mostInserted ? bestInserted(logits, k) : bestSorted(logits, k);
  return best.map((index) => {
    return { class: index, probability: Math.exp(logits[index]! - largest) / sum };
  });
}

// Beyond so many, finding each one's place takes longer than sorting all.
const mostInserted = 64;

function bestInserted(logits: Float32Array, k: number): number[] {
  const best: number[] = [];
  for (let index = 0; index < logits.length; index++) {
    const logit = logits[index]!;
    if (best.length === k && !(logit > logits[best[k - 1]!]!)) continue;
    let place = best.length;
    while (place > 0 && logit > logits[best[place - 1]!]!) place--;
    best.splice(place, 0, index);
    if (best.length > k) best.pop();
  }
  return best;
}

function bestSorted(logits: Float32Array, k: number): number[] {
  const indices = Array.from(logits.keys());
  return indices.sort((a, b) => logits[b]! - logits[a]! || a - b).slice(0, k);
}
