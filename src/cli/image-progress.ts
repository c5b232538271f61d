/** How many images are done: a bar on a terminal, plain lines elsewhere. */
import cliProgress from "cli-progress";

// Elsewhere than on a terminal, a line at most so often.
const plainIntervalMs = 5_000;

/** On standard error, so that standard output holds the results alone. `close` it at the end. */
export class ImageProgress {
  private bar: cliProgress.SingleBar | undefined;
  private lastPlainMs: number | undefined;

  constructor(
    private readonly verb: string,
    private readonly stream: NodeJS.WriteStream = process.stderr,
  ) {}

  readonly update = (done: number, total: number): void => {
    if (this.stream.isTTY) {
      if (this.bar === undefined) {
        const format = `${this.verb} {bar} {value}/{total} images`;
        this.bar = new cliProgress.SingleBar({
          stream: this.stream,
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
      this.stream.write(`${this.verb}: ${done} of ${total} images\n`);
    }
  };

  close(): void {
    this.bar?.stop();
    this.bar = undefined;
  }
}
