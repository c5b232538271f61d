/** `bit-data convert`: a copy of a dataset whose TIFF, AVIF and HEIC are PNG or JPEG. */
import { counted } from "../counted.js";
import { type ConvertReport, convertFolder } from "../data/conversion/convert-folder.js";
import { UserError } from "../errors.js";
import type { Call } from "./command.js";
import { ImageProgress } from "./image-progress.js";
import { interruptible } from "./interrupt.js";
import { output } from "./output.js";

/** Runs the command. */
export async function run({ settings, positional, argv }: Call<"convert">): Promise<number> {
  const [from, ...rest] = positional;
  const { to, format, badImages, json } = settings;
  if (from === undefined || rest.length > 0 || to === undefined)
    throw new UserError(
      `bit-data convert ${argv.join(" ")}`.trim(),
      "not one folder and a name for its copy",
      "bit-data convert FOLDER --to NEW_FOLDER",
      "type for example: npx bit-data convert photos --to photos-png",
    );
  const bar = new ImageProgress("converting");
  const ended = await interruptible(
    async (signal) => {
      try {
        const { update: progress } = bar;
        return await convertFolder({ from, to, format, badImages, progress, signal });
      } finally {
        bar.close();
      }
    },
    () => `Stopped; nothing was left at ${to}.`,
  );
  if (ended.stopped) return ended.exit;
  output.result(json ? JSON.stringify(ended.value) : described(ended.value).join("\n"));
  return 0;
}

function described({ to, converted, copied, tables, skipped, unconverted }: ConvertReport) {
  const formats = Object.entries(converted).map(([format, count]) => `${count} ${format}`);
  const lines = [
    `${to}: ${formats.length > 0 ? `${formats.join(", ")} converted` : "nothing to convert"}, ` +
      `${counted(copied, "file")} copied as they are`,
  ];
  if (tables.length > 0) lines.push(`names changed in ${tables.join(", ")}`);
  if (skipped > 0) lines.push(`${skipped} hidden entries left out`);
  for (const { path, reason } of unconverted) lines.push(`not converted: ${path} (${reason})`);
  return lines;
}
