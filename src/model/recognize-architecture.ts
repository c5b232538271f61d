/** Which architecture an archive holds, by the shapes of its arrays. */
import { type Architecture, findArchitecture } from "./architecture.js";
import { type ArchiveArray, canonicalName, isState, treesToTry } from "./variable-trees.js";

const rootKernel = "resnet/root_block/standardized_conv2d/kernel";
const firstOfUnit = /^resnet\/block(\d)\/unit(\d+)\/a\/standardized_conv2d\/kernel$/;

/**
 * The architecture that arrays are of, going by the first convolution's outputs and by which units there
 * are: whether all else fits is another question. Undefined where they are none's.
 */
export function recognizeArchitecture(arrays: readonly ArchiveArray[]): Architecture | undefined {
  for (const tree of treesToTry(arrays)) {
    const units = [0, 0, 0, 0];
    let width: number | undefined;
    for (const array of arrays) {
      if (isState(array)) continue;
      const name = canonicalName(tree, array.name) ?? "";
      if (name === rootKernel) {
        const outputs = tree.layout.kernels === "OIHW" ? array.shape[0] : array.shape.at(-1);
        width = (outputs ?? 0) / 64;
      }
      const [, block, unit] = firstOfUnit.exec(name) ?? [];
      const index = Number(block) - 1;
      if (index in units) units[index] = Math.max(units[index]!, Number(unit));
    }
    const found = width === undefined ? undefined : findArchitecture(units, width);
    if (found !== undefined) return found;
  }
  return undefined;
}
