/**
 * What transformers' and timm's configurations say of a BiT: which architecture, what its outputs mean,
 * and how images are prepared. Whatever makes of the same weights another network, or wants other pixels
 * than values in [-1, 1], is refused: the logits would be wrong without a word.
 * Sources: transformers, models/bit/configuration_bit.py and modeling_bit.py; timm, models/_hub.py
 * (`_parse_model_cfg`) and models/resnetv2.py.
 */
import { z } from "zod";
import { UserError } from "../errors.js";
import {
  type Architecture,
  findArchitecture,
  parseArchitecture,
  publishedVariants,
} from "./architecture.js";

/** What a configuration tells. */
export interface HubConfig {
  readonly tool: "transformers" | "timm";
  readonly architecture: Architecture;
  /** Undefined where it says nothing of the outputs. */
  readonly classNames: readonly string[] | undefined;
  /** Side to which images are resized; undefined where it says nothing. */
  readonly size: number | undefined;
  /** How images were resized; undefined where it says nothing: neither tool has a place for it. */
  readonly resize: z.infer<typeof ours>["resize"] | undefined;
  /** How images were prepared, where that was otherwise than here: for people. */
  readonly notes: readonly string[];
}

/** JSON objects by their file's path. */
export interface HubFiles {
  /** `config.json`. */
  readonly config: HubFile;
  /** `preprocessor_config.json`, which transformers' models have. */
  readonly preprocessor: HubFile | undefined;
}

interface HubFile {
  readonly path: string;
  readonly json: Readonly<Record<string, unknown>>;
}

/** timm's name of a published variant: `resnetv2_50x1_bit` of `R50x1`. */
export function timmName(architecture: string): string | undefined {
  const known = publishedVariants.some((variant) => variant === architecture);
  return known ? `resnetv2_${architecture.slice(1)}_bit` : undefined;
}

/**
 * Reads a configuration; undefined where it is neither tool's.
 * @throws UserError where it is of another network, or contradicts itself
 */
export function parseHubConfig({ config, preprocessor }: HubFiles): HubConfig | undefined {
  const { model_type: type, architecture } = config.json;
  if (typeof type === "string") return fromTransformers(config, preprocessor);
  if (typeof architecture === "string") return fromTimm(config);
  return undefined;
}

/** What bit-export adds for bit-train, beside what the tools read. */
const ours = z.object({ resize: z.enum(["pillow", "tf"]) });

const side = z.int().positive();
const list = z.array(side);

const bitSchema = z.object({
  model_type: z.literal("bit"),
  num_channels: z.literal(3).default(3),
  embedding_size: side.default(64),
  hidden_sizes: list.default([256, 512, 1024, 2048]),
  depths: list.default([3, 4, 6, 3]),
  layer_type: z.literal("preactivation").default("preactivation"),
  hidden_act: z.literal("relu").default("relu"),
  // With "same" or "valid" the weights are of the same shapes, and the logits others.
  global_padding: z.null().default(null),
  embedding_dynamic_padding: z.literal(false).default(false),
  num_groups: z.literal(32).default(32),
  output_stride: z.literal(32).default(32),
  width_factor: z.literal(1).default(1),
  bit_train: ours.optional(),
  id2label: z.record(z.string().regex(/^\d+$/), z.string()).optional(),
});

function fromTransformers(config: HubFile, preprocessor: HubFile | undefined): HubConfig {
  const told = checked(bitSchema, config, "a BitForImageClassification that is BiT's own network");
  const { embedding_size: root, hidden_sizes: sizes, depths, id2label } = told;
  const architecture = findArchitecture(depths, root / 64);
  if (architecture === undefined || sizes.join() !== [4, 8, 16, 32].map((n) => n * root).join())
    throw new UserError(
      config.path,
      `has embedding_size ${root}, hidden_sizes ${sizes.join(", ")} and depths ${depths.join(", ")}`,
      "sizes of one width, and depths of a BiT, as 64, [256, 512, 1024, 2048] and [3, 4, 6, 3]",
      "give a model of such sizes",
    );
  const classNames = id2label && namesById(id2label, config.path);
  const prepared = preprocessor && fromPreprocessor(preprocessor);
  const { size, notes = [] } = prepared ?? {};
  const resize = told.bit_train?.resize;
  return { tool: "transformers", architecture, classNames, size, resize, notes };
}

/** Names in the order of their numbers; undefined where they are what transformers puts for none. */
function namesById(id2label: Readonly<Record<string, string>>, path: string) {
  const count = Object.keys(id2label).length;
  const names = Array.from({ length: count }, (_, i) => id2label[i]);
  if (names.every((name) => name !== undefined))
    return names.every((name, i) => name === `LABEL_${i}`) ? undefined : names;
  throw new UserError(
    path,
    `id2label names ${count} classes, but not ${names.indexOf(undefined)}`,
    `the numbers 0 to ${count - 1}`,
    "correct it, or take it out: the classes are numbered then",
  );
}

