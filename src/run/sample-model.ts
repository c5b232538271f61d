/** The model that the package carries, pretrained on five of Fashion-MNIST's classes. */
import { join } from "node:path";
import { embeddedModel } from "../model/architecture.js";
import { packageRoot } from "../package-root.js";

/** Its name. */
export const sampleModel = embeddedModel;

/** Where its archive lies. */
export function sampleWeights(): string {
  return join(packageRoot, "sample", `${sampleModel}.npz`);
}

/** What its archive does not tell of it. */
export const sampleFacts = {
  classNames: ["t-shirt-top", "trouser", "pullover", "sneaker", "bag"],
  /** Side of the images that it was trained on. */
  crop: 48,
} as const;
