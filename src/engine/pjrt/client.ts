/**
 * XLA's devices through a plugin with the PJRT C API: values on them, and programs that run there. All is
 * asynchronous and done in the order in which it is asked for; Node's thread only asks.
 */
import {
  type ClientDescription,
  type ClientHandle,
  loadPjrtAddon,
  type MemoryNeeds,
  type NamedOption,
  type OptionValue,
  type PjrtAddon,
  type ProgramHandle,
} from "./addon.js";
import { byteSize, byteStrides, checkOrder, type PjrtType, typeNumber } from "./array-layout.js";
import { type BufferOwner, DeviceBuffer, type PjrtBuffer } from "./buffer.js";
import { type CompileOptions, encodeCompileOptions } from "./compile-options.js";
import { asking, type KeyValues } from "./key-values.js";
import { awaiting, calling, PjrtError } from "./pjrt-error.js";
import { type CompiledProgram, Executable, LoadedProgram, type PjrtProgram } from "./program.js";
import { type ArrayType, argumentTypes } from "./signature.js";

export type {
  CompiledProgram,
  CompileOptions,
  KeyValues,
  MemoryNeeds,
  OptionValue,
  PjrtBuffer,
  PjrtProgram,
  PjrtType,
};
export { PjrtError };

export interface PjrtDevice {
  readonly id: number;
  /** Such as `NVIDIA H100 80GB HBM3`. */
  readonly kind: string;
  /** The most that programs and values may take of its memory; undefined where the plugin does not know. */
  readonly memoryBytes: number | undefined;
}

/** A dense array in the host's memory. */
export interface HostArray {
  readonly type: PjrtType;
  readonly shape: readonly number[];
  /** Row-major, or in the order that is told beside it. */
  readonly data: ArrayBufferView;
}

export interface PjrtClient {
  /** The plugin's library. */
  readonly path: string;
  /** Such as `cpu` or `cuda`. */
  readonly platform: string;
  /** Of what lies below the plugin, in the plugin's words. */
  readonly version: string;
  /** The plugin's version of the C API, such as `0.115`. */
  readonly api: string;
  /** Which of the processes that have the client together this is; 0 where it is by itself. */
  readonly process: number;
  /** How many processes have it together; 1 where it is by itself. */
  readonly processes: number;
  /** Those of this process. Where several have the client together, their ids are those of all. */
  readonly devices: readonly PjrtDevice[];
  /**
   * Compiles a StableHLO module, on another thread.
   * @param mlir its text
   * @throws PjrtError where the compiler refuses it
   */
  compile(mlir: string, options?: CompileOptions): Promise<PjrtProgram>;
  /**
   * Loads what `serialize` gave.
   * @param options replace those with which it was compiled
   * @param mlir the module that it was compiled from: arguments are compared with its types
   * @throws PjrtError where it is damaged, or of another plugin or kind of device
   */
  load(serialized: Uint8Array, options?: CompileOptions, mlir?: string): Promise<PjrtProgram>;
  /**
   * Copies a value to a device, after all that was asked for before. Its memory is read before the promise
   * resolves, and must neither change nor be moved to another thread before.
   * @param options.device index in `devices`; 0 unless it is told
   * @param options.order the host array's dimensions from major to minor; row-major unless it is told
   * @throws PjrtError where the device's memory does not suffice
   */
  put(
    value: HostArray,
    options?: { readonly device?: number; readonly order?: readonly number[] },
  ): Promise<PjrtBuffer>;
  /**
   * Frees the client with all its values and programs, when what was asked for before is done; nothing
   * more can be asked. May be called again.
   */
  close(): void;
}

class Client implements PjrtClient, BufferOwner {
  readonly platform: string;
  readonly version: string;
  readonly api: string;
  readonly process: number;
  readonly devices: readonly PjrtDevice[];
  readonly #handle: ClientHandle;
  readonly #onClose: () => void;
  #isClosed = false;

  constructor(
    readonly addon: PjrtAddon,
    readonly path: string,
    handle: ClientHandle,
    onClose: () => void,
    readonly processes = 1,
  ) {
    const description: ClientDescription = calling(() => addon.describe(handle));
    this.#handle = handle;
    this.#onClose = onClose;
    this.platform = description.platform;
    this.version = description.version;
    this.api = description.api;
    this.process = description.process;
    this.devices = description.devices.map(({ id, kind, memoryBytes }) => {
      return { id, kind, memoryBytes };
    });
  }

