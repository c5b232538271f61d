/** A session through our own addon (native/tensorflow/): JavaScript's thread is free while it runs. */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { UserError } from "../errors.js";
import { encodeGraphDef, type GraphDef } from "../graph/proto.js";
import { typeNumber, typeOf } from "../graph/types.js";
import { reported } from "./addon-fault.js";
import type { InstalledEngine } from "./installed.js";
import { addonPath, TENSORFLOW } from "./own-addon.js";
import { PendingRuns } from "./pending-runs.js";
import { type HostTensor, type Session, SessionError } from "./session.js";

declare const sessionHandle: unique symbol;

/** A session of the addon. */
interface NativeHandle {
  readonly [sessionHandle]: true;
}

type Feed = readonly [
  name: string,
  type: number,
  shape: readonly number[],
  data: HostTensor["data"],
];

interface NativeResult {
  readonly type: number;
  readonly shape: readonly number[];
  readonly data: HostTensor["data"];
}

/** The functions of native/tensorflow/addon.cc. What TensorFlow reports has a `code`. */
export interface TensorflowAddon {
  serve(serverDef: Uint8Array, port: number, address: string): string;
  open(graph: Uint8Array, config: Uint8Array, target: string): NativeHandle;
  run(
    session: NativeHandle,
    feeds: readonly Feed[],
    fetches: readonly string[],
  ): Promise<NativeResult[]>;
  close(session: NativeHandle): void;
}

let loaded: TensorflowAddon | undefined;

/**
 * Loads the addon into this thread, once, after the binding.
 * @returns undefined where the engine has none, as the official prebuilt
 * @throws UserError where it cannot be loaded
 */
export function loadTensorflow(engine: InstalledEngine): TensorflowAddon | undefined {
  if (loaded !== undefined) return loaded;
  const path = addonPath(TENSORFLOW, engine.folder);
  if (!existsSync(path)) return undefined;
  try {
    const addon = createRequire(import.meta.url)(path) as TensorflowAddon;
    loaded = addon;
    return addon;
  } catch (error) {
    throw new UserError(
      path,
      error instanceof Error ? error.message : String(error),
      "an addon that loads",
      `delete the file, then type: npx bit-setup --${engine.flavour}`,
      { cause: error },
    );
  }
}

/** A server of this process: a serialized ServerDef, and where it is to be reached. */
export interface ServerPlace {
  readonly def: Uint8Array;
  readonly port: number;
  /** IPv4 or IPv6, of this machine. What is sent to another address is not heard. */
  readonly address: string;
}

/**
 * Starts a server, which lives as long as the process.
 * @returns the target of sessions that are to run on it
 * @throws SessionError where TensorFlow refuses
 */
export function startServer(addon: TensorflowAddon, { def, port, address }: ServerPlace): string {
  try {
    return addon.serve(def, port, address);
  } catch (error) {
    throw explained(error);
  }
}

/**
 * Loads `graph` into a native session of its own.
 * @param config a serialized ConfigProto; what it leaves out, and the environment does not say
 *   (`TF_NUM_INTRAOP_THREADS` and the like), is TensorFlow's default
 * @param target of a server; by default the session is in this process alone
 * @throws SessionError where it is refused
 */
export function openTensorflowSession(
  addon: TensorflowAddon,
  graph: GraphDef,
  config: Uint8Array = new Uint8Array(),
  target = "",
): Session {
  try {
    return new TensorflowSession(addon, addon.open(encodeGraphDef(graph), config, target));
  } catch (error) {
    throw explained(error);
  }
}

class TensorflowSession implements Session {
  private closed = false;
  private readonly pending = new PendingRuns();

  constructor(
    private readonly addon: TensorflowAddon,
    private readonly handle: NativeHandle,
  ) {}

  async run(
    feeds: Readonly<Record<string, HostTensor>>,
    fetches: readonly string[],
  ): Promise<HostTensor[]> {
    if (this.closed) throw new Error("the session is closed");
    const fed = Object.entries(feeds).map(([name, { type, shape, data }]): Feed => {
      return [name, typeNumber[type], shape, data];
    });
    try {
      const results = await this.pending.settled(this.addon.run(this.handle, fed, fetches));
      return results.map(hostTensor);
    } catch (error) {
      throw explained(error);
    }
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.addon.close(this.handle);
    this.pending.abandon();
  }
}

function hostTensor({ type, shape, data }: NativeResult): HostTensor {
  return { type: typeOf(type), shape, data } as HostTensor;
}

/** What TensorFlow reported, as what callers see. */
function explained(error: unknown): unknown {
  return reported(error, (code, message) => new SessionError(message, code));
}
