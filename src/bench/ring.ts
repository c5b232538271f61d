/**
 * What a training step takes on several machines, by the parts that were measured on one.
 *
 * TensorFlow's reduction is a ring: each array is cut into as many chunks as there are machines, N; every chunk goes
 * N - 1 times to the next machine, which adds its own, and N - 1 times more with the sum. So each machine sends and
 * receives 2 (N - 1) / N of the array's bytes, in 2 (N - 1) messages. What is sent as bfloat16 is
 * exchanged directly instead (src/graph/collectives.ts): as many bytes and messages.
 * Source: tensorflow/core/common_runtime/{ring_alg,ring_reducer}.cc; Patarasuk and Yuan, "Bandwidth optimal all-reduce
 * algorithms for clusters of workstations", 2009.
 */
import { UserError } from "../errors.js";
import type { WireType } from "../graph/collectives.js";

/**
 * Bytes on an Ethernet for each byte of an array: frames of 1500 bytes carry 1448 besides IP's and TCP's headers, and take
 * 1538 with Ethernet's, the preamble and the gap; every 4096 bytes have 3 of protobuf's, every 16384 have 9 of HTTP/2's.
 */
export const bytesOnWire = (1538 / 1448) * (1 + 3 / 4096 + 9 / 16384);

/** What a reduction costs the processor and the clock, apart from the network. */
export interface ReductionCost {
  /** Processor time for a byte that a machine sends and one that it receives, in milliseconds. */
  readonly byteMs: number;
  /** Processor time for a message sent and one received, in milliseconds. */
  readonly messageMs: number;
  /** From one machine's message to the next's that waited for it, in milliseconds. */
  readonly hopMs: number;
  /** How many cores reductions keep busy where nothing else is to be done, from 1 to all. */
  readonly busyCores: number;
}

/** What a step is made of. */
export interface StepParts {
  /** Images of a step of one machine. */
  readonly batch: number;
  /** A step of one machine by itself, in milliseconds. */
  readonly computeMs: number;
  /** Bytes of each array that is reduced in a step, in the order in which they are there; at least one. */
  readonly reductions: readonly number[];
  /** What they are sent as. */
  readonly wire: WireType;
  readonly cost: ReductionCost;
  /** Of each machine. */
  readonly cores: number;
}

/** Reductions of a step among several machines, by themselves. Names are those of `bit-bench --json`. */
export interface ComputedReduction {
  /** How many. */
  readonly reductions: number;
  /** What each machine sends and receives, without headers. */
  readonly sent_bytes: number;
  /** Messages that each machine sends and receives. */
  readonly messages: number;
  /** The network's own time, headers included. */
  readonly network_ms: number;
  /** The time of messages of which each waits for the one before: `hopsOf`. */
  readonly hops_ms: number;
  /** Processor time on each machine. */
  readonly cpu_ms: number;
  /**
   * From the first to the last, where nothing else is to be done. While one array is under way the processor
   * works on another: the longer of the network's and the processor's time counts, and of the shorter the share of
   * the largest array.
   */
  readonly alone_ms: number;
}

/** A step on several machines, as computed. */
export interface ComputedStep {
  readonly machines: number;
  readonly network: string;
  /** Of all machines. */
  readonly batch: number;
  readonly reduction: ComputedReduction;
  /** Reductions come after all gradients: nothing is hidden. */
  readonly in_turn: StepTime;
  /**
   * Each reduction begins when its gradients are there, as in bit-train's graph. Its processor time is taken from the
   * computation's cores; the network's is hidden as far as gradients are computed meanwhile, but for the last array's.
   */
  readonly overlapped: StepTime;
}

/** How long a step takes, and what comes of it. */
export interface StepTime {
  readonly step_ms: number;
  readonly images_per_second: number;
  /** Part of the images that as many machines without a network would compute, from 0 to 1. */
  readonly efficiency: number;
  /** What reductions add to the computation, as a part of it. */
  readonly overhead: number;
}

