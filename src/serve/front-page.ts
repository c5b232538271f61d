/** The page that a browser shows at `/`. */
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { packageRoot } from "../package-root.js";

/** A page, and what it may do: no more than run its own code and ask this server. */
export interface FrontPage {
  readonly html: string;
  /** For `Content-Security-Policy`. */
  readonly policy: string;
}

/** Reads the page. Its scripts and styles are part of it. */
export async function frontPage(): Promise<FrontPage> {
  const html = await readFile(join(packageRoot, "assets", "front-page.html"), "utf8");
  const policy = [
    "default-src 'none'",
    `script-src ${hashes(html, "script")}`,
    `style-src ${hashes(html, "style")}`,
    "img-src blob: data:",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join("; ");
  return { html, policy };
}

/** What a policy says of the elements that stand in the page. Source: CSP level 3, hash-source. */
function hashes(html: string, element: "script" | "style"): string {
  const contents = [...html.matchAll(new RegExp(`<${element}>(.*?)</${element}>`, "gs"))];
  return contents
    .map(([, text]) => `'sha256-${createHash("sha256").update(text!).digest("base64")}'`)
    .join(" ");
}
