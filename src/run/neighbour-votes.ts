/**
 * A classifier without training: the training images nearest to one vote on its class.
 * Source: the weighted k-NN of Wu et al., "Unsupervised Feature Learning via Non-Parametric Instance
 * Discrimination", arXiv 1805.01978, section 3.4, as Caron et al. evaluate DINO (arXiv 2104.14294): 20 votes,
 * each weighted by exp(cosine / 0.07).
 */
import type { Example } from "../evaluators/evaluator.js";
import type { Neighbour } from "./neighbours.js";
import { topProbabilities } from "./probabilities.js";

/** How many vote where nobody says. */
export const VOTES = 20;
/** By which cosines are divided. */
const VOTE_TEMPERATURE = 0.07;

/**
 * Shares of the votes, `[classes]`, that sum to 1.
 * @param neighbours one at least
 * @param labels the classes of the table that they are of
 */
export function voteShares(
  neighbours: readonly Neighbour[],
  labels: Int32Array,
  classes: number,
): Float64Array {
  const shares = new Float64Array(classes);
  const nearest = neighbours[0]!.similarity;
  let sum = 0;
  for (const { index, similarity } of neighbours) {
    const weight = Math.exp((similarity - nearest) / VOTE_TEMPERATURE);
    shares[labels[index]!]! += weight;
    sum += weight;
  }
  return shares.map((share) => share / sum);
}

/**
 * Logarithms of probabilities, which evaluators take for logits: those of the shares of `k` votes, and one
 * vote more that is divided among all classes, so that none has probability 0.
 */
export function voteLogits(shares: Float64Array, k: number): Float32Array {
  const { length: classes } = shares;
  return Float32Array.from(shares, (share) => Math.log((k * share + 1 / classes) / (k + 1)));
}

/** What evaluators are told of an image, by its votes; of equally probable classes the lower comes first. */
export function votedExample(index: number, label: number, logits: Float32Array): Example {
  const top = Int32Array.from(topProbabilities(logits, 5), (one) => one.class);
  return { index, label, logits, loss: -logits[label]!, top };
}
