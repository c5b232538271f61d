/** What a training of the head alone leaves no choice of. */
import { sizeText } from "../disk/size-text.js";
import { UserError } from "../errors.js";
import type { Target } from "../graph/target.js";
import { type Architecture, featureChannels } from "../model/architecture.js";
import { type Options, settingTable } from "../settings/table.js";
import { availableMemoryBytes } from "../step/memory.js";

type Wish = keyof Options<"train">;

/** Settings that say nothing where the body is frozen, and why. */
const meaningless: readonly (readonly [Wish, flag: string, why: string, next: string])[] = [
  [
    ...(["fromScratch", "--from_scratch", "a body of random weights has learnt nothing"] as const),
    "leave out one of the two: --freeze trains a head on a pretrained body",
  ],
  [
    ...(["cache", "--cache", "every image is decoded only once"] as const),
    "leave it out: features are kept as it is",
  ],
  [
    ...(["remat", "--remat", "no gradient goes through the body"] as const),
    "leave it out: the body needs no memory for gradients",
  ],
  [
    ...(["resolution", "--resolution", "nothing is cropped from training images"] as const),
    "give the side of whole images by --crop",
  ],
  [
    ...(["flip", "--no-flip", "no training image is mirrored"] as const),
    "leave it out: features are of the images as they are",
  ],
];

/** @throws UserError where a choice is made that `freeze` leaves no room for */
export function checkFrozen(options: Options<"train">): void {
  for (const [name, flag, why, next] of meaningless) {
    const value = options[name];
    if (value === undefined || value === usual(name)) continue;
    const given = typeof value === "boolean" ? flag : `${flag} ${value}`;
    throw new UserError(given, `--freeze as well, with which ${why}`, "one of the two", next);
  }
}

/** What holds where a setting is left out. */
function usual(name: Wish): unknown {
  const row = settingTable[name];
  return "default" in row ? row.default : undefined;
}

/** Bytes of the features of so many images: float32. */
function featureBytes(architecture: Architecture, images: number): number {
  return 4 * featureChannels(architecture) * images;
}

/**
 * Refuses more features than lie in memory beside each other: in the host's twice, where networks are
 * computed there.
 * @throws UserError
 */
export function requireFeatureMemory(
  architecture: Architecture,
  images: number,
  { deviceMemoryBytes }: Pick<Target, "deviceMemoryBytes">,
  hostBytes = availableMemoryBytes(),
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
