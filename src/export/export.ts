/** Exports a model: writes, reads back, compares, and only then gives the folder its name. */
import { mkdir, open, readdir } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { sizeOf } from "../archive/shape.js";
import { writeProblem } from "../disk/atomic-file.js";
import { freeBytesOf, requireRoom } from "../disk/disk-room.js";
import { fileHash } from "../disk/file-hash.js";
import { makeFolderAtomically, requireNewFolder } from "../disk/new-folder.js";
import type { Engine } from "../engine/session.js";
import { systemErrorCode, UserError } from "../errors.js";
import { packageVersion } from "../package-root.js";
import { type FetchConsole, findSource } from "../run/fetching.js";
import { outOfMemory, requireMemory } from "../run/image-memory.js";
import { findTrainedModel, imageSize, type TrainedModel } from "../run/trained-model.js";
import type { ExportFormatName } from "../settings/choices.js";
import type { Options } from "../settings/table.js";
import { type ExportModel, openExportModel } from "./export-model.js";
import type { ExportedModel, ExportFormat } from "./format.js";
import { exportFormat } from "./formats.js";
import {
  type Golden,
  largestDifference,
  tolerances,
  writeGolden,
  writeGoldenImages,
} from "./golden.js";
import { networkLogits } from "./network-logits.js";

/** The settings of `bit-export` under the same names. */
export interface ExportOptions extends Omit<Options<"export">, "verify" | "to" | "json"> {
  /** A run's folder or checkpoint, an `.npz` with a head, or the name of a published model. */
  readonly source: string;
  readonly to: ExportFormatName;
}

/** Who is told how an export goes on, and may stop it: nothing is left then. */
export interface ExportConsole extends FetchConsole {
  readonly stage?: ((stage: "reading" | "writing" | "verifying") => void) | undefined;
}

export interface ExportReport {
  readonly folder: string;
  readonly format: ExportFormatName;
  readonly model: string;
  readonly classes: number;
  readonly classNames: readonly string[] | undefined;
  readonly size: number;
  readonly sizeBytes: number;
  /** Of logits of the golden images, as a share of their spread. */
  readonly largestDifference: number;
  readonly tolerance: number;
  /** What people should know of. */
  readonly notes: readonly string[];
}

// Published models without a run are trained on ImageNet's photos.
const usualPhoto = [500, 375] as const;

/**
 * Exports a model into a folder, which appears complete and verified, or not at all.
 * @param engine one that computes on the CPU, in float32
 * @throws UserError where the model, the format or the folder is at fault, or where what was written does
 *   not read back
 */
export async function exportModel(
  options: ExportOptions,
  engine: Engine,
  observer: ExportConsole = {},
): Promise<ExportReport> {
  const { to, bitPretrainedDir = "." } = options;
  const format = await exportFormat(to);
  const f16 = format.alwaysFloat16 === true || options.f16 === true;
  const out = resolve(options.out ?? `${nameOf(options.source)}-${to}`);
  await requireNewFolder(out, "--out");
  observer.stage?.("reading");
  const source = await findSource(options.source, bitPretrainedDir, options, observer);
  const trained = await findTrainedModel(source, options);
  const { size, guess } = imageSize(trained, usualPhoto, { size: options.size, flag: "--size" });
  const resize = options.resize ?? trained.resize;
  const model = await openExportModel(trained, { size, resize });
  const guesses = guess === undefined ? [] : [guess];
  const notes = [...trained.notes, ...guesses, ...(format.notes?.(model) ?? [])];
  const images = { size: [size, size], batch: 1 } as const;
  try {
    requireMemory(trained, images, engine.target.computeType);
    await requireRoomFor(out, model, f16);
    await mkdir(dirname(out), { recursive: true });
    const golden = await makeFolderAtomically(out, "--out", async (temporary) => {
      const filled = await fill(temporary, trained, model, { to, format, f16, engine, observer });
      observer.signal?.throwIfAborted();
      return filled;
    });
    const sizeBytes = golden.files.reduce((sum, { bytes }) => sum + bytes, 0);
    const { classes, classNames } = model;
    const { tolerance, largestDifference } = golden;
    return {
      ...{ folder: out, format: to, model: model.model, classes, classNames, size, sizeBytes },
      ...{ largestDifference, tolerance, notes },
    };
  } catch (error) {
    throw isOfWriting(error, out)
      ? writeProblem(out, error)
      : (outOfMemory(error, trained, images) ?? error);
  } finally {
    await model.close();
  }
}

