/** What a report's file holds. */
import type { ReportData } from "../../src/report/report-data.js";

/** The data of a report, as its page reads it. */
export function reportIn(html: string): ReportData {
  const [, json] = /<script type="application\/json" id="report">(.*?)<\/script>/s.exec(html) ?? [];
  if (json === undefined) throw new Error("the file is no report");
  return JSON.parse(json);
}
