/** How many images are done: a bar on a terminal, plain lines elsewhere. */
import { counted } from "../counted.js";
import { Bar } from "./bar.js";
import { output } from "./output.js";

// Elsewhere than on a terminal, a line at most so often.
const plainIntervalMs = 5_000;

/** On standard error, so that standard output holds the results alone. `close` it at the end. */
export class ImageProgress {
  private readonly bar: Bar | undefined;
  private lastPlainMs: number | undefined;

  /** @param terminal to draw a bar on; plain lines where there is none */
  constructor(
    private readonly verb: string,
    terminal: NodeJS.WriteStream | undefined = output.terminal,
  ) {
    if (terminal !== undefined) this.bar = new Bar(terminal);
  }

  readonly update = (done: number, total: number): void => {
    const { bar, verb } = this;
    if (bar !== undefined) {
      const count = { text: `${done}/${counted(total, "image")}`, rank: 9 };
      bar.show({ label: verb, share: done / total, pieces: [count] });
      if (done === total) bar.clear();
      return;
    }
    const now = performance.now();
    this.lastPlainMs ??= now;
    if (now - this.lastPlainMs >= plainIntervalMs && done < total) {
      this.lastPlainMs = now;
      output.note(`${verb}: ${done} of ${counted(total, "image")}`);
    }
  };

  close(): void {
    this.bar?.clear();
  }
}
