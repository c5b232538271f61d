/** Standard output or standard error: whole writes, and what became of them. */
import { fstatSync, writeSync } from "node:fs";
import { isatty } from "node:tty";
import { systemErrorCode } from "../errors.js";

/** Why nothing more can be written. */
export interface OutputLoss {
  /** Whether its reader has gone: a pipe's, or a terminal that was closed. */
  readonly readerGone: boolean;
  /** In words, with the system's code: `ENOSPC: no space left on device`. */
  readonly reason: string;
}

/**
 * One of the process's two streams. Files and devices are written here, whole: Node's own stream takes
 * the part that a full disk had room for as success. To pipes, sockets and terminals its stream writes,
 * which does not wait for the reader.
 */
export class OutputChannel {
  /** Undefined as long as all is well. */
  loss: OutputLoss | undefined;
  /** Bytes that are not yet written. */
  waitingBytes = 0;
  // Asked once: a terminal that was closed is none any more.
  private readonly isTerminal: boolean;
  private readonly isFile: boolean;
  private readonly stream: NodeJS.WriteStream;
  private readonly waiting: (() => void)[] = [];

  /** @param onLoss told once, when nothing more can be written */
  constructor(
    private readonly descriptor: 1 | 2,
    private readonly onLoss: (loss: OutputLoss) => void = () => undefined,
  ) {
    this.isTerminal = isatty(descriptor);
    this.isFile = !this.isTerminal && isFileOrDevice(descriptor);
    this.stream = descriptor === 1 ? process.stdout : process.stderr;
    // A stream's error that nobody listens to ends the process.
    this.stream.on("error", (error) => this.lose(error));
  }

  write(text: string): void {
    if (this.loss !== undefined) return;
    const bytes = Buffer.from(text);
    if (!this.isFile) {
      this.waitingBytes += bytes.length;
      this.stream.write(bytes, (error) => {
        this.waitingBytes -= bytes.length;
        if (error) this.lose(error);
        if (this.waitingBytes === 0) this.wake();
      });
      return;
    }
    try {
      for (let done = 0; done < bytes.length; )
        done += writeSync(this.descriptor, bytes, done, bytes.length - done);
    } catch (error) {
      this.lose(error);
    }
  }

  /** Resolves when all is written, or nothing more can be. */
  async drained(): Promise<void> {
    if (this.waitingBytes === 0 || this.loss !== undefined) return;
    await new Promise<void>((resolve) => void this.waiting.push(resolve));
  }

  /** The stream where it is a terminal that is still there. */
  get terminal(): NodeJS.WriteStream | undefined {
    return this.isTerminal && this.loss === undefined ? this.stream : undefined;
  }

  private lose(error: unknown): void {
    if (this.loss === undefined) {
      const code = systemErrorCode(error);
      const closed = this.isTerminal && code === "EIO";
      this.loss = {
        readerGone: closed || code === "EPIPE" || code === "ECONNRESET",
        reason: wordsOf(error),
      };
      this.onLoss(this.loss);
    }
    this.wake();
  }

  private wake(): void {
    for (const resolve of this.waiting.splice(0)) resolve();
  }
}

function wordsOf(error: unknown): string {
  return error instanceof Error ? error.message.replace(/^write |, write$/g, "") : String(error);
}

/** Whether a descriptor is neither a pipe nor a socket, which Node's own streams write. */
function isFileOrDevice(descriptor: number): boolean {
  const kind = fstatSync(descriptor);
  return !kind.isFIFO() && !kind.isSocket();
}
