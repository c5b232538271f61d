/**
 * `bit-train/recipe`: the BiT-HyperRule and mixup, pure functions. No native library is loaded.
 * @module bit-train/recipe
 */
export { UserError } from "../errors.js";
export { balancedWeights, type ClassWeighting } from "../recipe/class-weights.js";
export * from "../recipe/hyperrule.js";
export { mixupLambda, mixupPartners } from "../recipe/mixup.js";
export { getPaddleSchedule, type Recipe, type RecipeName, recipeOf } from "../recipe/recipes.js";