/**
 * Whether the system refused to write; what it says of files elsewhere is another fault, and what the
 * engine says has a code too.
 */
function isOfWriting(error: unknown, out: string): boolean {
  if (!(error instanceof Error && "syscall" in error)) return false;
  const path = "path" in error && typeof error.path === "string" ? error.path : dirname(out);
  return systemErrorCode(error) !== undefined && path.startsWith(dirname(out));
}

/** What a source is called where a folder is named after it. */
function nameOf(source: string): string {
  return basename(resolve(source)).replace(/\.(npz|safetensors)$/, "");
}

function diverged({ model, weights }: TrainedModel): UserError {
  return new UserError(
    weights,
    `${model} gives logits that are not finite, of a photo`,
    "a model that has learnt something",
    "export an earlier checkpoint of the run, or its best (--best)",
  );
}

interface Filling {
  readonly to: ExportFormatName;
  readonly format: ExportFormat;
  readonly f16: boolean;
  readonly engine: Engine;
  readonly observer: ExportConsole;
}

async function fill(
  folder: string,
  trained: TrainedModel,
  model: ExportModel,
  { to, format, f16, engine, observer }: Filling,
): Promise<Golden> {
  observer.stage?.("writing");
  await format.write(model, folder, { f16, engine });
  observer.signal?.throwIfAborted();
  observer.stage?.("verifying");
  const images = await writeGoldenImages(folder, model, engine);
  const expected = await networkLogits(trained, engine, images.images, images.shape);
  if (!expected.every(Number.isFinite)) throw diverged(trained);
  const tolerance = f16 ? tolerances.f16 : tolerances.f32;
  const opened = await format.open(folder, engine);
  let difference: number;
  try {
    requireTold(to, opened, model);
    const got = await opened.logits(images.images, images.shape);
    difference = largestDifference(got, expected, model.classes);
  } finally {
    await opened.close();
  }
  if (!(difference <= tolerance))
    throw new Error(
      `the ${to} that was written computes other logits: off by ${difference} of their spread`,
    );
  const golden: Golden = {
    bitTrain: packageVersion(),
    ...{ format: to, model: model.model, classes: model.classes, size: model.size, f16 },
    ...{ tolerance, largestDifference: difference },
    images: images.files.map((file, i) => {
      const logits = expected.slice(i * model.classes, (i + 1) * model.classes);
      return { file, logits: [...logits] };
    }),
    files: await filesOf(folder),
  };
  await writeGolden(folder, golden);
  return golden;
}

/** Throws Error where what was written tells something else than the model. */
function requireTold(
  to: ExportFormatName,
  { classNames, size, resize }: ExportedModel,
  model: ExportModel,
): void {
  if (JSON.stringify(classNames ?? model.classNames) !== JSON.stringify(model.classNames))
    throw new Error(`the ${to} that was written names other classes: ${classNames}`);
  if (size !== model.size || resize !== model.resize)
    throw new Error(
      `the ${to} that was written says size ${size} and resize ${resize}, not ${model.size} and ${model.resize}`,
    );
}

/** Every file of a folder and of those within it, flushed to the disk; names have `/`. */
async function filesOf(folder: string): Promise<Golden["files"]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files: Golden["files"] = [];
  for (const entry of entries) {
    if (!entry.isFile()) continue;
    const path = join(entry.parentPath, entry.name);
    const name = path.slice(folder.length + 1);
    const bytes = await flushed(path);
    files.push({ name, bytes, sha256: await fileHash(path, "sha256") });
  }
  return files.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Waits until a file's bytes are on the disk. @returns how many they are */
async function flushed(path: string): Promise<number> {
  const file = await open(path, "r+");
  try {
    await file.sync();
    return (await file.stat()).size;
  } finally {
    await file.close();
  }
}

// Headers, golden images, and what a disk loses in whole blocks.
const spareBytes = 4 * 2 ** 20;
/** Base64 of a page, and all other formats less. */
const largestShare = 1.4;

async function requireRoomFor(out: string, { graph }: ExportModel, f16: boolean): Promise<void> {
  const values = graph.weights.reduce((sum, { shape }) => sum + sizeOf(shape), 0);
  const needed = largestShare * values * (f16 ? 2 : 4) + spareBytes;
  requireRoom(out, needed, await freeBytesOf(dirname(out)), "--out");
}
