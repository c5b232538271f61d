/**
 * Two processes on one GPU, which NCCL takes for two machines: `node rank-step.js [PLUGIN]` starts them. They find each
 * other by rank 0's store, begin with rank 0's state, train five steps of a small network, each on half of a batch, by the
 * program that rank 0 compiles, and are compared with one process that has the whole batch; then one is killed.
 * What it prints ends with `ok` or `not ok`.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { crc32 } from "../../src/archive/crc32.js";
import { sizeOf } from "../../src/archive/shape.js";
import type { OpenedEngine } from "../../src/engine/open.js";
import { floats, type HostTensor, type Session, scalar } from "../../src/engine/session.js";
import { openXlaTogether, xlaEngine } from "../../src/engine/xla/open-xla.js";
import { Collectives } from "../../src/graph/collectives.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import { inType, plainTarget } from "../../src/graph/target.js";
import { parseArchitecture, variableSpecs } from "../../src/model/architecture.js";
import { RankGroup } from "../../src/ranks/rank-group.js";
import { alone, type RankPlace } from "../../src/ranks/rank-place.js";
import { addSharing, shareState } from "../../src/step/share-state.js";
import { addTrainStep } from "../../src/step/train-step.js";
import { declareVariables, type GraphVariable, readVariables } from "../../src/step/variables.js";
import { madeValues } from "./made-values.js";
import { provideAddon, pythonPackages } from "./places.js";
import { classes, labelsOf, openClient } from "./step.js";

const [batch, size, steps] = [16, 64, 5];

/** An engine of which nothing is asked: the graph has no images to make. */
const host = {
  target: plainTarget,
  description: "none",
  open: (): Session => ({
    run: () => Promise.reject(new Error("the host has no part in this")),
    close: () => undefined,
  }),
} as unknown as OpenedEngine;

interface Outcome {
  readonly losses: readonly number[];
  readonly state: readonly number[];
  readonly begin: readonly number[];
}

/** Trains as one of the processes, or alone. */
async function trained(
  open: OpenedEngine["open"],
  place: RankPlace,
  killAt = Number.POSITIVE_INFINITY,
): Promise<Outcome> {
  const { rank, ranks } = place;
  const builder = new GraphBuilder();
  const architecture = parseArchitecture("R14x0.5");
  const network = { architecture, classes, target: inType(plainTarget, "float32") };
  const variables = declareVariables(builder, variableSpecs(architecture, classes), network.target);
  const own = batch / ranks;
  const fed = {
    images: builder.placeholder("images", "float32", [own, size, size, 3]),
    labels: builder.placeholder("labels", "int32", [own]),
  };
  const collectives = ranks > 1 ? new Collectives(builder, ranks) : undefined;
  const options = { mixup: false, split: 1, collectives };
  const state = await addTrainStep(builder, network, variables, fed, options);
  const all = [...variables, ...state];
  if (collectives) addSharing(builder, collectives, all);
  const session = open(builder.build());
  if (rank === 0)
    for (const { name, shape } of variables)
      await session.run({ [`${name}/new`]: made(name, shape) }, [`${name}/assigned`]);
  await session.run({}, ["train/initialize"]);
  if (ranks > 1) await shareState(session, place);
  const begin = await sums(session, all);
  const pixels = size * size * 3;
  const feeds: Record<string, HostTensor> = {
    images: {
      ...{ type: "float32", shape: [own, size, size, 3] },
      data: floats(made("images", [batch, size, size, 3])).slice(
        rank * own * pixels,
        (rank + 1) * own * pixels,
      ),
    },
    labels: {
      ...{ type: "int32", shape: [own] },
      data: labelsOf(batch).slice(rank * own, (rank + 1) * own),
    },
    "train/learning_rate": scalar("float32", 0.003),
    ...(ranks > 1 && { "train/stop": scalar("float32", 0) }),
  };
  const losses: number[] = [];
  for (let step = 0; step < Math.min(steps, killAt); step++) {
    const [loss] = await session.run(feeds, ["train/step"]);
    losses.push(floats(loss)[0]!);
  }
  const last = await sums(session, all);
  if (Number.isFinite(killAt)) {
    if (rank === 1) process.kill(process.pid, "SIGKILL");
    // The other waits for what never comes, until it is told.
    for (;;) await session.run(feeds, ["train/step"]);
  }
  session.close();
  return { losses, begin, state: last };
}

function made(name: string, shape: readonly number[]): HostTensor {
  return { type: "float32", shape, data: Float32Array.from(madeValues(name, shape)) };
}

async function sums(session: Session, variables: readonly GraphVariable[]): Promise<number[]> {
  const found: number[] = [];
  for await (const [{ shape }, values] of readVariables(session, variables)) {
    if (values.length !== sizeOf(shape)) throw new Error("a variable is cut");
    found.push(crc32(new Uint8Array(values.buffer, values.byteOffset, values.byteLength)));
  }
  return found;
}

