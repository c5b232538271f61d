/** Compiled programs. */
import type { ExecutableHandle, MemoryNeeds, PjrtAddon, ProgramHandle } from "./addon.js";
import { typeOfNumber } from "./array-layout.js";
import { type BufferOwner, DeviceBuffer, type PjrtBuffer } from "./buffer.js";
import { awaiting, calling } from "./pjrt-error.js";
import { type ArrayType, checkTypes } from "./signature.js";

/** A program that was compiled, whether or not there is a device for it. */
export interface CompiledProgram {
  /** Bytes that it needs on each device. @throws PjrtError where the plugin does not know */
  memory(): MemoryNeeds;
  /** The program after the compiler's passes: MLIR as text, or an HloModuleProto (with its configuration). */
  optimizedHlo(): Promise<string | Uint8Array>;
  /** Frees it. May be called again. */
  close(): void;
}

/** A program that a client can run. */
export interface PjrtProgram extends CompiledProgram {
  /**
   * Runs the program, after all that was asked for before.
   * @param args one list for each device that it was compiled for
   * @param donated indices of arguments that are consumed, on each device: the program may write its
   *   outputs in their memory, and they cannot be used again. All others are left alone. Where the run
   *   fails at once, as for lack of memory, donated arguments that no device has taken yet stay usable.
   * @returns one list of outputs for each device, as soon as the work is enqueued: what is returned is
   *   computed meanwhile, and a failure comes out of `read`
   * @throws PjrtError where it cannot be enqueued
   * @throws Error where arguments are not of the types that it takes, or were dropped or donated
   */
  run(
    args: readonly (readonly PjrtBuffer[])[],
    donated: readonly number[],
  ): Promise<PjrtBuffer[][]>;
  /** For `load` of the same plugin on the same kind of devices. @throws PjrtError where it cannot be */
  serialize(): Promise<Uint8Array>;
}

abstract class Compiled<Handle extends ProgramHandle | ExecutableHandle>
  implements CompiledProgram
{
  #isClosed = false;

  constructor(
    readonly addon: PjrtAddon,
    readonly handle: Handle,
  ) {}

  /** @throws Error where it is closed */
  checkOpen(): void {
    if (this.#isClosed) throw new Error("the program is closed");
  }

  memory(): MemoryNeeds {
    this.checkOpen();
    return calling(() => this.addon.memory(this.handle));
  }

  async optimizedHlo(): Promise<string | Uint8Array> {
    this.checkOpen();
    const { format, code } = await awaiting(() => this.addon.optimized(this.handle));
    return format === "mlir" ? new TextDecoder().decode(code) : code;
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.addon.drop(this.handle);
  }
}

/** A program without a device. */
export class Executable extends Compiled<ExecutableHandle> {}

export interface Signature {
  /** The types of the module's arguments, where they are known. */
  readonly parameters: readonly (ArrayType | undefined)[] | undefined;
  /** Whether a device is given shares of them. */
  readonly divided: boolean;
}

/** A program of a client of ours. */
export class LoadedProgram extends Compiled<ProgramHandle> implements PjrtProgram {
  readonly #owner: BufferOwner;
  readonly #signature: Signature;
  readonly #devices: number;
  readonly #outputs: readonly { readonly type: number; readonly shape: readonly number[] }[];

  constructor(owner: BufferOwner, handle: ProgramHandle, signature: Signature) {
    super(owner.addon, handle);
    this.#owner = owner;
    this.#signature = signature;
    const { devices, outputs } = owner.addon.programOf(handle);
    this.#devices = devices;
    this.#outputs = outputs;
  }

  override checkOpen(): void {
    super.checkOpen();
    this.#owner.checkOpen();
  }

  async run(
    args: readonly (readonly PjrtBuffer[])[],
    donated: readonly number[],
  ): Promise<PjrtBuffer[][]> {
    this.checkOpen();
    const buffers = this.#checkedArguments(args, donated);
    const handles = buffers.map((list, device) =>
      list.map((buffer, i) => buffer.use(this.#owner, `argument ${i} for device ${device}`)),
    );
    const given = buffers.flatMap((list) => donated.map((i) => list[i]!));
    for (const buffer of given) buffer.donate();
    try {
      const outputs = await awaiting(() => this.addon.run(this.handle, handles, donated));
      return outputs.map((list) =>
        list.map((output, i) => {
          const { type, shape } = this.#outputs[i]!;
          return new DeviceBuffer(this.#owner, output, typeOfNumber(type), shape);
        }),
      );
    } catch (error) {
      for (const buffer of given) buffer.reclaim();
      throw error;
    }
  }

  #checkedArguments(
    args: readonly (readonly PjrtBuffer[])[],
    donated: readonly number[],
  ): DeviceBuffer[][] {
    if (args.length !== this.#devices)
      throw new Error(`arguments for ${args.length} devices, the program runs on ${this.#devices}`);
    const count = args[0]!.length;
    const { parameters, divided } = this.#signature;
    return args.map((list, device) => {
      if (list.length !== count)
        throw new Error(`${list.length} arguments for device ${device}, ${count} for device 0`);
      if (parameters !== undefined) checkTypes(list, parameters, divided);
      const uses = new Map<PjrtBuffer, number>();
      for (const buffer of list) uses.set(buffer, (uses.get(buffer) ?? 0) + 1);
      for (const i of donated)
        if (uses.get(list[i]!) !== 1)
          throw new Error(
            i < count
              ? `argument ${i} for device ${device} is donated and is another argument as well`
              : `argument ${i} is donated, there are ${count}`,
          );
      return list.map((buffer) => {
        if (buffer instanceof DeviceBuffer) return buffer;
        throw new Error("an argument is no value of this client's");
      });
    });
  }

  async serialize(): Promise<Uint8Array> {
    this.checkOpen();
    return await awaiting(() => this.addon.serialize(this.handle));
  }
}
