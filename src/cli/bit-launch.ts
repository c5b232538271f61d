/** `bit-launch`: starts a command in several processes that train together. */
import { EventEmitter } from "node:events";
import { existsSync } from "node:fs";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { counted } from "../counted.js";
import { UserError } from "../errors.js";
import { packageRoot } from "../package-root.js";
import { addressesOf, endpointOf, isLoopback } from "../ranks/address.js";
import { launch } from "../ranks/launch.js";
import { mostRanks } from "../ranks/rank-place.js";
import { checkRankWishes } from "../run/rank-choices.js";
import { quoted } from "../settings/shell-word.js";
import type { Call } from "./command.js";
import { HelpAsked, RANKS_LOST_EXIT } from "./exit.js";
import { parseFlags } from "./flags.js";
import { StopSignals, stopExits } from "./interrupt.js";
import { output, USER_ERROR_EXIT } from "./output.js";
import { typedValue } from "./typed-words.js";

const example =
  "type for example: npx bit-launch --nproc 2 -- bit-train --model BiT-M-R50x1 --dataset photos";

/** Runs the command. */
export async function run({ settings, argv }: Call<"launch">): Promise<number> {
  const { nproc, nnodes, nodeRank, restarts } = settings;
  const words = argv.includes("--") ? argv.slice(argv.indexOf("--") + 1) : [];
  const [program, ...args] = words;
  if (program === undefined)
    throw new UserError(
      "bit-launch",
      "no command after --",
      "the command that all processes are to run",
      example,
    );
  if (program.startsWith("-"))
    throw new UserError(
      `bit-launch -- ${program}`,
      "a flag, where the command is to stand",
      "flags of bit-launch before --, after it the command with its own",
      example,
    );
  if (isOwn(program) && program !== "bit-train")
    throw new UserError(
      `bit-launch -- ${program}`,
      "each process would do all of it by itself",
      "bit-train, of which the processes share the work",
      `type npx ${[program, ...args].map(quoted).join(" ")}`,
    );
  checkNumbers(nproc, nnodes);
  if (nodeRank >= nnodes)
    throw new UserError(
      `--node_rank ${nodeRank}`,
      nnodes === 1 ? "there is 1 machine (--nnodes)" : `there are ${nnodes} machines (--nnodes)`,
      nnodes === 1
        ? "0, or --nnodes with how many machines there are"
        : `a number from 0 to ${nnodes - 1}`,
      "give each machine another --node_rank, and all of them the same --nnodes",
    );
  if (restarts > 0 && program === "bit-train" && !(await isNamed(args)))
    throw new UserError(
      `--restarts ${restarts}`,
      "the run has no name, so that each start would be another run",
      "--name among the flags of bit-train, by which it goes on",
      "type for example: -- bit-train --name photos ...",
    );
  const meeting = meetingOf(settings.rendezvous, nnodes);
  if (program === "bit-train") await checkCommand(args, nproc * nnodes);
  if (meeting !== undefined && nnodes > 1) await sayWhereAlone(meeting.host);
  const signals = new EventEmitter<{ signal: [NodeJS.Signals] }>();
  // A terminal has sent it to the processes as well, for which the two are one; `kill` has not.
  const pass = (name: NodeJS.Signals) => signals.emit("signal", name);
  const stop = new StopSignals({ stopped: pass, again: pass });
  try {
    return await launch(
      {
        ...commandOf(program, args),
        ...{ processes: nproc, nodes: nnodes, node: nodeRank, restarts },
        meeting,
        environment: { ...process.env, ...wishOf(settings) },
        exits: { mistake: USER_ERROR_EXIT, lost: RANKS_LOST_EXIT, stops: stopExits },
      },
      {
        line: (rank, text) => output.note(`[rank ${rank}] ${text}`),
        note: (text) => output.note(`bit-launch: ${text}`),
        ...{ stop, signals },
      },
    );
  } finally {
    stop.close();
  }
}