  checkOpen(): void {
    if (this.#isClosed) throw new Error("the PJRT client is closed");
  }

  async compile(mlir: string, options?: CompileOptions): Promise<PjrtProgram> {
    this.checkOpen();
    const encoded = encodeCompileOptions(options);
    const handle = await awaiting(() => this.addon.compile(this.#handle, mlir, encoded));
    return this.#program(handle, argumentTypes(mlir), options);
  }

  async load(
    serialized: Uint8Array,
    options?: CompileOptions,
    mlir?: string,
  ): Promise<PjrtProgram> {
    this.checkOpen();
    const bytes = asBytes(serialized);
    const encoded = options === undefined ? new Uint8Array() : encodeCompileOptions(options);
    const handle = await awaiting(() => this.addon.load(this.#handle, bytes, encoded));
    return this.#program(handle, mlir === undefined ? undefined : argumentTypes(mlir), options);
  }

  #program(
    handle: ProgramHandle,
    parameters: readonly (ArrayType | undefined)[] | undefined,
    options: CompileOptions | undefined,
  ): PjrtProgram {
    // It may have been closed meanwhile.
    this.checkOpen();
    const divided = (options?.partitions ?? 1) > 1;
    return new LoadedProgram(this, handle, { parameters, divided });
  }

  async put(
    { type, shape, data }: HostArray,
    { device = 0, order }: { readonly device?: number; readonly order?: readonly number[] } = {},
  ): Promise<PjrtBuffer> {
    this.checkOpen();
    if (this.devices[device] === undefined)
      throw new Error(`device ${device} of ${this.devices.length}`);
    const size = byteSize(type, shape);
    if (data.byteLength !== size)
      throw new Error(`${data.byteLength} bytes for ${type}[${shape}], which has ${size}`);
    if (order !== undefined) checkOrder(order, shape.length);
    const strides = order === undefined ? [] : byteStrides(type, shape, order);
    const number = typeNumber(type);
    const bytes = asBytes(data);
    const handle = await awaiting(() =>
      this.addon.put(this.#handle, device, number, shape, strides, bytes),
    );
    return new DeviceBuffer(this, handle, type, [...shape]);
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.addon.drop(this.#handle);
    this.#onClose();
  }
}

function asBytes(data: ArrayBufferView): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** Options whose whole numbers are floats to the plugins. */
const FLOATS: ReadonlySet<string> = new Set(["memory_fraction"]);

function namedOptions(options: Readonly<Record<string, OptionValue>>): NamedOption[] {
  return Object.entries(options).map(([name, value]) =>
    typeof value === "number" && FLOATS.has(name) ? [name, value, "float"] : [name, value],
  );
}

/** What plugins log is not to be seen unless somebody wants it: what matters is thrown. */
function loadQuietly(): PjrtAddon {
  process.env["TF_CPP_MIN_LOG_LEVEL"] ??= "3";
  return loadPjrtAddon();
}

const open = new Map<string, { readonly client: PjrtClient; readonly options: string }>();

/**
 * Opens a plugin's client, which has all of its devices. There is one a plugin in each thread: where it is
 * open already, with the same options, that one is returned.
 * @param options the plugin's own, such as `preallocate` (CUDA) or `cpu_device_count`
 * @throws UserError where the engine that is set up cannot call plugins
 * @throws PjrtError where the plugin cannot be loaded or has no devices
 * @throws Error where it is open with other options
 */
export function openPjrt(
  pluginPath: string,
  options: Readonly<Record<string, OptionValue>> = {},
): PjrtClient {
  const key = JSON.stringify(options);
  const there = open.get(pluginPath);
  if (there !== undefined) {
    if (there.options === key) return there.client;
    throw new Error(`${pluginPath} is open with the options ${there.options}, not ${key}`);
  }
  const addon = loadQuietly();
  const handle = calling(() => addon.open(pluginPath, namedOptions(options)));
  const client = new Client(addon, pluginPath, handle, () => open.delete(pluginPath));
  open.set(pluginPath, { client, options: key });
  return client;
}

/** Where a process is among those that have a client together. */
export interface PjrtPlace {
  readonly rank: number;
  readonly ranks: number;
  /** Shared by all of them; it is asked as long as the client is open, and by other threads. */
  readonly keyValues: KeyValues;
}

/**
 * Opens a client together with other processes, each with devices of its own: a program may run on those of all.
 * It is this process's alone, and is to be opened once. Source: jax's xla_bridge.py and XLA's
 * pjrt_c_api_gpu_internal.cc, for what plugins are given.
 * @throws UserError where the engine that is set up cannot call plugins
 * @throws PjrtError where the plugin cannot be loaded, has no devices, or does not reach the others
 */
export async function openPjrtTogether(
  pluginPath: string,
  options: Readonly<Record<string, OptionValue>>,
  { rank, ranks, keyValues }: PjrtPlace,
): Promise<PjrtClient> {
  const addon = loadQuietly();
  const named = namedOptions({ ...options, node_id: rank, num_nodes: ranks });
  const handle = await awaiting(() => addon.openTogether(pluginPath, named, asking(keyValues)));
  const client = new Client(addon, pluginPath, handle, () => undefined, ranks);
  if (client.process === rank) return client;
  client.close();
  throw new Error(`the plugin has made process ${client.process} of rank ${rank}`);
}

/**
 * Compiles a StableHLO module for a GPU that need not be there.
 * @param targetConfig the GPU's description: a GpuTargetConfigProto as text
 * @throws PjrtError where the plugin cannot, or the compiler refuses the module
 */
export async function compileAhead(
  pluginPath: string,
  targetConfig: string,
  mlir: string,
  options: CompileOptions = {},
): Promise<CompiledProgram> {
  const addon = loadQuietly();
  // Of one process with one device.
  const named = namedOptions({ target_config: targetConfig, topology: "1x1x1" });
  const encoded = encodeCompileOptions(options);
  const handle = await awaiting(() => addon.compileAhead(pluginPath, named, mlir, encoded));
  return new Executable(addon, handle);
}
