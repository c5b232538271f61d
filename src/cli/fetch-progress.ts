/** Shows what a command fetches before its own work, one file after the other, on standard error. */

import type { FetchConsole } from "../run/fetching.js";
import type { ByteCounter } from "../setup/reporter.js";
import { output } from "./output.js";
import { setupProgress } from "./setup-progress.js";

/** `close` it when nothing more is fetched. */
export class FetchProgress implements FetchConsole {
  private label: string | undefined;
  private counter: ByteCounter | undefined;

  readonly line = (text: string): void => {
    this.close();
    output.note(text);
  };

  readonly fetching = (label: string, doneBytes: number, totalBytes: number | undefined): void => {
    if (label !== this.label) {
      this.close();
      // A file that is whole already is told of once, with nothing to wait for.
      if (doneBytes === totalBytes) return;
      this.label = label;
      this.counter = setupProgress(output.terminal).bytes(label, totalBytes);
    }
    this.counter?.update(doneBytes);
    if (doneBytes === totalBytes) this.close();
  };

  close(): void {
    this.counter?.done();
    this.counter = undefined;
    this.label = undefined;
  }
}
