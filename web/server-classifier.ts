/** The model of the server that a page comes from. */
import type { PageSubject } from "../src/export/page/page-model.js";
import type { Classifier } from "./classifier.js";
import { inlinedSubject } from "./inlined.js";
import { type ClassShare, shownClasses } from "./messages.js";

/** What `bit-serve` answers: predictions, or what is wrong with the request. */
interface ServerAnswer {
  readonly predictions?: readonly {
    readonly source: string;
    readonly top: readonly ClassShare[];
  }[];
  readonly error?: string;
}

/** Sends photos to the server. */
export function serverClassifier(): Classifier {
  const subject: PageSubject = inlinedSubject();
  return {
    subject,
    ready: Promise.resolve("this page's server"),
    classify: async (photo) => {
      const begun = performance.now();
      const headers = { "Content-Type": photo.type || "application/octet-stream" };
      const request = { method: "POST", body: photo, headers };
      const response = await fetch(`predict?top=${shownClasses}`, request).catch(() => {
        throw new Error("The server does not answer.");
      });
      const answer: ServerAnswer = await response.json().catch(() => ({}));
      const [prediction] = answer.predictions ?? [];
      if (!response.ok || prediction === undefined)
        throw new Error(answer.error ?? `The server answered with ${response.status}.`);
      const elapsedMs = performance.now() - begun;
      return { top: prediction.top.slice(0, shownClasses), notes: [], elapsedMs };
    },
  };
}
