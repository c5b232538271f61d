/** How many images are done: a bar on a terminal, plain lines elsewhere. */
import cliProgress from "cli-progress";
import { output } from "./output.js";

// Elsewhere than on a terminal, a line at most so often.
const plainIntervalMs = 5_000;

/** On standard error, so that standard output holds the results alone. `close` it at the end. */
export class ImageProgress {
  private bar: cliProgress.SingleBar | undefined;
  private lastPlainMs: number | undefined;

  /** @param terminal to draw a bar on; plain lines where there is none */
  constructor(
    private readonly verb: string,
    private readonly terminal: NodeJS.WriteStream | undefined = output.terminal,
  ) {}

  readonly update = (done: number, total: number): void => {
    if (this.terminal !== undefined) {
      if (this.bar === undefined) {
        const format = `${this.verb} {bar} {value}/{total} images`;
        this.bar = new cliProgress.SingleBar({
          stream: this.terminal,
          format,
          hideCursor: true,
          barsize: 24,
          clearOnComplete: true,
        });
        this.bar.start(total, done);
      } else this.bar.update(done);
      return;
    }
    const now = performance.now();
    this.lastPlainMs ??= now;
    if (now - this.lastPlainMs >= plainIntervalMs && done < total) {
      this.lastPlainMs = now;
      output.note(`${this.verb}: ${done} of ${total} images`);
    }
  };

  close(): void {
    this.bar?.stop();
    this.bar = undefined;
  }
}
