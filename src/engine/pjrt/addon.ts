/** The addon of native/pjrt/, typed. What it takes and gives is described there. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { UserError } from "../../errors.js";
import { requireEngine } from "../installed.js";
import { addonPath, PJRT } from "../own-addon.js";

declare const handle: unique symbol;
/** Something of the addon's that garbage collection frees, or `drop`. */
interface Handle<Kind> {
  readonly [handle]: Kind;
}
export type ClientHandle = Handle<"client">;
export type BufferHandle = Handle<"buffer">;
export type ProgramHandle = Handle<"program">;
export type ExecutableHandle = Handle<"executable">;

export type OptionValue = string | number | boolean | readonly number[];
export type NamedOption =
  | readonly [name: string, value: OptionValue]
  | readonly [name: string, value: number, kind: "float"];

export interface ClientDescription {
  readonly platform: string;
  readonly version: string;
  readonly api: string;
  /** Which of the processes that have the client together this is. */
  readonly process: number;
  readonly devices: readonly {
    readonly id: number;
    readonly kind: string;
    readonly memoryBytes?: number;
  }[];
}

/** Bytes on each device. */
export interface MemoryNeeds {
  readonly arguments: number;
  readonly outputs: number;
  /** Of the outputs, what lies in donated arguments' memory. */
  readonly aliased: number;
  readonly temporary: number;
  readonly code: number;
}

/**
 * Asks a store that several processes share for a plugin, as native/pjrt/key_values.h says it.
 * @param answer to be called once, then or later; with `why` where the store fails
 */
export type AskKeyValues = (
  operation: "get" | "find" | "put",
  key: string,
  value: string,
  answer: (value: string | null, why?: string) => void,
) => void;

export interface PjrtAddon {
  open(path: string, options: readonly NamedOption[]): ClientHandle;
  openTogether(
    path: string,
    options: readonly NamedOption[],
    ask: AskKeyValues,
  ): Promise<ClientHandle>;
  describe(client: ClientHandle): ClientDescription;
  compile(client: ClientHandle, mlir: string, options: Uint8Array): Promise<ProgramHandle>;
  load(client: ClientHandle, serialized: Uint8Array, options: Uint8Array): Promise<ProgramHandle>;
  compileAhead(
    path: string,
    topology: readonly NamedOption[],
    mlir: string,
    options: Uint8Array,
  ): Promise<ExecutableHandle>;
  programOf(program: ProgramHandle): {
    readonly devices: number;
    readonly outputs: readonly { readonly type: number; readonly shape: readonly number[] }[];
  };
  memory(program: ProgramHandle | ExecutableHandle): MemoryNeeds;
  serialize(program: ProgramHandle): Promise<Uint8Array>;
  optimized(
    program: ProgramHandle | ExecutableHandle,
  ): Promise<{ readonly format: string; readonly code: Uint8Array }>;
  put(
    client: ClientHandle,
    device: number,
    type: number,
    shape: readonly number[],
    strides: readonly number[],
    bytes: Uint8Array,
  ): Promise<BufferHandle>;
  read(buffer: BufferHandle, minorToMajor: readonly number[], size: number): Promise<Uint8Array>;
  run(
    program: ProgramHandle,
    lists: readonly (readonly BufferHandle[])[],
    donated: readonly number[],
  ): Promise<BufferHandle[][]>;
  isGone(buffer: BufferHandle): boolean;
  drop(handle: ClientHandle | BufferHandle | ProgramHandle | ExecutableHandle): void;
  prepareExit(): void;
}

let loaded: PjrtAddon | undefined;

/**
 * Loads the addon of the engine that is set up, once a thread.
 * @throws UserError where the engine has none
 */
export function loadPjrtAddon(): PjrtAddon {
  if (loaded !== undefined) return loaded;
  const engine = requireEngine("cpu");
  const path = addonPath(PJRT, engine.folder);
  if (!existsSync(path))
    throw new UserError(
      `engine ${engine.folder}`,
      "it lacks what calls XLA's plugins",
      "an engine that this version of bit-train has set up",
      "type: npx bit-setup",
    );
  const addon = createRequire(import.meta.url)(path) as PjrtAddon;
  // Last of all that ends with the process, so that it comes before what ends the plugins' libraries.
  process.once("exit", () => addon.prepareExit());
  loaded = addon;
  return addon;
}
