/** What a training of the head alone needs. */
import { sizeText } from "../disk/size-text.js";
import { UserError } from "../errors.js";
import type { Target } from "../graph/target.js";
import { type Architecture, featureChannels } from "../model/architecture.js";

/** Bytes of the features of so many images: float32. */
function featureBytes(architecture: Architecture, images: number): number {
  return 4 * featureChannels(architecture) * images;
}

/**
 * Refuses more features than lie in memory beside each other: in the host's twice, where networks are
 * computed there.
 * @param hostBytes that are free for this process
 * @throws UserError
 */
export function requireFeatureMemory(
  architecture: Architecture,
  images: number,
  { deviceMemoryBytes }: Pick<Target, "deviceMemoryBytes">,
  hostBytes: number,
): void {
  const bytes = featureBytes(architecture, images);
  const tables = deviceMemoryBytes === undefined ? 2 : 1;
  const room = Math.min(hostBytes / tables, deviceMemoryBytes ?? Number.POSITIVE_INFINITY);
  if (bytes <= room) return;
  throw new UserError(
    "--freeze",
    `the features of ${images} images take ${sizeText(bytes)}`,
    `at most ${sizeText(room)}, for which there is memory`,
    "give fewer images (--examples_per_class), or train the whole network: leave --freeze out",
  );
}
