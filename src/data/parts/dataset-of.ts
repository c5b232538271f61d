/**
 * From a dataset's listed parts to what is trained on and what is held out. Every loader ends here.
 */
import type { Dataset } from "../dataset.js";
import type { DatasetOptions } from "./dataset-options.js";
import { evaluatedDataset } from "./evaluated-part.js";
import type { ListedDataset } from "./listed-dataset.js";
import { trainingDataset } from "./training-parts.js";

/**
 * Makes a dataset.
 * @throws UserError if the part that is needed is not there, classes do not fit, images cannot be used and
 * shall be refused, a class has none left, or nothing can be held out
 */
export async function datasetOf(dataset: ListedDataset, options: DatasetOptions): Promise<Dataset> {
  return options.evaluation === undefined
    ? trainingDataset(dataset, options)
    : evaluatedDataset(dataset, options, options.evaluation);
}
