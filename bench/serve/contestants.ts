/** The services that are compared, each a process of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { packageRoot } from "../../src/package-root.js";
import { freePort } from "../../src/ranks/free-port.js";

export interface Contestant {
  readonly name: string;
  readonly url: string;
  readonly process: ChildProcess;
}

export interface ServedModel {
  readonly archive: string;
  readonly size: number;
  readonly classes: number;
}

/** Starts `bit-serve`, and waits until it listens. */
export async function startOwn(
  { archive, size }: ServedModel,
  flags: readonly string[],
): Promise<Contestant> {
  const port = await freePort();
  const script = join(packageRoot, "bin", "bit-serve.js");
  const args = [script, archive, "--size", `${size}`, "--port", `${port}`, ...flags];
  const process_ = spawn(process.execPath, args, { stdio: ["ignore", "inherit", "inherit"] });
  return listening({ name: "bit-serve", url: `http://127.0.0.1:${port}/`, process: process_ });
}

export interface FastApiOptions {
  readonly python: string;
  /** `plain` or `batched`: see fastapi_app.py. */
  readonly way: string;
  readonly channelsLast: boolean;
}

/** Starts the same service by FastAPI, and waits until it listens. */
export async function startFastApi(
  { archive, size, classes }: ServedModel,
  { python, way, channelsLast }: FastApiOptions,
): Promise<Contestant> {
  const port = await freePort();
  const env = {
    ...process.env,
    ...{ MODEL: "resnetv2_50x1_bit", WEIGHTS: archive, CLASSES: `${classes}`, SIZE: `${size}` },
    ...{ WAY: way, CHANNELS_LAST: channelsLast ? "1" : "0" },
  };
  const args = ["-m", "uvicorn", "fastapi_app:app", "--port", `${port}`, "--log-level", "warning"];
  const process_ = spawn(python, args, {
    cwd: join(packageRoot, "bench", "serve"),
    env,
    stdio: ["ignore", "inherit", "inherit"],
  });
  const name = `FastAPI, ${way}${channelsLast ? ", channels_last" : ""}`;
  return listening({ name, url: `http://127.0.0.1:${port}/`, process: process_ });
}

async function listening(contestant: Contestant): Promise<Contestant> {
  const { name, url, process: child } = contestant;
  for (let tries = 0; tries < mostTries; tries++) {
    if (child.exitCode !== null) throw new Error(`${name} ended with ${child.exitCode}`);
    const answer = await fetch(`${url}health`).catch(() => undefined);
    if (answer?.ok) return contestant;
    await sleep(500);
  }
  throw new Error(`${name} does not listen`);
}

const mostTries = 240;
