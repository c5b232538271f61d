/**
 * What runs compiled programs: a device with memory of its own. Narrower than a session, which is graph,
 * feeds and fetches: a program takes values that are on the device and gives others.
 */
import type { ElementType } from "../../graph/types.js";

/** A value on the device. */
export interface DeviceBuffer {
  /** Whether it can be used: it was neither dropped nor used up by a program. */
  readonly isHere: boolean;
  /**
   * Copies the value to the host.
   * @param order the dimensions from outermost to innermost as the host shall have them; default: as they are
   */
  read(order?: readonly number[]): Promise<Uint8Array>;
  /** Frees the memory; at once where nothing that runs uses it. */
  drop(): void;
}

export interface DeviceProgram {
  /**
   * Enqueues a run; the results can be used at once, and are there when the device is done.
   * @param args in the program's order; those of `donated` are used up, unless the run fails before it
   *   takes them
   */
  run(args: readonly DeviceBuffer[], donated: readonly number[]): Promise<DeviceBuffer[]>;
  close(): void;
}

/** Row-major values of a type that devices know. */
export interface DeviceValue {
  readonly type: ElementType;
  readonly shape: readonly number[];
  readonly data: ArrayBufferView;
}

export interface PutOptions {
  /** The host's memory order: the dimensions from outermost to innermost. Default: as in the shape. */
  readonly order?: readonly number[] | undefined;
  /** Give each partition its share along the first dimension. Default: the whole value. */
  readonly divided?: boolean | undefined;
}

export interface ProgramDevice {
  /** As in `NVIDIA H100 80GB HBM3`. */
  readonly name: string;
  /**
   * @param text a StableHLO module
   * @param purpose what it is for, in words, for people who wait
   */
  compile(text: string, purpose: string): Promise<DeviceProgram>;
  /** Devices that compute together; each has all variables, and its share of a batch. */
  readonly partitions: number;
  /** Processes that run a program at once, each with devices of its own. Default: this one alone. */
  readonly replicas?: number | undefined;
  put(value: DeviceValue, options?: PutOptions): Promise<DeviceBuffer>;
}
