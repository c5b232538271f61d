/**
 * A session of which the network is computed by compiled programs on a device, and the images are made
 * by TensorFlow on the host. Whoever has it runs feeds and fetches as with any other.
 *
 * What a run needs is found from its fetches: operations that have a StableHLO lowering become a program,
 * compiled when it is first run; others (datasets, files, decoders) run in the host's session, and what
 * they give is handed over. Batches are asked for, and put onto the device, one run ahead.
 */
import type { Graph } from "../../graph/graph-builder.js";
import { graphCells } from "../../graph/stablehlo/cells.js";
import {
  isDivided,
  type LoweringOptions,
  lowerProgram,
  type StableHloProgram,
} from "../../graph/stablehlo/program.js";
import { indexNodes, type NodeIndex } from "../../graph/stablehlo/reach.js";
import { closedMeanwhile, PendingRuns } from "../pending-runs.js";
import { PjrtError } from "../pjrt/pjrt-error.js";
import { type HostTensor, type Session, SessionError } from "../session.js";
import { DeviceVariables } from "./device-variables.js";
import { type Feeds, fedValue, hostTensor, newValue } from "./host-values.js";
import { done, type HostPart, type Plan, planOf } from "./plan.js";
import type { DeviceBuffer, DeviceProgram, ProgramDevice } from "./program-device.js";

interface Prepared {
  readonly plan: Plan;
  program?: { readonly lowered: StableHloProgram; readonly compiled: DeviceProgram } | undefined;
}

/** Values of the host's, on their way to the device before they are asked for. */
interface Ahead {
  readonly buffers: Promise<ReadonlyMap<string, DeviceBuffer>>;
  readonly nodes: readonly string[];
  readonly iterators: readonly string[];
}

export class XlaSession implements Session {
  private readonly index: NodeIndex;
  private readonly variables: DeviceVariables;
  private readonly prepared = new Map<string, Prepared>();
  /** By the iterators that it was taken from. */
  private readonly ahead = new Map<string, Ahead>();
  private last: Promise<unknown> = Promise.resolve();
  private closed = false;
  private readonly pending = new PendingRuns();

  /** @param host a session on the same graph, in which nothing of the network is ever run */
  constructor(
    graph: Graph,
    private readonly host: Session,
    private readonly device: ProgramDevice,
    private readonly options: Pick<LoweringOptions, "precision"> = {},
  ) {
    this.index = indexNodes(graph.nodes);
    this.variables = new DeviceVariables(device, graphCells(graph.nodes));
  }

  /** Runs come one after another, in the order in which they were asked for. */
  async run(feeds: Feeds, fetches: readonly string[]): Promise<HostTensor[]> {
    if (this.closed) throw new Error("the session is closed");
    const ended = this.last.then(() => this.runNow(feeds, fetches));
    this.last = ended.catch(() => {});
    return this.pending.settled(ended);
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.pending.abandon();
    // A run under way holds what it uses; it ends first.
    void this.last.finally(() => {
      for (const { buffers } of this.ahead.values()) void dropAll(buffers);
      for (const { program } of this.prepared.values()) program?.compiled.close();
      this.variables.close();
      this.host.close();
    });
  }

  private async runNow(feeds: Feeds, fetches: readonly string[]): Promise<HostTensor[]> {
    if (this.closed) throw closedMeanwhile();
    const key = fetches.join();
    let prepared = this.prepared.get(key);
    if (prepared === undefined) {
      prepared = { plan: planOf(this.index, fetches) };
      this.prepared.set(key, prepared);
    }
    const { plan } = prepared;
    try {
      if (plan.kind === "host") {
        this.forget(plan.restarts);
        return await this.host.run(feeds, fetches);
      }
      if (plan.kind === "transfer") return await this.transfer(plan, feeds);
      return await this.compute(prepared, plan, feeds, fetches);
    } catch (error) {
      if (!(error instanceof PjrtError)) throw error;
      // Devices have more words for too little memory than TensorFlow.
      const code = error.outOfMemory ? "RESOURCE_EXHAUSTED" : error.code;
      throw new SessionError(error.message, code, { cause: error });
    }
  }

  private async transfer(
    { reads, writes, host }: Extract<Plan, { kind: "transfer" }>,
    feeds: Feeds,
  ): Promise<HostTensor[]> {
    const made = await this.hostValues(host, feeds);
    for (const { variable, from } of writes)
      await this.variables.set(variable, newValue(from, feeds, made));
    const results: HostTensor[] = [];
    for (const variable of reads)
      results.push(variable === undefined ? done : await this.variables.read(variable));
    return results;
  }

