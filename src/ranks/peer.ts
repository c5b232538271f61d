/** The connection to one other process, and whether that lives. */
import type { Socket } from "node:net";
import { type ControlMessage, send } from "./control-message.js";

/** Each side says so often that it lives; a process that stands still does not. */
export const beatMs = 500;
/** Silence that is a failure: many beats, for busy machines and networks. */
export const silenceMs = 6000;

export class Peer {
  private heardMs = performance.now();
  private gone = false;
  private leaves = false;
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
      const silent = performance.now() - this.heardMs;
      if (silent > silenceMs)
        this.end(`${name} has not been heard of for ${Math.round(silent / 1000)} s`);
    }, beatMs);
  }

  /** To be told of each message that comes from the process. */
  hear(message: ControlMessage): void {
    this.heardMs = performance.now();
    if (message.type !== "beat") this.listener.message(message);
  }

  /** To be told of what comes and is no message: nothing more is understood. */
  refuse(what: string): void {
    this.end(`${this.name} sent ${what}`);
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
  }

  private end(why: string): void {
    if (this.gone) return;
    this.gone = true;
    clearInterval(this.timer);
    this.socket.destroy();
    if (!this.leaves) this.listener.lost(why);
  }
}