/** A slip of the keyboard must not start processes until the machine stands still. */
function checkNumbers(nproc: number, nnodes: number): void {
  const cores = availableParallelism();
  // A process a core or a GPU is of use, and a few more on a small machine for a trial.
  const mostHere = Math.max(64, cores);
  if (nproc > mostHere)
    throw new UserError(
      `--nproc ${nproc}`,
      `more processes than this machine can serve, with ${counted(cores, "core")}`,
      `at most ${mostHere}; on CPUs one is enough, which uses all cores`,
      "give a process for each GPU, or leave --nproc out",
    );
  if (nproc * nnodes > mostRanks)
    throw new UserError(
      `--nnodes ${nnodes}`,
      `${nproc * nnodes} processes in all`,
      `at most ${mostRanks}`,
      "give the number of machines, the same on each",
    );
}

/** What is wrong with the command is said once, not by each process. @throws UserError */
async function checkCommand(args: readonly string[], ranks: number): Promise<void> {
  // Its help, with all that there is to say, it prints itself.
  const described = { program: "bit-train", usage: "", description: "", examples: [] };
  const call = await parseFlags("train", described, args).catch((error: unknown) => {
    if (!(error instanceof HelpAsked)) throw error;
  });
  if (call !== undefined) checkRankWishes(ranks, call.settings);
}

/** Whether flags, or their file of settings, give a run its name. @throws UserError where that file is at fault */
async function isNamed(args: readonly string[]): Promise<boolean> {
  // Without a word after it, bit-train says what is missing.
  if (["--name", "--config"].includes(args.at(-1) ?? "")) return true;
  if (typedValue(args, "name") !== undefined) return true;
  const path = typedValue(args, "config");
  if (path === undefined) return false;
  const { readSettingsFile } = await import("../settings/settings-file.js");
  return (await readSettingsFile("train", path)).has("name");
}

/** Programs of this package are those of this version, wherever others are. */
function commandOf(program: string, args: readonly string[]) {
  if (!isOwn(program)) return { command: program, args };
  return { command: process.execPath, args: [entryPoint(program), ...args] };
}

function isOwn(program: string): boolean {
  return /^bit-\w+$/.test(program) && existsSync(entryPoint(program));
}

function entryPoint(program: string): string {
  return join(packageRoot, "bin", `${program}.js`);
}

/** How the processes are told of flags that are bit-train's as well. */
function wishOf(settings: Call<"launch">["settings"]): Record<string, string> {
  return {
    ...(settings.interface !== undefined && { BIT_INTERFACE: settings.interface }),
    ...(settings.allowPublicAddress && { BIT_ALLOW_PUBLIC_ADDRESS: "1" }),
  };
}

/** A machine's own name may mean for it alone what others cannot reach, as by Debian's /etc/hosts. */
async function sayWhereAlone(host: string): Promise<void> {
  const addresses = await addressesOf(host).catch((): readonly string[] => []);
  if (addresses.length === 0 || !addresses.every(isLoopback)) return;
  const what = addresses.includes(host) ? host : `${host} is ${addresses.join(", ")} here, which`;
  output.note(
    `bit-launch: ${what} is this machine itself: processes of other machines do not find it. Give the address ` +
      "that they reach, as in --rendezvous 10.0.0.1:29400, or --interface NAME",
  );
}

function meetingOf(rendezvous: string | undefined, nnodes: number) {
  if (rendezvous === undefined && nnodes === 1) return undefined;
  const meeting = endpointOf(rendezvous ?? "");
  if (meeting !== undefined) return meeting;
  throw new UserError(
    rendezvous === undefined ? `--nnodes ${nnodes}` : `--rendezvous ${rendezvous}`,
    rendezvous === undefined
      ? "without --rendezvous the machines do not find each other"
      : "is no address",
    "a private address of machine 0 and a free port, the same on all machines",
    "type for example --rendezvous 10.0.0.1:29400, or with IPv6 --rendezvous '[fd00::1]:29400'",
  );
}