/** One of the processes: `RANK` of two, or the only one. */
async function child(plugin: string): Promise<void> {
  const said = process.env["RANK"]!;
  const tell = (value: unknown) => console.log(JSON.stringify(value));
  if (said === "alone") {
    const client = openClient(plugin, plugin.includes("cuda"));
    const { open } = xlaEngine(host, client, [0], () => "bfloat16");
    tell(await trained(open, alone));
    return;
  }
  const [rank, port, killAt] = [said, process.env["PORT"], process.env["KILL_AT"]].map(Number);
  const settings = { rank: rank!, ranks: 2, host: "127.0.0.1", port: port!, source: "check" };
  const group = await RankGroup.meet(settings, { patienceMs: 60_000 });
  const begun = performance.now();
  const device = {
    ...{ engine: "xla", devices: [0], names: ["GPU 0"], identities: ["0"], environment: {} },
    ...{ remark: undefined, plugin: { path: plugin, title: "XLA", version: "" } },
  } as unknown as Parameters<typeof openXlaTogether>[1];
  const joining = {
    ...{ rank: rank!, ranks: 2, keyValues: group.keyValues, layout: "0,1" },
    exchange: async (own: unknown) => (await group.share(own)) as { id: number; kind: string }[],
  };
  try {
    const { open } = await openXlaTogether(host, device, joining, {
      compiling: ({ purpose, done }) => {
        if (done)
          console.error(
            `rank ${rank}: ${purpose} after ${Math.round(done.elapsedMs)} ms${done.fromCache ? ", kept" : ""}`,
          );
      },
    });
    console.error(`rank ${rank}: open after ${Math.round(performance.now() - begun)} ms`);
    const outcome = await group.watch(trained(open, settings, killAt || Infinity));
    tell(outcome);
    await group.end();
  } catch (error) {
    console.error(`rank ${rank}: ${error instanceof Error ? error.stack : String(error)}`);
    await group.fail(String(error));
    process.exit(75);
  }
}

interface Ended {
  readonly code: unknown;
  readonly outcome: Outcome | undefined;
  readonly ms: number;
}

async function start(plugin: string, variables: Record<string, string>): Promise<Ended> {
  const begun = performance.now();
  const env = {
    ...process.env,
    ...{ NCCL_HOSTID: `machine-${variables["RANK"]}`, NCCL_SOCKET_IFNAME: "lo" },
    // Products of float32 as they are, so that there is something to compare.
    ...{ NCCL_IB_DISABLE: "1", NVIDIA_TF32_OVERRIDE: "0", ...variables },
  };
  const one = spawn(process.execPath, [fileURLToPath(import.meta.url), plugin], {
    env,
    stdio: ["ignore", "pipe", "inherit"],
  });
  let text = "";
  one.stdout.setEncoding("utf8").on("data", (part: string) => {
    text += part;
  });
  const [code] = (await once(one, "close")) as [unknown];
  // NCCL may have said something before.
  const line = text.split("\n").find((one) => one.startsWith("{"));
  const outcome = line === undefined ? undefined : (JSON.parse(line) as Outcome);
  return { code, outcome, ms: performance.now() - begun };
}

async function two(plugin: string, killAt = ""): Promise<Ended[]> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const bound = server.address();
  const port = typeof bound === "object" ? String(bound!.port) : "";
  server.close();
  return Promise.all(
    ["0", "1"].map((rank) => start(plugin, { RANK: rank, PORT: port, KILL_AT: killAt })),
  );
}

async function check(plugin: string): Promise<void> {
  let good = true;
  const say = (is: boolean, text: string) => {
    good &&= is;
    console.log(`${is ? "  " : "! "}${text}`);
  };
  const one = await start(plugin, { RANK: "alone" });
  const [first, second] = await two(plugin);
  const [a, b, whole] = [first!.outcome, second!.outcome, one.outcome];
  say(first!.code === 0 && second!.code === 0, `exit codes ${first!.code} and ${second!.code}`);
  say(String(a?.losses) === String(b?.losses), `losses of both ${a?.losses.join(" ")}`);
  const apart = a?.losses.map((loss, i) => Math.abs(loss / whole!.losses[i]! - 1)) ?? [1];
  say(
    apart[0]! < 1e-4,
    `losses of one ${whole?.losses.join(" ")}: ${apart.map((x) => x.toExponential(1)).join(" ")} apart`,
  );
  say(a !== undefined && String(a.begin) === String(b?.begin), "both begin with rank 0's state");
  say(a !== undefined && String(a.state) === String(b?.state), "both end with the same bits");
  const killed = await two(plugin, "2");
  say(killed[0]!.code === 75, `rank 0 ends with ${killed[0]!.code} where rank 1 is killed`);
  say(
    killed[0]!.ms - killed[1]!.ms < 15_000,
    `after ${Math.round(killed[0]!.ms - killed[1]!.ms)} ms`,
  );
  console.log(good ? "ok" : "not ok");
  process.exitCode = good ? 0 : 1;
}

const told = process.argv[2];
if (process.env["RANK"] !== undefined) await child(told!);
else {
  const { plugin, libraries } = pythonPackages("python3");
  if (told === undefined)
    process.env["LD_LIBRARY_PATH"] = [...libraries, process.env["LD_LIBRARY_PATH"] ?? ""].join(":");
  provideAddon(join(tmpdir(), "bit-rank-step"));
  await check(told ?? plugin!);
}
