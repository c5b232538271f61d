/** `bit-data convert`: a copy of a dataset whose TIFF, AVIF and HEIC are PNG or JPEG. */
import { type ConvertReport, convertFolder } from "../data/conversion/convert-folder.js";
import { CONVERTED_FORMATS } from "../data/image-formats/image-format.js";
import { UserError } from "../errors.js";
import { type CommandSpec, parseFlags } from "./flags.js";
import { ImageProgress } from "./image-progress.js";
import { interruptible } from "./interrupt.js";
import { output } from "./output.js";

const flags = {
  to: { type: "string", describe: "The copy, which must not be there yet" },
  format: {
    type: "string",
    choices: ["png", "jpeg"],
    default: "png",
    describe: "Of converted images; jpeg (quality 95) is about a tenth as large, and not exact",
  },
  bad_images: {
    type: "string",
    choices: ["refuse", "skip"],
    default: "refuse",
    describe:
      "Images that cannot be converted: refuse all, or copy these as they are and name them",
  },
  json: { type: "boolean", default: false, describe: "Print one JSON object and nothing else" },
} as const;

const spec: CommandSpec<typeof flags> = {
  name: "bit-data",
  usage: "bit-data convert FOLDER --to NEW_FOLDER [flags]",
  description:
    `Copies a folder, or one image, with images of the formats ${CONVERTED_FORMATS.join(", ")} ` +
    "converted to PNG, upright, and their names changed in tables. The source is left as it is; the " +
    "copy takes its name when it is whole. Hidden files are left out.",
  positional: true,
  flags,
  examples: [["npx bit-data convert photos --to photos-png", "scans and photos of phones"]],
};

/** Runs the command. `argv` is without node, script and `convert`. */
export async function convertCommand(argv: readonly string[]): Promise<number> {
  const flag = parseFlags(spec, argv);
  const [from, ...rest] = flag.positional;
  if (from === undefined || rest.length > 0 || flag.to === undefined)
    throw new UserError(
      `bit-data convert ${argv.join(" ")}`.trim(),
      "not one folder and a name for its copy",
      "bit-data convert FOLDER --to NEW_FOLDER",
      "type for example: npx bit-data convert photos --to photos-png",
    );
  const bar = new ImageProgress("converting");
  const to = flag.to as string;
  const ended = await interruptible(
    async (signal) => {
      try {
        return await convertFolder({
          from,
          to,
          format: flag.format === "jpeg" ? "jpeg" : "png",
          badImages: flag.bad_images === "skip" ? "skip" : "refuse",
          progress: bar.update,
          signal,
        });
      } finally {
        bar.close();
      }
    },
    () => `Stopped; nothing was left at ${to}.`,
  );
  if (ended.stopped) return ended.exit;
  output.result(flag.json ? JSON.stringify(ended.value) : described(ended.value).join("\n"));
  return 0;
}

function described({ to, converted, copied, tables, skipped, unconverted }: ConvertReport) {
  const formats = Object.entries(converted).map(([format, count]) => `${count} ${format}`);
  const lines = [
    `${to}: ${formats.length > 0 ? `${formats.join(", ")} converted` : "nothing to convert"}, ` +
      `${copied} files copied as they are`,
  ];
  if (tables.length > 0) lines.push(`names changed in ${tables.join(", ")}`);
  if (skipped > 0) lines.push(`${skipped} hidden entries left out`);
  for (const { path, reason } of unconverted) lines.push(`not converted: ${path} (${reason})`);
  return lines;
}
