/**
 * Run as a process of its own by plugin-probe.ts: opens a plugin with the engine's own addon, and says on
 * one line of standard output what it finds. A crash of the plugin ends only this process.
 */
import { openPjrt } from "../engine/pjrt/client.js";
import type { PluginReply } from "./plugin-probe.js";

const [path, options] = process.argv.slice(2);
if (path === undefined || options === undefined)
  throw new Error("plugin-child needs a path and options");
const client = openPjrt(path, JSON.parse(options) as Record<string, boolean>);
const { platform, api, devices } = client;
const reply: PluginReply = { platform, api, devices: devices.map(({ kind }) => kind) };
process.stdout.write(`${JSON.stringify(reply)}\n`);
client.close();
