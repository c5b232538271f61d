/**
 * Which matrix tiles multiply bfloat16 here. `$BIT_TILES` chooses: `amx`, the processor's (Intel AMX), as
 * it is by default where there are such; `plain`, the same bits in plain C++, slow, so that what is made
 * for tiles can be tested on any processor; `off`, what is there without them. `$BIT_NORMALIZATION` chooses what
 * becomes of group normalization between convolutions of our own: `fused`, part of them, as by default; `apart`, an
 * operation of its own (float32: own-kernels.ts).
 */
import { UserError } from "../errors.js";
import type { Tiles } from "../graph/target.js";
import { chosen } from "./chosen.js";
import { amxLeftOut } from "./cpuinfo.js";
import type { KernelsAddon } from "./native-kernels.js";

const choices = ["amx", "plain", "off"] as const;
const normalizations = ["fused", "apart"] as const;
type Choice = (typeof choices)[number];
type Normalization = (typeof normalizations)[number];

/** What the environment says of tiles. */
export interface TilesChoice {
  readonly tiles?: Choice | undefined;
  readonly normalization?: Normalization | undefined;
}

/** @throws UserError where `$BIT_TILES` or `$BIT_NORMALIZATION` is none of its values */
export function tilesChoice(env: NodeJS.ProcessEnv = process.env): TilesChoice {
  return {
    tiles: chosen(env, "BIT_TILES", choices, "the processor's tiles where it has them"),
    normalization: chosen(
      env,
      "BIT_NORMALIZATION",
      normalizations,
      "the default of this processor",
    ),
  };
}

/**
 * The tiles that a choice comes to, found when they are first asked for. Before the processor's are used,
 * small convolutions and gradients are computed by them and by plain ones, once a process.
 * @param kernels our operations; undefined where there are none for networks
 * @param leftOut the setting by which oneDNN is told to compute without AMX, if it is
 * @returns a function that throws UserError where tiles were chosen that are not there, or where the
 *   processor's have other bits than they should
 */
export function findTiles(
  kernels: KernelsAddon | undefined,
  { tiles, normalization }: TilesChoice,
  leftOut: string | undefined = amxLeftOut(),
): () => Tiles {
  let found: Tiles | undefined;
  return () => {
    found ??= withNormalization(find(kernels, tiles, leftOut), normalization);
    return found;
  };
}

function withNormalization(tiles: Tiles, normalization: Normalization | undefined): Tiles {
  if (normalization === undefined) return tiles;
  return { ...tiles, why: `${tiles.why}, BIT_NORMALIZATION=${normalization}`, normalization };
}

/** Why the processor's tiles cannot be used; empty where they can. */
function tilesMissing(kernels: KernelsAddon | undefined, leftOut: string | undefined): string {
  if (kernels === undefined) return "the engine lacks bit-train's operations";
  const missing = kernels.tilesMissing();
  return missing === "" && leftOut !== undefined ? `${leftOut} leaves AMX out` : missing;
}

function find(
  kernels: KernelsAddon | undefined,
  choice: Choice | undefined,
  leftOut: string | undefined,
): Tiles {
  const set = `BIT_TILES=${choice}`;
  if (choice === "off") return { kind: undefined, why: set };
  const missing = tilesMissing(kernels, leftOut);
  if (choice === "plain" && kernels !== undefined) return { kind: "plain", why: set };
  if (kernels === undefined || missing !== "") {
    if (choice === undefined) return { kind: undefined, why: missing };
    throw new UserError(
      set,
      missing,
      "tiles that are there",
      "leave it to the machine: unset BIT_TILES",
    );
  }
  const fault = kernels.tilesFault();
  if (fault !== "")
    throw new UserError(
      "AMX, the processor's matrix tiles",
      `${fault} in convolutions computed for a check`,
      "the same bits as by plain arithmetic",
      "compute without them: export BIT_TILES=off   (and report the processor: lscpu)",
    );
  return { kind: "amx", why: choice === undefined ? "the processor has AMX" : set };
}
