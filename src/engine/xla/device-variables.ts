/** A graph's variables on a device, set and read under their names and in the graph's own shapes. */
import { sizeOf } from "../../archive/shape.js";
import { type Cell, offsetIn } from "../../graph/stablehlo/cells.js";
import { SessionError } from "../session.js";
import type { DeviceBuffer, ProgramDevice } from "./program-device.js";

/** What is known of a cell: its value on the device, on the host, or on both. */
interface Held {
  buffer?: DeviceBuffer | undefined;
  /** Of a cell with several members: its value, once a member was set or read. */
  values?: Float32Array | undefined;
  /** Members that were set so far. */
  readonly set: Set<string>;
}

export class DeviceVariables {
  private readonly held = new Map<Cell, Held>();
  private readonly cellByVariable = new Map<string, Cell>();

  constructor(
    private readonly device: ProgramDevice,
    readonly cells: readonly Cell[],
  ) {
    for (const cell of cells) {
      this.held.set(cell, { set: new Set() });
      for (const { name } of cell.members) this.cellByVariable.set(name, cell);
    }
  }

  /** Sets a variable from row-major values in the graph's shape. */
  async set(name: string, data: Float32Array): Promise<void> {
    const cell = this.cellOf(name);
    const held = this.held.get(cell)!;
    if (cell.members.length === 1) {
      const value = { type: "float32", shape: cell.shape, data } as const;
      const buffer = await this.device.put(value, { order: hostOrder(cell) });
      held.buffer?.drop();
      held.buffer = buffer;
    } else {
      const values = held.values ?? (await this.fetched(cell, held));
      values.set(data, offsetIn(cell, name));
      held.values = values;
      held.buffer?.drop();
      held.buffer = undefined;
    }
    held.set.add(name);
  }

  /** A variable's values, row-major in the graph's shape. */
  async read(name: string): Promise<Float32Array> {
    const cell = this.cellOf(name);
    const held = this.held.get(cell)!;
    this.requireSet(held, [name]);
    if (cell.members.length === 1) return floatsOf(await held.buffer!.read(hostOrder(cell)));
    held.values ??= await this.fetched(cell, held);
    const begin = offsetIn(cell, name);
    const { shape } = cell.members.find((member) => member.name === name)!;
    return held.values.slice(begin, begin + sizeOf(shape));
  }

  /** A cell's value on the device, for a program. */
  async buffer(name: string): Promise<DeviceBuffer> {
    const [cell, held] = this.named(name);
    this.requireSet(
      held,
      cell.members.map((member) => member.name),
    );
    if (held.buffer === undefined) {
      const data = held.values!;
      held.buffer = await this.device.put({ type: "float32", shape: cell.shape, data });
    }
    return held.buffer;
  }

  /** Takes a cell's new value, which a program gave. The one before was donated to it. */
  replace(name: string, buffer: DeviceBuffer): void {
    const [, held] = this.named(name);
    held.buffer = buffer;
    held.values = undefined;
  }

  /** Forgets those of some cells whose values a run that failed has used up; others are as they were. */
  forgetUsedUp(names: readonly string[]): void {
    for (const name of names) {
      const [cell, held] = this.named(name);
      if (held.buffer?.isHere === true) continue;
      held.buffer = undefined;
      held.values = undefined;
      for (const member of cell.members) held.set.delete(member.name);
    }
  }

  /** Forgets cells whose values were never computed, as a device has told too late. */
  lose(names: readonly string[]): void {
    for (const name of names) this.named(name)[1].buffer?.drop();
    this.forgetUsedUp(names);
  }

  close(): void {
    for (const held of this.held.values()) held.buffer?.drop();
    this.held.clear();
  }

  private named(name: string): [Cell, Held] {
    for (const entry of this.held) if (entry[0].name === name) return entry;
    throw new Error(`no variables called ${name}`);
  }

  private cellOf(variable: string): Cell {
    const cell = this.cellByVariable.get(variable);
    if (cell === undefined) throw new Error(`the graph has no variable ${variable}`);
    return cell;
  }

  private async fetched(cell: Cell, { buffer }: Held): Promise<Float32Array> {
    return buffer === undefined
      ? new Float32Array(sizeOf(cell.shape))
      : floatsOf(await buffer.read());
  }

  private requireSet({ set }: Held, names: readonly string[]): void {
    const missing = names.find((name) => !set.has(name));
    if (missing !== undefined)
      throw new SessionError(
        `the variable ${missing} has no value: it was not set, or a run failed`,
      );
  }

  /** Marks a cell's members as set, after a program gave its first value. */
  written(name: string): void {
    const [cell, held] = this.named(name);
    for (const member of cell.members) held.set.add(member.name);
  }
}

/** Of a cell's dimensions, from outermost to innermost, as the host has the variable. */
function hostOrder({ order }: Cell): readonly number[] | undefined {
  return order?.map((_, axis) => order.indexOf(axis));
}

function floatsOf(bytes: Uint8Array): Float32Array {
  return new Float32Array(bytes.buffer, bytes.byteOffset, bytes.byteLength / 4);
}
