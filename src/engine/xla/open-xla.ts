/** An engine whose networks are computed by XLA on devices, and whose images TensorFlow makes on the CPU. */

import type { OpenedEngine } from "../open.js";
import type { PjrtClient, PjrtProgram } from "../pjrt/client.js";
import { pjrtDevice } from "./pjrt-device.js";
import { XlaSession } from "./xla-session.js";

export interface XlaOptions {
  /** Places in the client's list of devices that compute together. Default: the first one. */
  readonly devices?: readonly number[] | undefined;
  /** Keep float32 products exact, where a device would round their factors (TF32). Default: it may. */
  readonly exact?: boolean | undefined;
  /** Of the device, the narrow type that it multiplies natively. */
  readonly narrowType: OpenedEngine["narrowType"];
  /** Compiles a module for so many devices. Default: the client, with `flags`. */
  readonly compile?: ((text: string, partitions: number) => Promise<PjrtProgram>) | undefined;
  /** XLA's debug options for every program. */
  readonly flags?: Readonly<Record<string, string | number | boolean>> | undefined;
  /** Told before a program is compiled, which takes a while, and after. */
  readonly compiling?: ((purpose: string, elapsedMs: number | undefined) => void) | undefined;
}

/**
 * @param host the engine that makes images and reads files
 * @param client stays open; whoever opened it closes it
 */
export function xlaEngine(
  host: OpenedEngine,
  client: PjrtClient,
  options: XlaOptions,
): OpenedEngine {
  const { devices = [0], exact = false, narrowType, flags, compiling } = options;
  const places = [...devices];
  const compile = options.compile ?? plainly(client, places, flags);
  const device = pjrtDevice(client, places, async (text, partitions, purpose) => {
    const begun = performance.now();
    compiling?.(purpose, undefined);
    const program = await compile(text, partitions);
    compiling?.(purpose, performance.now() - begun);
    return program;
  });
  const precision = exact ? "HIGHEST" : "DEFAULT";
  return {
    ...host,
    device: "GPU",
    // The host's operations decode images and read archives; those of the network are XLA's.
    fused: false,
    ownConvolutions: false,
    narrowType,
    open: (graph) => new XlaSession(graph, host.open(graph), device, { precision }),
  };
}

function plainly(
  client: PjrtClient,
  devices: readonly number[],
  flags: XlaOptions["flags"],
): NonNullable<XlaOptions["compile"]> {
  const ids = devices.map((place) => client.devices[place]!.id);
  return (text, partitions) => {
    return client.compile(text, {
      devices: ids,
      ...(partitions > 1 && { partitions }),
      ...(flags && { flags }),
    });
  };
}
