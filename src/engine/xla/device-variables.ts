/** A graph's variables on a device, set and read under their names and in the graph's own shapes. */
import { sizeOf } from "../../archive/shape.js";
import {
  type Cell,
  type CellVariable,
  inverseOrder,
  offsetIn,
} from "../../graph/stablehlo/cells.js";
import { floats, type HostTensor, SessionError } from "../session.js";
import { hostTensor } from "./host-values.js";
import type { DeviceBuffer, ProgramDevice } from "./program-device.js";

/** What is known of a cell: its value on the device, on the host, or on both. */
interface Held {
  readonly cell: Cell;
  buffer?: DeviceBuffer | undefined;
  /** Of a cell with several members: its value, once a member was set or read. */
  values?: Float32Array | undefined;
  /** Members that were set so far. */
  readonly set: Set<string>;
}

export class DeviceVariables {
  private readonly held = new Map<string, Held>();
  private readonly heldByVariable = new Map<string, Held>();

  constructor(
    private readonly device: ProgramDevice,
    readonly cells: readonly Cell[],
  ) {
    for (const cell of cells) {
      const held: Held = { cell, set: new Set() };
      this.held.set(cell.name, held);
      for (const { name } of cell.members) this.heldByVariable.set(name, held);
    }
  }

  /** Sets a variable from row-major values in the graph's shape. @throws Error where its type is another */
  async set(name: string, value: HostTensor): Promise<void> {
    const held = this.holding(name);
    const { cell } = held;
    if (value.type !== cell.type || value.type === "string")
      throw new Error(`${name} is ${cell.type}, set to ${value.type}`);
    const { data } = value;
    if (cell.members.length === 1) {
      const stored = { type: cell.type, shape: cell.shape, data };
      const buffer = await this.device.put(stored, { order: hostOrder(cell) });
      held.buffer?.drop();
      held.buffer = buffer;
    } else {
      const values = held.values ?? (await fetched(held));
      values.set(floats(value), offsetIn(cell, name));
      held.values = values;
      held.buffer?.drop();
      held.buffer = undefined;
    }
    held.set.add(name);
  }

  /** A variable's value, row-major in the graph's shape. */
  async read(name: string): Promise<HostTensor> {
    const held = this.holding(name);
    const { cell } = held;
    const member = cell.members.find((one) => one.name === name)!;
    requireSet(held, [member]);
    const { shape } = member;
    if (cell.members.length === 1)
      return hostTensor(cell.type, shape, await held.buffer!.read(hostOrder(cell)));
    held.values ??= await fetched(held);
    const begin = offsetIn(cell, name);
    return { type: "float32", shape, data: held.values.slice(begin, begin + sizeOf(shape)) };
  }

  /** A cell's value on the device, for a program. */
  async buffer(name: string): Promise<DeviceBuffer> {
    const held = this.named(name);
    const { cell } = held;
    requireSet(held, cell.members);
    if (held.buffer === undefined) {
      const data = held.values!;
      held.buffer = await this.device.put({ type: "float32", shape: cell.shape, data });
    }
    return held.buffer;
  }

  /** Takes a cell's new value, which a program gave. The one before was donated to it. */
  replace(name: string, buffer: DeviceBuffer): void {
    const held = this.named(name);
    held.buffer = buffer;
    held.values = undefined;
    for (const member of held.cell.members) held.set.add(member.name);
  }

  /** Forgets those of some cells whose values a run that failed has used up; others are as they were. */
  forgetUsedUp(names: readonly string[]): void {
    for (const name of names) {
      const held = this.named(name);
      if (held.buffer?.isHere === true) continue;
      held.buffer = undefined;
      held.values = undefined;
      held.set.clear();
    }
  }

  /** Forgets cells whose values were never computed, as a device has told too late. */
  lose(names: readonly string[]): void {
    for (const name of names) this.named(name).buffer?.drop();
    this.forgetUsedUp(names);
  }

  close(): void {
    for (const held of this.held.values()) held.buffer?.drop();
    this.held.clear();
  }

  private named(name: string): Held {
    const held = this.held.get(name);
    if (held === undefined) throw new Error(`no variables called ${name}`);
    return held;
  }

  private holding(variable: string): Held {
    const held = this.heldByVariable.get(variable);
    if (held === undefined) throw new Error(`the graph has no variable ${variable}`);
    return held;
  }
}

async function fetched({ cell, buffer }: Held): Promise<Float32Array> {
  return buffer === undefined
    ? new Float32Array(sizeOf(cell.shape))
    : floatsOf(await buffer.read());
}

function requireSet({ set }: Held, members: readonly CellVariable[]): void {
  const missing = members.find(({ name }) => !set.has(name));
  if (missing !== undefined)
    throw new SessionError(
      `the variable ${missing.name} has no value: it was not set, or a run failed`,
    );
}

/** Of a cell's dimensions, from outermost to innermost, as the host has the variable. */
function hostOrder({ order }: Cell): readonly number[] | undefined {
  return order && inverseOrder(order);
}

function floatsOf(bytes: Uint8Array): Float32Array {
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}
