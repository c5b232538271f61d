/**
 * Run as a process of its own by probe.ts: loads a binding and other addons, and says on one line of standard output
 * which TensorFlow it is and whether it computes on a GPU. A crash of the library ends only this process.
 */
import { createRequire } from "node:module";
import type { ProbeReply } from "./probe.js";

const [path, ...addons] = process.argv.slice(2);
if (path === undefined) throw new Error("probe-child needs the path of a binding");
const require = createRequire(import.meta.url);
const binding = require(path) as {
  TF_Version: string;
  isUsingGpuDevice(): boolean;
};
for (const addon of addons) require(addon);
const reply: ProbeReply = { version: binding.TF_Version, gpu: binding.isUsingGpuDevice() };
process.stdout.write(`${JSON.stringify(reply)}\n`);
