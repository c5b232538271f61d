/**
 * How a program is compiled, as the CompileOptionsProto that plugins read.
 * Source: xla/pjrt/proto/compile_options.proto and xla/xla_data.proto (DeviceAssignmentProto).
 */
import protobuf from "protobufjs/minimal.js";

export interface CompileOptions {
  /** How many times the program runs at once, each on its own arguments; 1 unless it is told. */
  readonly replicas?: number;
  /** Among how many devices XLA divides each of the replicas, by its sharding; 1 unless it is told. */
  readonly partitions?: number;
  /**
   * The ids of the devices that run it, those of one replica after those of the other; the client's first ones unless
   * they are told.
   */
  readonly devices?: readonly number[];
  /**
   * XLA's debug options, such as `xla_gpu_autotune_level`. An option that is a float takes a number with a
   * fraction, or a string.
   */
  readonly flags?: Readonly<Record<string, string | number | boolean>>;
}

/** @throws Error where replicas and devices are not as many */
export function encodeCompileOptions(options: CompileOptions = {}): Uint8Array {
  const { devices, flags = {}, partitions = 1 } = options;
  const replicas = options.replicas ?? (partitions === 1 ? (devices?.length ?? 1) : 1);
  const count = replicas * partitions;
  if (devices !== undefined && devices.length !== count)
    throw new Error(`a program for ${count} devices on ${devices.length}`);
  const writer = protobuf.Writer.create();
  const build = writer.uint32(field(3, BYTES)).fork(); // executable_build_options
  build.uint32(field(1, VARINT)).int64(-1); // device_ordinal: not set
  build.uint32(field(4, VARINT)).int64(replicas);
  build.uint32(field(5, VARINT)).int64(partitions);
  if (partitions !== 1) build.uint32(field(6, VARINT)).bool(true); // use_spmd_partitioning
  if (devices !== undefined) {
    const assignment = build.uint32(field(9, BYTES)).fork();
    assignment.uint32(field(1, VARINT)).int32(replicas);
    assignment.uint32(field(2, VARINT)).int32(partitions); // computation_count
    // A computation for each partition, each with the devices of its replicas.
    for (let i = 0; i < partitions; i++) {
      const computation = assignment.uint32(field(3, BYTES)).fork();
      const ids = computation.uint32(field(1, BYTES)).fork();
      for (let replica = 0; replica < replicas; replica++)
        ids.int64(devices[replica * partitions + i]!);
      ids.ldelim();
      computation.ldelim();
    }
    assignment.ldelim();
  }
  build.ldelim();
  for (const name of Object.keys(flags).sort()) {
    const entry = writer.uint32(field(7, BYTES)).fork(); // env_option_overrides
    entry.uint32(field(1, BYTES)).string(name);
    writeOption(entry.uint32(field(2, BYTES)).fork(), flags[name]!).ldelim();
    entry.ldelim();
  }
  return writer.finish();
}

/** An OptionOverrideProto. */
function writeOption(writer: protobuf.Writer, value: string | number | boolean): protobuf.Writer {
  if (typeof value === "string") return writer.uint32(field(1, BYTES)).string(value);
  if (typeof value === "boolean") return writer.uint32(field(2, VARINT)).bool(value);
  if (Number.isInteger(value)) return writer.uint32(field(3, VARINT)).int64(value);
  return writer.uint32(field(4, FIXED64)).double(value);
}

const VARINT = 0;
const FIXED64 = 1;
const BYTES = 2;

/** A field's tag. */
function field(id: number, wireType: number): number {
  return (id << 3) | wireType;
}
