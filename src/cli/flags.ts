/** Flags of the commands: a table for each, parsed by yargs; mistakes become UserErrors. */
import yargs, { type Options } from "yargs";
import { UserError } from "../errors.js";
import { resizeMethods } from "../input/resize-functions.js";
import { precisions } from "../run/precision.js";
import { HelpAsked } from "./exit.js";

export type FlagTable = Readonly<Record<string, Options>>;

/** A command's name, what it does, its flags and its examples. */
export interface CommandSpec<Flags extends FlagTable> {
  readonly name: string;
  readonly usage: string;
  readonly description: string;
  /** Whether arguments without a flag's name are wanted, as files are. */
  readonly positional?: boolean;
  readonly flags: Flags;
  readonly examples: readonly (readonly [command: string, what: string])[];
}

/** `--precision`, with what holds where it is left out. */
export function precisionFlag(otherwise: string) {
  const describe = `Of convolutions and what lies between them [default: ${otherwise}]`;
  return { type: "string", choices: precisions, describe } as const;
}

/** `--device` of the commands that compute a network. `openEngine` reads it. */
export const deviceFlag = {
  type: "string",
  describe:
    "cpu, gpu, gpu:0,2, all (every GPU) [default: a GPU that bit-setup serves, else the CPU]",
} as const;

export const rematFlag = {
  type: "boolean",
  default: false,
  describe: "Compute each unit a second time for its gradient: less memory, more time",
} as const;

export const badImagesFlag = {
  type: "string",
  choices: ["refuse", "skip"],
  describe: "What becomes of images that cannot be decoded",
} as const;

/** `--best` of commands that take a run's model. */
export const bestFlag = {
  type: "boolean",
  default: false,
  describe: "The run's best checkpoint, not its newest",
} as const;

/** `--resize` of commands that otherwise follow the run. */
export const resizeFlag = {
  type: "string",
  choices: resizeMethods,
  describe: "As Pillow (antialiased) or TensorFlow resizes [default: the run's, or pillow]",
} as const;

/** Flags of commands that fetch a model which is missing. `fetchPolicy` reads them. */
export const modelFetchFlags = {
  bit_pretrained_dir: { type: "string", default: ".", describe: "Where <model>.npz lies" },
  offline: { type: "boolean", default: false, describe: "Fetch nothing that is missing" },
  base_url: { type: "string", describe: "A mirror of the models [default: BIT_BASE_URL]" },
} as const;

/** The same, of commands that fetch datasets too. */
export const fetchFlags = {
  ...modelFetchFlags,
  data_url: { type: "string", describe: "A mirror of the datasets [default: BIT_DATA_URL]" },
  trust_mirror: {
    type: "boolean",
    default: false,
    describe: "Hold its files to its own MD5SUMS, not to their publishers' sums",
  },
} as const;

/** What the flags of `fetchFlags`, and the environment, say. */
export function fetchPolicy(
  flag: Readonly<
    Record<keyof typeof modelFetchFlags, unknown> & { data_url?: unknown; trust_mirror?: unknown }
  >,
) {
  return {
    bitPretrainedDir: flag.bit_pretrained_dir as string,
    offline: flag.offline as boolean,
    baseUrl: flag.base_url as string | undefined,
    dataUrl: (flag.data_url as string | undefined) ?? (process.env["BIT_DATA_URL"] || undefined),
    trustMirror: flag.trust_mirror as boolean | undefined,
  };
}

/**
 * Parses a command line. Every flag in snake_case works in kebab-case as well.
 * @throws HelpAsked for `--help` and `--version`
 * @throws UserError for an unknown flag, a missing one, or a value that is none of its kind
 */
export function parseFlags<Flags extends FlagTable>(
  spec: CommandSpec<Flags>,
  argv: readonly string[],
): Readonly<Record<keyof Flags, unknown>> & { readonly positional: readonly string[] } {
  const flags = Object.fromEntries(
    Object.entries(spec.flags).map(([name, options]) => {
      const kebab = name.replaceAll("_", "-");
      const alias = kebab === name ? {} : { alias: kebab };
      return [name, { requiresArg: options.type !== "boolean", ...alias, ...options }];
    }),
  );
  // Not as yargs' own examples, which stand in two columns: a broken line cannot be copied.
  const examples = spec.examples.map(([command, what]) => `  ${command}\n      ${what}`);
  const parser = yargs([...argv])
    .scriptName(spec.name)
    .usage(`${spec.usage}\n\n${spec.description}`)
    .options(flags)
    .parserConfiguration({
      "camel-case-expansion": false,
      "strip-aliased": true,
      "duplicate-arguments-array": false,
      // A file may be called 007.
      "parse-positional-numbers": false,
    })
    .strictOptions()
    .help()
    .epilogue(["Examples:", ...examples].join("\n"))
    .wrap(100)
    .fail((message, error) => {
      if (error) throw error;
      throw new UserError(
        `${spec.name} ${argv.join(" ")}`,
        message,
        "flags that the command knows",
        `type: npx ${spec.name} --help`,
      );
    });
  let help = "";
  // With a listener, yargs neither prints nor ends the process.
  const parsed = parser.parseSync([...argv], {}, (_error, _flags, text) => {
    help = text;
  }) as Record<string, unknown> & { _: (string | number)[] };
  if (help !== "") throw new HelpAsked(help);
  const [stray] = parsed._;
  if (stray !== undefined && spec.positional !== true)
    throw new UserError(
      `${spec.name} ${stray}`,
      "an argument without a flag",
      "flags and their values only",
      `type: npx ${spec.name} --help`,
    );
  for (const [name, { type }] of Object.entries(spec.flags)) {
    const value = parsed[name];
    if (type === "number" && value !== undefined && !Number.isFinite(value))
      throw new UserError(
        `--${name}`,
        "is not a number",
        "a number",
        `type: npx ${spec.name} --help`,
      );
  }
  return { ...parsed, positional: parsed._.map(String) } as Readonly<
    Record<keyof Flags, unknown>
  > & { positional: string[] };
}

/**
 * A flag's value as a whole number of at least `least`, or undefined where it was not given.
 * @throws UserError where it is something else
 */
export function wholeNumber(name: string, value: unknown, least: number): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= least) return value;
  throw new UserError(
    `--${name}`,
    `${String(value)} is not possible`,
    `a whole number from ${least} on`,
    `give another --${name}`,
  );
}

/** As `wholeNumber`, for a number above zero. */
export function positiveNumber(name: string, value: unknown): number | undefined {
  if (value === undefined) return undefined;
  if (typeof value === "number" && Number.isFinite(value) && value > 0) return value;
  throw new UserError(
    `--${name}`,
    `${String(value)} is not possible`,
    "a number above 0",
    `give another --${name}`,
  );
}
