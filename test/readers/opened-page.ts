/** An exported page in Chromium, opened from the disk as by a double click. */
import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { pathToFileURL } from "node:url";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";

/** What a page made of a photo, as it tells programs. */
export interface Classified {
  readonly top: readonly { readonly name: string; readonly probability: number }[];
  readonly logits: readonly number[];
  readonly heat: {
    readonly height: number;
    readonly width: number;
    readonly maps: readonly (readonly number[])[];
  };
  readonly notes: readonly string[];
}

/** Keeps what the page says of each photo. */
const listening = `
  globalThis.told = {};
  document.addEventListener("classified", ({ detail: { name, top, logits, heat, notes } }) => {
    const maps = heat.maps.map((map) => [...map]);
    told[name] = { top, notes, logits: [...logits], heat: { ...heat, maps } };
  });`;

/** A page that is open. */
export interface OpenedPage {
  readonly page: Page;
  /** Addresses that were asked for, but for the page itself and its own blobs. */
  readonly requests: readonly string[];
  /** Errors that nobody caught, and what was written on the console. */
  readonly complaints: readonly string[];
}

/** Opens the page in an export's folder. */
export async function openExportedPage(browser: Browser, folder: string): Promise<OpenedPage> {
  const [file] = (await readdir(folder)).filter((name) => name.endsWith(".html"));
  return await openFile(browser, join(folder, file!));
}

/** Opens a page's file. */
export async function openFile(
  browser: Browser,
  file: string,
  options: BrowserContextOptions = {},
): Promise<OpenedPage> {
  const address = pathToFileURL(file).href;
  const page = await browser.newPage(options);
  const [requests, complaints]: [string[], string[]] = [[], []];
  page.on("request", (request) => {
    const url = request.url();
    if (url !== address && !/^(blob:null|blob:file|data:)/.test(url)) requests.push(url);
  });
  page.on("console", (message) => complaints.push(message.text()));
  page.on("pageerror", (error) => complaints.push(error.message));
  await page.addInitScript(listening);
  await page.goto(address);
  return { page, requests, complaints };
}

/** Waits until the page can classify. */
export async function untilReady(page: Page): Promise<void> {
  await page.locator("#status", { hasText: "Ready" }).waitFor({ timeout: 120_000 });
}

/** Waits until an expression is true. The page's own policy lets nothing on it evaluate one by itself. */
async function until(page: Page, expression: string): Promise<void> {
  for (const end = Date.now() + 120_000; Date.now() < end; await setTimeout(50))
    if (await page.evaluate<boolean>(expression)) return;
  throw new Error(`not within two minutes: ${expression}`);
}

/** Gives photos to the page, and waits for what it makes of them. */
export async function classify(
  page: Page,
  paths: readonly string[],
): Promise<ReadonlyMap<string, Classified>> {
  await page.locator("#files").setInputFiles([...paths]);
  const names = paths.map((path) => basename(path));
  await until(page, `${JSON.stringify(names)}.every((name) => name in told)`);
  const told = await page.evaluate<Record<string, Classified>>("told");
  return new Map(Object.entries(told));
}