  private async compute(
    prepared: Prepared,
    { reach, host }: Extract<Plan, { kind: "program" }>,
    feeds: Feeds,
    fetches: readonly string[],
  ): Promise<HostTensor[]> {
    if (prepared.program === undefined) {
      const { cells } = this.variables;
      const { partitions, replicas } = this.device;
      const options = { ...this.options, partitions, replicas };
      const lowered = lowerProgram(this.index, fetches, reach, cells, options);
      const compiled = await this.device.compile(lowered.text, fetches.join(", "));
      prepared.program = { lowered, compiled };
      // Compilers take their time.
      if (this.closed) throw closedMeanwhile();
    }
    const { lowered, compiled } = prepared.program;
    const made = await this.taken(host, feeds);
    const own: DeviceBuffer[] = [];
    const args: DeviceBuffer[] = [];
    for (const { from, name, type } of lowered.inputs) {
      if (from === "cell") {
        args.push(await this.variables.buffer(name));
        continue;
      }
      const given = from === "host" ? made.get(name) : await this.fed(feeds, name, type);
      if (given === undefined) throw new Error(`nothing was made for ${name}`);
      own.push(given);
      args.push(given);
    }
    const changed = lowered.outputs.flatMap(({ to, name }) => (to === "cell" ? [name] : []));
    let results: DeviceBuffer[];
    try {
      results = await compiled.run(args, lowered.donated);
    } catch (error) {
      this.variables.forgetUsedUp(changed);
      throw error;
    } finally {
      for (const buffer of own) buffer.drop();
    }
    changed.forEach((name, i) => {
      this.variables.replace(name, results[i]!);
    });
    // While the device computes, the host makes what the next run takes.
    this.askAhead(host);
    const fetched = results.slice(changed.length);
    try {
      const bytes = await Promise.all(fetched.map((buffer) => buffer.read()));
      return bytes.map((read, i) => {
        const { type, shape } = lowered.outputs[changed.length + i]!;
        return hostTensor(type, shape, read);
      });
    } catch (error) {
      // What fails on the device is told here, when the former values are gone.
      this.variables.lose(changed);
      throw error;
    } finally {
      for (const buffer of fetched) buffer.drop();
    }
  }

  private async fed(feeds: Feeds, name: string, type: string): Promise<DeviceBuffer> {
    const value = fedValue(feeds, name);
    if (value.type !== type || value.type === "string")
      throw new Error(`${name} is ${type}, fed ${value.type}`);
    return this.device.put(value);
  }

  /** What the host gives for a run, on the device: asked for before, or now. */
  private async taken(host: HostPart, feeds: Feeds): Promise<ReadonlyMap<string, DeviceBuffer>> {
    if (host.nodes.length === 0) return new Map();
    const key = host.iterators.join();
    const ahead = this.ahead.get(key);
    if (ahead === undefined) return this.handedOver(host, feeds);
    // To ask anew would lose a batch.
    const missing = host.nodes.find((node) => !ahead.nodes.includes(node));
    if (missing !== undefined) throw new Error(`${missing} was not asked for with its batch`);
    this.ahead.delete(key);
    return ahead.buffers;
  }

  private async handedOver(
    host: HostPart,
    feeds: Feeds,
  ): Promise<ReadonlyMap<string, DeviceBuffer>> {
    const values = await this.hostValues(host, feeds);
    const buffers = new Map<string, DeviceBuffer>();
    for (const [name, value] of values) {
      if (value.type === "string") throw new Error(`${name} is a string`);
      const spec = { from: "host", name, type: value.type, shape: value.shape } as const;
      const divided = isDivided(spec, this.device.partitions);
      buffers.set(name, await this.device.put(value, { divided }));
    }
    return buffers;
  }

  private async hostValues(
    { nodes, feeds: names }: HostPart,
    feeds: Feeds,
  ): Promise<ReadonlyMap<string, HostTensor>> {
    if (nodes.length === 0) return new Map();
    const given = names.map((name) => [name, fedValue(feeds, name)] as const);
    const values = await this.host.run(Object.fromEntries(given), nodes);
    return new Map(nodes.map((node, i) => [node, values[i]!]));
  }

  private askAhead(host: HostPart): void {
    // What a later run will feed is not known.
    if (this.closed || host.iterators.length === 0 || host.feeds.length > 0) return;
    const buffers = this.handedOver(host, {});
    // An iterator's end is told to whoever asks for more, if anybody does.
    buffers.catch(() => {});
    const { nodes, iterators } = host;
    this.ahead.set(iterators.join(), { buffers, nodes, iterators });
  }

  /** Drops what was asked for from iterators that start again. */
  private forget(iterators: readonly string[]): void {
    for (const [key, { buffers, iterators: of }] of this.ahead) {
      if (!of.some((iterator) => iterators.includes(iterator))) continue;
      this.ahead.delete(key);
      void dropAll(buffers);
    }
  }
}

async function dropAll(buffers: Ahead["buffers"]): Promise<void> {
  try {
    for (const buffer of (await buffers).values()) buffer.drop();
  } catch {
    // What ended with an error holds nothing.
  }
}
