/**
 * Everything that a command prints goes through here: results and lines to standard output, notes to
 * standard error. Every write is checked, and none ends the process: a reader may go (`| head`, a
 * closed terminal, a `tee` that Ctrl-C ends too), and a disk may be full. Control characters are shown,
 * not sent to the terminal.
 */
import { UserError } from "../errors.js";
import { OutputChannel, type OutputLoss } from "./output-channel.js";
import { visibleLines } from "./visible.js";

/** The exit code of a user's mistake. A bug's is 1. */
export const USER_ERROR_EXIT = 2;

/** The exit code where the reader of a result has gone: what shells give a program that SIGPIPE ended. */
export const READER_GONE_EXIT = 141;

/** Nobody reads the result any more: the command ends, with nothing to say. */
export class ReaderGone extends Error {
  override readonly name = "ReaderGone";
}

/** What may wait for a slow reader before the work waits too, in bytes. */
const mostWaiting = 2 ** 20;

class Output {
  private readonly out = new OutputChannel(1, (loss) => this.outLost(loss));
  private readonly errors = new OutputChannel(2);
  /** Whether something of standard output is what the command was run for. */
  private awaited = false;
  /** Whether a program is to have every line. */
  private recorded = false;
  private told = false;

  /** A line, or several, for which the command was run: where they do not arrive, it fails. */
  result(text: string): void {
    this.awaited = true;
    this.out.write(`${visibleLines(text)}\n`);
  }

  /** A line on standard output about work whose outcome lies in files: where it is lost, the work goes on. */
  line(text: string): void {
    this.out.write(`${visibleLines(text)}\n`);
  }

  /**
   * A line for a program about work whose outcome lies in files: where its reader has gone, that is its wish; where it
   * cannot be written, the work goes on, and the command fails at its end.
   */
  record(text: string): void {
    this.recorded = true;
    this.line(text);
  }

  /** A line on standard error: progress, a warning, an error. */
  note(text: string): void {
    this.errors.write(`${visibleLines(text)}\n`);
  }

  /** Standard error where it is a terminal, to draw bars on. */
  get terminal(): NodeJS.WriteStream | undefined {
    return this.errors.terminal;
  }

  /** Whether people see standard output at once. */
  get isSeen(): boolean {
    return this.out.terminal !== undefined;
  }

  /** Whether the reader of standard output is so slow that what has no end should not be added to. */
  get isBehind(): boolean {
    return this.out.waitingBytes > mostWaiting;
  }

  /**
   * To be awaited between the parts of a result: lets a slow reader catch up.
   * @throws ReaderGone where nobody reads it any more
   * @throws UserError where it cannot be written
   */
  async flowing(): Promise<void> {
    if (this.out.waitingBytes > mostWaiting) await this.out.drained();
    if (this.out.loss === undefined) return;
    this.told = true;
    throw lossError(this.out.loss);
  }

  /**
   * Waits until all is written.
   * @param exit the exit code of a command that has ended
   * @returns the exit code, with what became of its result
   */
  async ended(exit: number): Promise<number> {
    await Promise.all([this.out.drained(), this.errors.drained()]);
    const { loss } = this.out;
    if (loss === undefined || !(this.awaited || this.recorded)) return exit;
    if (loss.readerGone) return exit || (this.awaited ? READER_GONE_EXIT : 0);
    const error = this.awaited ? lossError(loss) : recordLost(loss);
    if (!this.told) this.note(`error: ${error.message}`);
    await this.errors.drained();
    return exit || USER_ERROR_EXIT;
  }

  private outLost({ readerGone, reason }: OutputLoss): void {
    if (this.awaited) return;
    const what = readerGone ? "nobody reads standard output any more" : "standard output is lost";
    this.note(`note: ${what} (${reason}): going on without it`);
  }
}

function lossError({ readerGone, reason }: OutputLoss): ReaderGone | UserError {
  if (readerGone) return new ReaderGone(reason);
  return new UserError(
    "standard output",
    `cannot be written (${reason}): what arrived there is not whole`,
    "room for all that the command prints",
    "free some space or send it elsewhere, then type the same command again",
  );
}

function recordLost({ reason }: OutputLoss): UserError {
  return new UserError(
    "standard output",
    `cannot be written (${reason}): what happened from there on is missing`,
    "room for a line of each event",
    "the work itself went on, and its files have all of it; free some space, or send the lines elsewhere",
  );
}

/** The process's output. */
export const output = new Output();
