/** What a page's file holds besides its program: a model, the runtime, and weights in pieces. */
import type { PageModel, PageSubject } from "../src/export/page/page-model.js";

/** Ids and a class of elements, as `src/export/page` writes them. */
const modelId = "model";
const runtimeId = "runtime";
const workerId = "worker";
const weightsSelector = "script.weights";

function textOf(id: string): string {
  const text = document.getElementById(id)?.textContent;
  if (text === undefined || text === null)
    throw new Error("The file is incomplete. Copy or export it again.");
  return text;
}

/** The model's description. */
export function inlinedModel(): PageModel {
  return JSON.parse(textOf(modelId));
}

/** What a page is told of a model that is elsewhere. */
export function inlinedSubject(): PageSubject {
  return JSON.parse(textOf(modelId));
}

/** The backend's program, base64. */
export function inlinedRuntime(): string {
  return textOf(runtimeId);
}

/** The worker's program. */
export function inlinedWorker(): string {
  return textOf(workerId);
}

/**
 * The weights' pieces, base64, as the browser reads them from the file. Each is given once, and no longer
 * kept by the page.
 */
export async function* inlinedWeights(): AsyncGenerator<string> {
  for (;;) {
    const ended = document.readyState !== "loading";
    const pieces = [...document.querySelectorAll<HTMLElement>(weightsSelector)];
    // The last one may still grow.
    const whole = ended ? pieces : pieces.slice(0, -1);
    for (const piece of whole) {
      const text = piece.textContent ?? "";
      piece.remove();
      yield text;
    }
    if (ended) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