/** The part of a step's computation during which gradients come: twice as many multiplications as before them. */
export const gradientShare = 2 / 3;

/** A network's rate. */
export interface NetworkRate {
  /** As it was given: `10Gb`. */
  readonly name: string;
  readonly bitsPerSecond: number;
}

/**
 * What `--network` names: one rate or several with commas.
 * @throws UserError where it is no rate
 */
export function parseNetworks(text: string): NetworkRate[] {
  return text.split(",").map((part) => {
    const name = part.trim();
    const [, amount, unit] = /^(\d+(?:\.\d+)?)(M|G)b$/.exec(name) ?? [];
    const bitsPerSecond = Number(amount) * (unit === "G" ? 1e9 : 1e6);
    if (!(bitsPerSecond > 0))
      throw new UserError(
        "--network",
        `${JSON.stringify(name)} is not a rate`,
        "bits a second, as in 1Gb, 2.5Gb or 100Mb; several with commas",
        "type: --network 10Gb",
      );
    return { name, bitsPerSecond };
  });
}

/** 1, 2, 4 and so on, and `most`. */
export function machineCounts(most: number): number[] {
  const counts: number[] = [];
  for (let count = 2; count < most; count *= 2) counts.push(count);
  return [...counts, most];
}

/**
 * Messages of a reduction of which each waits for the one before. Float32 goes round a ring, twice all other machines;
 * what is narrower is exchanged, each machine's parts with all others directly, and then their sums.
 */
export function hopsOf(wire: WireType, machines: number): number {
  return wire === "float32" ? 2 * (machines - 1) : 2;
}

/**
 * Computes the reductions of a step by a ring of so many machines.
 * @param machines at least 2
 */
export function computeReduction(
  { reductions, wire, cost }: Pick<StepParts, "reductions" | "wire" | "cost">,
  machines: number,
  { bitsPerSecond }: NetworkRate,
): ComputedReduction {
  const rounds = 2 * (machines - 1);
  const bytes = reductions.reduce((sum, each) => sum + each, 0);
  const sent = (rounds / machines) * bytes;
  const messages = rounds * reductions.length;
  const networkMs = (8000 * bytesOnWire * sent) / bitsPerSecond;
  const hopsMs = hopsOf(wire, machines) * cost.hopMs;
  const cpuMs = sent * cost.byteMs + messages * cost.messageMs;
  const busyMs = cpuMs / cost.busyCores;
  const largest = Math.max(...reductions) / bytes;
  const shorter = Math.min(networkMs, busyMs);
  return {
    ...{ reductions: reductions.length, sent_bytes: sent, messages },
    ...{ network_ms: networkMs, hops_ms: hopsMs, cpu_ms: cpuMs },
    alone_ms: Math.max(networkMs, busyMs) + largest * shorter + hopsMs,
  };
}

/**
 * Computes a step on so many machines.
 * @param machines at least 2
 */
export function computeStep(parts: StepParts, machines: number, rate: NetworkRate): ComputedStep {
  const { batch, computeMs, reductions, cores } = parts;
  const reduction = computeReduction(parts, machines, rate);
  const { network_ms: networkMs, hops_ms: hopsMs, cpu_ms: cpuMs } = reduction;
  const bytes = reductions.reduce((sum, each) => sum + each, 0);
  const lastMs = networkMs * (reductions.at(-1)! / bytes);
  const exposedMs = Math.max(lastMs, networkMs - gradientShare * computeMs) + hopsMs;
  const timed = (stepMs: number): StepTime => ({
    step_ms: stepMs,
    images_per_second: (1000 * machines * batch) / stepMs,
    efficiency: computeMs / stepMs,
    overhead: stepMs / computeMs - 1,
  });
  return {
    ...{ machines, network: rate.name, batch: machines * batch, reduction },
    in_turn: timed(computeMs + reduction.alone_ms),
    overlapped: timed(computeMs + cpuMs / cores + exposedMs),
  };
}
