/** The page of a server: the same as an exported one, with photos sent to the server. */
import { describedPage } from "./page-file.js";
import type { PageSubject } from "./page-model.js";

/** A page, and what it may do: no more than run its own code and ask its server. */
export interface ServerPage {
  readonly html: string;
  /** For `Content-Security-Policy`; the page has the same in itself, but for who may frame it. */
  readonly policy: string;
}

/**
 * The page by which people try a server that answers `POST /predict?top=5`, with a photo as the body, by
 * `{ predictions: [{ top: [{ name, probability }] }] }`, or `{ error }`.
 */
export async function serverPage(subject: PageSubject): Promise<ServerPage> {
  const html = (await describedPage("server-page", subject)).join("");
  const [, own] = /http-equiv="Content-Security-Policy" content="([^"]*)"/.exec(html) ?? [];
  if (own === undefined) throw new Error("the server's page has no policy: build it again");
  return { html, policy: `${own}; frame-ancestors 'none'` };
}