const half = z.literal(0.5);
const halves = z.union([half, z.tuple([half, half, half])]);

const squareOrEdge = z.union([
  side,
  z.object({ height: side, width: side }),
  z.object({ shortest_edge: side }),
]);

const preprocessorSchema = z.object({
  do_resize: z.boolean().default(true),
  size: squareOrEdge.optional(),
  do_center_crop: z.boolean().default(true),
  crop_size: z.union([side, z.object({ height: side, width: side })]).optional(),
  resample: z.int().default(3),
  do_rescale: z.literal(true).default(true),
  rescale_factor: z.number().min(0.00392156).max(0.00392158).optional(),
  do_normalize: z.literal(true).default(true),
  image_mean: halves,
  image_std: halves,
});

function fromPreprocessor(file: HubFile): Pick<HubConfig, "size" | "notes"> {
  const told = checked(preprocessorSchema, file, wantsHalves);
  const { do_resize: resizes, do_center_crop: crops, resample } = told;
  const resized = resizes ? sizeOf(told.size) : undefined;
  const cropped = crops ? sizeOf(told.crop_size) : undefined;
  const size = cropped?.size ?? resized?.size;
  const ways = [
    ...(crops ? ["crops the centre"] : []),
    ...(resizes && resized?.squashed !== true ? ["keeps proportions"] : []),
    ...(resizes && resample !== 2 ? [`resizes by resample ${resample}`] : []),
  ];
  return { size, notes: differing(file.path, ways) };
}

function sizeOf(told: z.infer<typeof squareOrEdge> | undefined) {
  if (told === undefined) return undefined;
  if (typeof told === "number") return { size: told, squashed: false };
  if ("shortest_edge" in told) return { size: told.shortest_edge, squashed: false };
  const { height, width } = told;
  return height === width ? { size: height, squashed: true } : undefined;
}

function differing(path: string, ways: readonly string[]): string[] {
  if (ways.length === 0) return [];
  return [`${path} ${ways.join(", ")}; here images are squashed to a square, bilinearly`];
}

const preparation = z.object({
  input_size: z.tuple([z.literal(3), side, side]).optional(),
  interpolation: z.string().default("bicubic"),
  crop_pct: z.number().default(0.875),
  crop_mode: z.string().default("center"),
  mean: halves,
  std: halves,
  label_names: z.array(z.string()).optional(),
});

const timmSchema = z.object({
  architecture: z.string(),
  bit_train: ours.optional(),
  global_pool: z.literal("avg").optional(),
  num_classes: side.optional(),
  label_names: z.array(z.string()).optional(),
  // What builds another network of the same weights.
  model_args: z
    .strictObject({
      num_classes: side,
      in_chans: z.literal(3),
      global_pool: z.literal("avg"),
      drop_rate: z.number(),
      drop_path_rate: z.number(),
    })
    .partial()
    .optional(),
  pretrained_cfg: preparation.optional(),
});

const timmArchitecture = /^resnetv2_(\d+x\d+)_bit(?:m|m_in21k|_distilled|_teacher|_teacher_384)?$/;

function fromTimm(file: HubFile): HubConfig {
  const told = checked(timmSchema, file, "a resnetv2_*_bit as timm builds it");
  const variant = `R${timmArchitecture.exec(told.architecture)?.[1]}`;
  const found = publishedVariants.find((name) => name === variant);
  if (found === undefined)
    throw new UserError(
      file.path,
      `is of timm's ${told.architecture}`,
      publishedVariants.map(timmName).join(", "),
      "give a BiT of timm's",
    );
  // Files of timm before 0.9 have all of it on one level.
  const prepared = told.pretrained_cfg ?? checked(preparation, file, wantsHalves);
  const { input_size: input, interpolation, crop_pct: share, crop_mode: mode } = prepared;
  const ways = [
    ...(mode === "squash" ? [] : ["keeps proportions"]),
    ...(share === 1 ? [] : [`crops to ${share} of the image`]),
    ...(interpolation === "bilinear" ? [] : [`resizes by ${interpolation}`]),
  ];
  const [, height, width] = input ?? [];
  return {
    tool: "timm",
    architecture: parseArchitecture(found),
    classNames: told.label_names ?? prepared.label_names,
    size: height === width ? height : undefined,
    resize: told.bit_train?.resize,
    notes: differing(file.path, ways),
  };
}

const wantsHalves = "pixels in [-1, 1]: a mean and a standard deviation of 0.5";

function checked<T>(schema: z.ZodType<T>, { path, json }: HubFile, expected: string): T {
  const result = schema.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const key = issue!.path[0];
  const value = key === undefined ? json : json[String(key)];
  throw new UserError(
    path,
    `${issue!.path.join(".") || "its keys"}: ${issue!.message}${value === undefined ? "" : ` (${JSON.stringify(value).slice(0, 120)})`}`,
    expected,
    "another network would be computed, or on other pixels: give a model of this kind",
  );
}
