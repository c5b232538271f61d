/** A device whose memory does not suffice for a whole batch, in its plugin's words: a run goes on with halves. */
import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { PjrtError } from "../../../src/engine/pjrt/client.js";
import { compileOrReuse } from "../../../src/engine/pjrt/program-cache.js";
import type { Engine } from "../../../src/engine/session.js";
import { pjrtDevice } from "../../../src/engine/xla/pjrt-device.js";
import type { DeviceProgram, ProgramDevice } from "../../../src/engine/xla/program-device.js";
import { XlaSession } from "../../../src/engine/xla/xla-session.js";
import { fineTune } from "../../../src/run/fine-tune.js";
import { writeTinyFolder } from "../../cli/tiny-images.js";
import { engine } from "../../engine-for-tests.js";
import { observing } from "../../run/observing.js";
import { client, xla } from "./engines.js";

type When = "compile" | "run" | "read";

const error = new PjrtError(
  "INTERNAL",
  "Failed to allocate request for 1.00GiB (1073741824B) on device ordinal 0",
);

/** A step of a whole batch, which does not fit. */
function tooLarge(when: When): DeviceProgram {
  return {
    run: async (args, donated) => {
      if (when === "run") throw error;
      const loss = { isHere: true, read: () => Promise.reject(error), drop: () => {} };
      return [...donated.map((i) => args[i]!), loss];
    },
    close: () => {},
  };
}

function small(when: When): Engine {
  const real = pjrtDevice(client, [0], async (text) => {
    return (await compileOrReuse(client, text, { devices: [client.devices[0]!.id], flags: {} }))
      .program;
  });
  const device: ProgramDevice = {
    ...real,
    compile: async (text, purpose) => {
      if (purpose !== "train/step") return real.compile(text, purpose);
      if (when === "compile") throw error;
      return tooLarge(when);
    },
  };
  return { ...xla(), open: (graph) => new XlaSession(graph, engine.open(graph), device) };
}

for (const when of ["compile", "run", "read"] as const)
  test(`out of memory that ${when} tells: a run goes on with half the images at a time`, async (t) => {
    const root = await mkdtemp(join(tmpdir(), "bit-train-test-"));
    t.after(() => rm(root, { recursive: true, force: true }));
    const lines: string[] = [];
    const result = await fineTune(
      {
        ...{ name: "small", model: "R14x0.5", fromScratch: true, logdir: join(root, "logs") },
        ...{ dataset: await writeTinyFolder(root), precision: "fp32" as const },
        ...{ batch: 8, batchSplit: 1, resolution: 20, crop: 16, steps: 5 },
      },
      small(when),
      observing({ line: (line) => lines.push(line) }),
    );
    assert.equal(result.steps, 5);
    assert.equal(result.config.split, 2);
    assert.deepEqual(
      lines.filter((line) => line.startsWith("Out of memory")),
      ["Out of memory with 8 images at a time: going on with 4, in 2 parts a step."],
    );
  });
