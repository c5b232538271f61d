/** Settings of what is measured, and how. */
import { benchImplementations, benchModes } from "./choices.js";
import type { SettingTable } from "./setting.js";

export const benchSettings = {
  mode: {
    kind: "choice",
    choices: benchModes,
    help: "What a step does",
    default: "train",
    commands: { bench: {} },
  },
  classes: {
    kind: "integer",
    least: 1,
    help: "Outputs of the head",
    default: 10,
    commands: { bench: {} },
  },
  warmup: {
    kind: "integer",
    least: 0,
    help: "Steps after the first that are not timed",
    default: 2,
    commands: { bench: {} },
  },
  memory: {
    kind: "boolean",
    help: "Run nothing: say how much memory a training step needs",
    default: false,
    commands: { bench: {} },
  },
  devices: {
    kind: "integer",
    least: 2,
    help: "Measure on 1, 2, 4 ... up to so many of the device's kind, which share the batch",
    since: "0.2.0",
    commands: { bench: {} },
  },
  network: {
    kind: "text",
    otherNames: ["bandwidth"],
    help: "With --nproc: the rate of the machines' network, as in 1Gb or 10Gb; several with commas",
    since: "0.2.0",
    commands: { bench: {} },
  },
  implementation: {
    kind: "choice",
    choices: benchImplementations,
    help: "bit-train's traced graph, or TF.js code with textbook operations",
    default: "graph",
    commands: { bench: {} },
  },
} as const satisfies SettingTable;
