/** The connection to one other process, and whether that lives. */
import type { Socket } from "node:net";
import { type ControlMessage, longestLine, receive, send } from "./control-message.js";

/** Each side says so often that it lives; a process that stands still does not. */
export const beatMs = 500;
/** Silence that is a failure: many beats, for busy machines and networks. */
export const silenceMs = 8000;

export class Peer {
  private silentMs = 0;
  private tickedMs = performance.now();
  private gone = false;
  private leaves = false;
  private answer: (() => void) | undefined;
  private readonly timer: NodeJS.Timeout;

  /**
   * @param name for messages
   * @param listener told of each message, and once of the connection's end
   */
  constructor(
    private readonly socket: Socket,
    readonly name: string,
    private readonly listener: {
      readonly message: (message: ControlMessage) => void;
      readonly lost: (why: string) => void;
    },
  ) {
    socket.setNoDelay(true);
    socket.on("error", () => undefined);
    socket.on("close", () => this.end(`${name} has ended`));
    this.timer = setInterval(() => {
      this.send({ type: "beat" });
      // Where this process stood still itself, the other's words may lie there unread: that is no silence.
      const now = performance.now();
      this.silentMs += Math.min(now - this.tickedMs, 2 * beatMs);
      this.tickedMs = now;
      if (this.silentMs > silenceMs)
        this.end(`${name} has not been heard of for ${Math.round(this.silentMs / 1000)} s`);
    }, beatMs);
  }

  /**
   * Hears what comes by a connection that this process has made.
   * @param refuse told of what is no message
   */
  listen(refuse = (what: string) => this.refuse(what)): void {
    const take = (message: ControlMessage) => this.hear(message);
    receive(this.socket, { take, refuse, longest: () => longestLine });
  }

  /** To be told of each message that comes from the process. */
  hear(message: ControlMessage): void {
    this.silentMs = 0;
    if (message.type === "ask") this.send({ type: "answer" });
    else if (message.type === "answer") this.answered();
    else if (message.type !== "beat") this.listener.message(message);
  }

  /** To be told of what comes and is no message: nothing more is understood. */
  refuse(what: string): void {
    this.end(`${this.name} sent ${what}`);
  }

  /** Asks whether the process still counts on this one. @param yes told that it does, or that its work is done */
  ask(yes: () => void): void {
    this.answer = yes;
    if (this.gone) this.answered();
    else this.send({ type: "ask" });
  }

  send(message: ControlMessage): void {
    if (!this.gone) send(this.socket, message);
  }

  /** Its end is no news any more: all is done, as far as this process goes, and whether all have done it rank 0 says. */
  mayLeave(): void {
    this.leaves = true;
  }

  /** Ends the connection once what was sent is on its way; nobody is told. */
  close(): void {
    this.gone = true;
    clearInterval(this.timer);
    this.socket.end();
    this.socket.unref();
    this.answered();
  }

  private answered(): void {
    const { answer } = this;
    this.answer = undefined;
    answer?.();
  }

  private end(why: string): void {
    if (this.gone) return;
    this.gone = true;
    clearInterval(this.timer);
    this.socket.destroy();
    // Of one that was asked meanwhile, too, the work is done.
    if (this.leaves) this.answered();
    else this.listener.lost(why);
  }
}
