/** Where a SavedModel has what. */

/** The graph. */
export const graphFile = "saved_model.pb";
/** The folder of its variables, and by what name in it the restoring node knows them. */
export const variablesFolder = "variables";
export const variablesPrefix = "variables";
/** The folder of what TensorFlow passes over, and what is told there of the classifier. */
export const extraFolder = "assets.extra";
export const factsFile = "classifier.json";
