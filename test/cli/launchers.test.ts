/** Whole runs of two processes, started as each launcher starts them: the same bits from all. */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, test } from "node:test";
import { freePorts } from "../free-ports.js";
import { bin, flags, requireDone, skip, start, stateOf } from "./launched.js";

const steps = 2;
const settings = { steps: String(steps) };
const logdir = mkdtempSync(join(tmpdir(), "bit-train-launchers-"));
after(() => rmSync(logdir, { recursive: true, force: true }));

type Variables = Record<string, string>;

/** What a launcher sets for each of the two processes, and where they meet. */
interface Launcher {
  readonly port: () => Promise<number>;
  readonly variables: (rank: number, port: number) => Variables;
}

const anyPort = async () => (await freePorts(1))[0]!;

/** Of those that a SLURM job's number comes to. */
async function jobPort(): Promise<number> {
  for (;;) {
    const port = 20_000 + Math.floor(10_000 * Math.random());
    const server = createServer().listen(port, "127.0.0.1");
    const isFree = await once(server, "listening").then(
      () => true,
      () => false,
    );
    server.close();
    if (isFree) return port;
  }
}

const launchers: Record<string, Launcher> = {
  "torchrun's variables": {
    port: anyPort,
    variables: (rank, port) => ({
      ...{ RANK: `${rank}`, WORLD_SIZE: "2", LOCAL_RANK: `${rank}` },
      ...{ MASTER_ADDR: "127.0.0.1", MASTER_PORT: `${port}` },
    }),
  },
  SLURM: {
    port: jobPort,
    variables: (rank, port) => ({
      ...{ SLURM_PROCID: `${rank}`, SLURM_STEP_NUM_TASKS: "2", SLURM_NTASKS: "2" },
      ...{ SLURM_STEP_NODELIST: "127.0.0.1", SLURM_JOB_ID: `${port + 50_000}` },
    }),
  },
  TF_CONFIG: {
    port: anyPort,
    variables: (rank, port) => {
      const worker = [`127.0.0.1:${port}`, `127.0.0.1:${port + 1}`];
      return {
        TF_CONFIG: JSON.stringify({ cluster: { worker }, task: { type: "worker", index: rank } }),
      };
    },
  },
  "a Kubernetes indexed job": {
    port: anyPort,
    variables: (rank, port) => ({
      ...{ JOB_COMPLETION_INDEX: `${rank}`, WORLD_SIZE: "2" },
      ...{ MASTER_ADDR: "127.0.0.1", MASTER_PORT: `${port}` },
    }),
  },
};

/** What the first run came to; all others are to come to the same. */
let expected: string | undefined;

function requireSameRun(name: string): void {
  const folder = join(logdir, name);
  const config = JSON.parse(readFileSync(join(folder, "config.json"), "utf8")) as unknown;
  assert.equal((config as { ranks?: number }).ranks, 2);
  const state = stateOf(folder, steps);
  expected ??= state;
  assert.equal(state, expected);
}

for (const [i, [name, { port, variables }]] of Object.entries(launchers).entries())
  test(`started by ${name}`, { skip }, async () => {
    const run = `run-${i}`;
    const meeting = await port();
    const both = [0, 1].map((rank) =>
      start([bin("bit-train"), ...flags(logdir, run, settings)], {
        variables: variables(rank, meeting),
      }),
    );
    for (const one of both) await requireDone(one);
    requireSameRun(run);
  });

const noMpi = spawnSync("mpirun", ["--version"]).status !== 0 && "mpirun is missing";

test("started by mpirun", { skip: skip || noMpi }, async () => {
  // It would give each process one core, of which other bits come, in one process too.
  const binding = ["--bind-to", "none", "--oversubscribe"];
  const own = ["--allow-run-as-root", ...binding, "-np", "2", "-x", "MASTER_PORT"];
  const command = [process.execPath, bin("bit-train"), ...flags(logdir, "mpi", settings)];
  const run = start([...own, ...command], {
    program: "mpirun",
    variables: { MASTER_PORT: String(await anyPort()) },
  });
  await requireDone(run);
  requireSameRun("mpi");
});
