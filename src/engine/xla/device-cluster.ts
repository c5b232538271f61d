/** GPUs of several processes that run each program together, one in each. */
import { counted } from "../../counted.js";
import { UserError } from "../../errors.js";
import type { XlaDevice } from "../device.js";
import type { PjrtPlace } from "../pjrt/client.js";

/** Where a process is among them. */
export interface DeviceCluster extends PjrtPlace {
  /** The ids of all devices, in the order of the ranks that have them. */
  readonly ids: readonly number[];
  /** Which ranks are on one machine, for programs that are kept: what is compiled depends on it. */
  readonly layout: string;
}

/** What a process says of its device. */
export interface OwnDevice {
  readonly id: number;
  /** As in `NVIDIA H100 80GB HBM3`. */
  readonly kind: string;
}

/**
 * The ids of all devices, in the order of the ranks.
 * @throws UserError where they are of several kinds
 */
export function idsOf(devices: readonly OwnDevice[]): number[] {
  const [{ kind }] = devices as [OwnDevice];
  const odd = devices.findIndex((one) => one.kind !== kind);
  if (odd >= 0)
    throw new UserError(
      `rank ${odd}`,
      `its GPU is an ${devices[odd]!.kind}; that of rank 0 is an ${kind}`,
      "GPUs of one kind: all run the program that rank 0 compiles",
      "name GPUs of one kind by --device, or start processes on those alone",
    );
  return devices.map(({ id }) => id);
}

/** A choice of devices, of which a process takes one, by its place among them. */
export function oneOf(device: XlaDevice, place: number): XlaDevice {
  const of = <T>(all: readonly T[]) => [all[place]!];
  const { devices, names, identities } = device;
  return { ...device, devices: of(devices), names: of(names), identities: of(identities) };
}

/** What a process says of the GPUs that it was told to use. */
export interface GpuClaim {
  /** Its machine, by its address. */
  readonly machine: string;
  /** What tells the GPUs from each other, whatever number they have in a process. */
  readonly gpus: readonly string[];
}

/**
 * Which of its GPUs a process takes: where the processes of a machine name the same ones, the first takes the first, and
 * so on; where a launcher shows each process a GPU of its own, that one. Each has one: XLA refuses programs that
 * it is to divide among the devices of several processes at a time.
 * @returns its place in the process's own list
 * @throws UserError where there are more GPUs than processes, or fewer
 */
export function ownGpu(claims: readonly GpuClaim[], rank: number): number {
  const { machine, gpus } = claims[rank]!;
  const local = claims.flatMap((one, other) => (one.machine === machine ? [other] : []));
  const named = local.flatMap((other) => claims[other]!.gpus);
  const same = local.every((other) => claims[other]!.gpus.join() === gpus.join());
  if (same && gpus.length === local.length) return local.indexOf(rank);
  if (gpus.length === 1 && new Set(named).size === named.length) return 0;
  const processes = counted(local.length, "process", "processes");
  const cards = counted(gpus.length, "GPU");
  throw new UserError(
    `rank ${rank}`,
    same
      ? `${processes} on its machine, and ${cards} by --device`
      : "the processes of its machine name some of the same GPUs by --device, and some others",
    "a process for each GPU, where there are several processes",
    same && gpus.length > local.length
      ? `start as many: bit-launch --nproc ${gpus.length} ...; or name fewer GPUs, as in --device gpu`
      : "type --device all for every process, and start as many as the machine has GPUs",
  );
}
