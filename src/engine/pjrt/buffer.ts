/** Values on a device. */
import type { BufferHandle, PjrtAddon } from "./addon.js";
import { byteSize, checkOrder, minorToMajor, type PjrtType } from "./array-layout.js";
import { awaiting } from "./pjrt-error.js";

/** A value on a device; freed by `drop`, or when it is forgotten. */
export interface PjrtBuffer {
  readonly type: PjrtType;
  readonly shape: readonly number[];
  /** Whether it can be used: it was neither dropped nor donated to a program that took it. */
  readonly isHere: boolean;
  /**
   * Copies the value to the host, when all that was asked for before is done.
   * @param order the dimensions from major to minor in which it is written; row-major unless it is told
   * @returns its bytes, in memory of their own
   * @throws PjrtError also for what failed while the value was computed
   */
  read(order?: readonly number[]): Promise<Uint8Array>;
  /** Frees the value, when what was asked for before is done. May be called again. */
  drop(): void;
}

/** What a buffer needs of its client, which it keeps alive. */
export interface BufferOwner {
  readonly addon: PjrtAddon;
  /** @throws Error where it is closed */
  checkOpen(): void;
}

/** A value of a client of ours. */
export class DeviceBuffer implements PjrtBuffer {
  readonly #owner: BufferOwner;
  readonly #handle: BufferHandle;
  #state: "here" | "donated" | "dropped" = "here";

  constructor(
    owner: BufferOwner,
    handle: BufferHandle,
    readonly type: PjrtType,
    readonly shape: readonly number[],
  ) {
    this.#owner = owner;
    this.#handle = handle;
  }

  get isHere(): boolean {
    return this.#state === "here";
  }

  async read(order?: readonly number[]): Promise<Uint8Array> {
    if (order !== undefined) checkOrder(order, this.shape.length);
    const handle = this.use(this.#owner, "read");
    const size = byteSize(this.type, this.shape);
    const layout = minorToMajor(this.shape.length, order);
    return await awaiting(() => this.#owner.addon.read(handle, layout, size));
  }

  drop(): void {
    if (this.#state === "dropped") return;
    this.#state = "dropped";
    this.#owner.addon.drop(this.#handle);
  }

  /**
   * For one use by `owner`.
   * @throws Error where the value is another client's, or was dropped or donated
   */
  use(owner: BufferOwner, what: string): BufferHandle {
    if (owner !== this.#owner) throw new Error(`${this}: ${what}, but it is another client's`);
    if (this.#state !== "here") throw new Error(`${this}: ${what} after it was ${this.#state}`);
    owner.checkOpen();
    return this.#handle;
  }

  /** From here on it belongs to a program that was asked to run. */
  donate(): void {
    this.#state = "donated";
  }

  /** Gives a donated value back unless the program, which has failed, has taken it. */
  reclaim(): void {
    if (this.#state === "donated" && !this.#owner.addon.isGone(this.#handle)) this.#state = "here";
  }

  toString(): string {
    return `the value ${this.type}[${this.shape}]`;
  }
}
