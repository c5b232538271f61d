/** One or several devices of a PJRT client as what runs programs. */
import type { PjrtBuffer, PjrtClient, PjrtProgram } from "../pjrt/client.js";
import type {
  DeviceBuffer,
  DeviceProgram,
  DeviceValue,
  ProgramDevice,
  PutOptions,
} from "./program-device.js";

/** A value on all the devices: a share on each, or the same on each. */
class Placed implements DeviceBuffer {
  constructor(readonly parts: readonly PjrtBuffer[]) {}

  get isHere(): boolean {
    return this.parts.every(({ isHere }) => isHere);
  }

  // What programs give, and what variables hold, is the same on each.
  read(order?: readonly number[]): Promise<Uint8Array> {
    return this.parts[0]!.read(order);
  }

  drop(): void {
    for (const part of this.parts) part.drop();
  }
}

/** Compiles a module for so many devices: PjrtClient.compile, with a cache before it as a rule. */
export type Compile = (text: string, partitions: number, purpose: string) => Promise<PjrtProgram>;

/**
 * @param devices places in the client's list, at least one
 * @param replicas processes that run a program at once, each on as many devices
 */
export function pjrtDevice(
  client: PjrtClient,
  devices: readonly number[],
  compile: Compile,
  replicas = 1,
): ProgramDevice {
  const name = client.devices[devices[0]!]!.kind;
  const partitions = devices.length;
  return {
    name: partitions === 1 ? name : `${partitions} x ${name}`,
    ...{ partitions, replicas },
    compile: async (text, purpose) => programOf(await compile(text, partitions, purpose)),
    put: async (value, options = {}) => {
      const parts = devices.map((device, part) => {
        const share = options.divided === true ? shareOf(value, part, partitions) : value;
        return put(client, share, device, options);
      });
      return new Placed(await Promise.all(parts));
    },
  };
}

function put(
  client: PjrtClient,
  { type, shape, data }: DeviceValue,
  device: number,
  { order }: PutOptions,
): Promise<PjrtBuffer> {
  if (type === "string" || type === "resource" || type === "variant")
    throw new Error(`no device holds ${type}`);
  return client.put({ type, shape, data }, { device, ...(order && { order }) });
}

/** One of `parts` equal shares along the first dimension. */
function shareOf(value: DeviceValue, part: number, parts: number): DeviceValue {
  const { type, shape, data } = value;
  const [examples, ...rest] = shape as [number, ...number[]];
  const bytes = data.byteLength / parts;
  const share = new Uint8Array(data.buffer, data.byteOffset + part * bytes, bytes);
  return { type, shape: [examples / parts, ...rest], data: share };
}

function programOf(program: PjrtProgram): DeviceProgram {
  return {
    run: async (args, donated) => {
      const placed = args as readonly Placed[];
      const devices = placed[0]?.parts.length ?? 1;
      const lists = Array.from({ length: devices }, (_, i) => placed.map(({ parts }) => parts[i]!));
      const results = await program.run(lists, donated);
      return results[0]!.map((_, i) => new Placed(results.map((list) => list[i]!)));
    },
    close: () => program.close(),
  };
}
