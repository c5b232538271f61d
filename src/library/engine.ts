/** The engine of a program that uses the library: one by default, opened when it is first needed. */
import type { OpenedEngine } from "../engine/open.js";
import { type EngineListener, openDevice } from "../engine/open-device.js";
import type { Session } from "../engine/session.js";
import { knownOptions } from "./checks.js";
import type { Closable } from "./disposal.js";
import "./disposal.js";

/** An engine that closes the sessions that it has opened, and with them whatever uses them. */
export interface LibraryEngine extends OpenedEngine, Closable {}

export interface EngineOptions extends EngineListener {
  /**
   * What computes networks, as `--device` says it: `cpu`, `gpu`, `gpu:0,2`, `all`. By default a GPU where
   * its driver and its plugin are there, else the CPU.
   */
  readonly device?: string | undefined;
}

// With `satisfies`, a new option cannot be forgotten here.
const engineOptions = Object.keys({
  ...{ device: 0, remark: 0, compiling: 0 },
} satisfies Record<keyof EngineOptions, 0>);

/**
 * Opens the engine that `bit-setup` prepared. Models and runs open one by themselves; an own one tells
 * what it is (`description`, `version`), and frees at once, when it is closed, all that was opened with it.
 * Once closed, it opens nothing more: what would use it fails with an `Error`.
 * @throws UserError where none is set up, or not that device, or an option is none
 */
export function openEngine(options: EngineOptions = {}): LibraryEngine {
  knownOptions(options, engineOptions);
  const { device, ...listener } = options;
  const opened = openDevice(device, listener);
  const sessions = new Set<Session>();
  let closed = false;
  const close = async () => {
    closed = true;
    for (const session of sessions) session.close();
    sessions.clear();
  };
  // A copy with its getters: some ask a driver, which takes its time.
  const engine: LibraryEngine = Object.create(null, {
    ...Object.getOwnPropertyDescriptors(opened),
    open: {
      enumerable: true,
      value: (...graph: Parameters<OpenedEngine["open"]>) => {
        if (closed) throw new Error("the engine is closed");
        const session = opened.open(...graph);
        const tracked: Session = {
          run: (feeds, fetches) => session.run(feeds, fetches),
          close: () => {
            sessions.delete(tracked);
            session.close();
          },
        };
        sessions.add(tracked);
        return tracked;
      },
    },
    close: { value: close },
    [Symbol.asyncDispose]: { value: close },
  });
  return engine;
}

let shared: OpenedEngine | undefined;

/** The engine of all that is given no other. */
export function sharedEngine(): OpenedEngine {
  shared ??= openDevice(undefined);
  return shared;
}
