/** XLA's engine on the CPU plugin, with eight simulated devices, for tests. */
import type { OpenedEngine } from "../../../src/engine/open.js";
import { openPjrt } from "../../../src/engine/pjrt/client.js";
import { xlaEngine } from "../../../src/engine/xla/open-xla.js";
import { cpuPlugin } from "../../cpu-plugin.js";
import { engine } from "../../engine-for-tests.js";
import { quickCompiler } from "./quick-compiler.js";

Object.assign(process.env, quickCompiler);
export const client = openPjrt(await cpuPlugin(), { cpu_device_count: 8 });

/** An engine of so many of the devices. */
export function xla(devices = 1): OpenedEngine {
  const places = Array.from({ length: devices }, (_, place) => place);
  return xlaEngine(engine, client, places, () => "bfloat16");
}
