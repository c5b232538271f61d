/**
 * Makes assets/terminal.svg, the README's picture: what a terminal shows while the sample trains. It is
 * the command's own output, recorded through a terminal of its own (`script` of util-linux); only the
 * path of this clone is shortened. `node dist/scripts/make-terminal-picture.js`, with the engine set up.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { packageRoot } from "../src/package-root.js";

const COLUMNS = 100;
/** The step at which the screen is drawn. */
const STEP = 58;

const ESC = "\u001b";

const recorded = record();
const frames = [...recorded.matchAll(/ (\d+)\/100 {2}.*? left/g)];
const frame = frames.find(([, step]) => Number(step) >= STEP);
if (frame === undefined) throw new Error(`no bar of step ${STEP}:\n${recorded}`);
const end = frame.index + frame[0].length;
const home = packageRoot.replace(/\/$/, "");
const lines = screen(recorded.slice(0, end).replaceAll(home, "~/bit-train"));
writeFileSync(
  join(packageRoot, "assets", "terminal.svg"),
  picture(["$ npx bit-train sample", ...lines]),
);

/** What `bit-train sample` writes to a terminal. */
function record(): string {
  const folder = mkdtempSync(join(tmpdir(), "bit-picture-"));
  try {
    const program = `${process.execPath} ${join(packageRoot, "bin", "bit-train.js")} sample`;
    const command = `stty cols ${COLUMNS} rows 40; ${program}`;
    const flags = ["--quiet", "--return", "--command", command, "typescript"];
    const { status, stdout } = spawnSync("script", flags, {
      cwd: folder,
      encoding: "utf8",
      env: { ...process.env, TERM: "xterm" },
      maxBuffer: 2 ** 24,
    });
    if (status !== 0) throw new Error(`the sample ended with ${status}:\n${stdout}`);
    return stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** The lines that a terminal shows: of its codes only those matter that begin a line again. */
function screen(text: string): string[] {
  const controls = new RegExp(`${ESC}(?:[78]|\\[[?\\d;]*[A-FH-Za-z])`, "g");
  const rows = text
    .replaceAll(`${ESC}[1G`, "\r")
    .replace(controls, "")
    .split("\n")
    .map((row) => row.replace(/\r+$/, "").split("\r").at(-1)!);
  return rows.flatMap((row) =>
    row === "" ? [""] : row.match(new RegExp(`.{1,${COLUMNS}}`, "g"))!,
  );
}

function picture(rows: readonly string[]): string {
  const [lineHeight, charWidth, top] = [17, 7.25, 44];
  const width = Math.ceil(COLUMNS * charWidth) + 32;
  const height = top + rows.length * lineHeight + 4;
  const escaped = (row: string) => row.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  const texts = rows.flatMap((row, i) => {
    if (row.trim() === "") return [];
    const color = row.startsWith("$")
      ? ' fill="#fff"'
      : / {2}loss .* left/.test(row)
        ? ' fill="#7ee2a8"'
        : "";
    return [`<text x="16" y="${top + i * lineHeight}"${color}>${escaped(row)}</text>`];
  });
  const dots = ["#ff5f57", "#febc2e", "#28c840"].map(
    (color, i) => `<circle cx="${20 + 18 * i}" cy="16" r="5" fill="${color}"/>`,
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}">`,
    "<title>A terminal in which bit-train fine-tunes the sample</title>",
    `<rect width="100%" height="100%" rx="8" fill="#17191e"/>`,
    ...dots,
    `<g fill="#cdd3de" font-family="ui-monospace, 'DejaVu Sans Mono', Menlo, Consolas, monospace" font-size="12" xml:space="preserve">`,
    ...texts,
    "</g>",
    "</svg>",
    "",
  ].join("\n");
}
