/** What the thread that holds a process's control connections is told when it begins. */
import type { LockOwner } from "../disk/lock-owner.js";
import type { AddressWish } from "./own-address.js";
import type { RankSettings } from "./rank-sources.js";

/** What the thread is given. */
export interface ControlTask extends RankSettings, AddressWish {
  /** Of rank 0: its address at which all meet. */
  readonly listenAt: string | undefined;
  /** Of another: its addresses that it may take; undefined: whichever the system takes. */
  readonly leaveFrom: readonly string[] | undefined;
  /** So long the processes wait for each other to come. */
  readonly patienceMs: number;
  /** Of the `Pulse` that this thread gives. */
  readonly pulseMemory: SharedArrayBuffer;
  /** By which ranks know each other, as `tokenIn` has it. */
  readonly token: string | null;
  /** Who started this process and is to live as long; undefined: nobody who said so. */
  readonly launcher: LockOwner | undefined;
}
