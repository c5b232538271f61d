/** A report's file: the built page with its data. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { writeFileAtomically } from "../disk/atomic-file.js";
import { requireReplaceable } from "../disk/replaceable.js";
import { packageRoot } from "../package-root.js";
import type { ReportData } from "./report-data.js";

const dataPlace = "<!-- report -->";
const titlePlace = "<!-- title -->";
/** By which a report is known. */
const mark = '<meta name="generator" content="bit-train report">';
const kind = { name: "report", matches: (start: string) => start.includes(mark) };

/** A report as HTML. */
export async function reportHtml(data: ReportData): Promise<string> {
  const built = await readFile(join(packageRoot, "dist", "page", "report-page.html"), "utf8");
  // An element of JSON ends at the first end tag, wherever it stands.
  const json = JSON.stringify(data).replaceAll("<", "\\u003c");
  const parts = {
    [titlePlace]: `<title>${inHtml(data.runs.map(({ name }) => name).join(", "))}</title>\n${mark}`,
    [dataPlace]: `<script type="application/json" id="report">${json}</script>`,
  };
  return Object.entries(parts).reduce((html, [place, part]) => {
    if (html.split(place).length !== 2)
      throw new Error(`dist/page/report-page.html has not one ${place}: build it again`);
    return html.replace(place, () => part);
  }, built);
}

function inHtml(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
}

/**
 * Refuses a place where a report could not be written, before any work.
 * @throws UserError where another file lies there that is no report, or no file can be made
 */
export async function requireReportPlace(path: string): Promise<void> {
  await requireReplaceable(path, kind, "--out");
}

/**
 * Writes a report; the file appears complete or not at all.
 * @throws UserError where another file lies there that is no report
 */
export async function writeReport(path: string, data: ReportData): Promise<void> {
  const html = new TextEncoder().encode(await reportHtml(data));
  await requireReportPlace(path);
  await writeFileAtomically(path, (append) => append(html));
}
