/** Compile options, read back by protobufjs from the messages as XLA's .proto files declare them. */
import assert from "node:assert/strict";
import { test } from "node:test";
import protobuf from "protobufjs";
import { encodeCompileOptions } from "../../../src/engine/pjrt/compile-options.js";

// xla/pjrt/proto/compile_options.proto and xla/xla_data.proto, cut to what is written.
const { root } = protobuf.parse(`
  syntax = "proto3";
  message ComputationDevice { repeated int64 replica_device_ids = 1; }
  message DeviceAssignmentProto {
    int32 replica_count = 1;
    int32 computation_count = 2;
    repeated ComputationDevice computation_devices = 3;
  }
  message ExecutableBuildOptionsProto {
    int64 device_ordinal = 1;
    int64 num_replicas = 4;
    int64 num_partitions = 5;
    bool use_spmd_partitioning = 6;
    DeviceAssignmentProto device_assignment = 9;
  }
  message OptionOverrideProto {
    oneof value { string string_field = 1; bool bool_field = 2; int64 int_field = 3; double double_field = 4; }
  }
  message CompileOptionsProto {
    ExecutableBuildOptionsProto executable_build_options = 3;
    map<string, OptionOverrideProto> env_option_overrides = 7;
  }`);
const message = root.lookupType("CompileOptionsProto");

function decoded(options?: Parameters<typeof encodeCompileOptions>[0]): unknown {
  return message.toObject(message.decode(encodeCompileOptions(options)), { longs: Number });
}

test("one device, as XLA's own clients write it", () => {
  const expected = "1a0f08ffffffffffffffffff0120012801";
  assert.equal(Buffer.from(encodeCompileOptions()).toString("hex"), expected);
});

test("replicas, partitions and their devices", () => {
  assert.deepEqual(decoded({ replicas: 3 }), {
    executableBuildOptions: { deviceOrdinal: -1, numReplicas: 3, numPartitions: 1 },
  });
  assert.deepEqual(decoded({ devices: [2, 0] }), {
    executableBuildOptions: {
      deviceOrdinal: -1,
      numReplicas: 2,
      numPartitions: 1,
      deviceAssignment: {
        replicaCount: 2,
        computationCount: 1,
        computationDevices: [{ replicaDeviceIds: [2, 0] }],
      },
    },
  });
  assert.deepEqual(decoded({ partitions: 2, devices: [2, 0] }), {
    executableBuildOptions: {
      deviceOrdinal: -1,
      numReplicas: 1,
      numPartitions: 2,
      useSpmdPartitioning: true,
      deviceAssignment: {
        replicaCount: 1,
        computationCount: 2,
        computationDevices: [{ replicaDeviceIds: [2] }, { replicaDeviceIds: [0] }],
      },
    },
  });
  assert.deepEqual(decoded({ replicas: 2, partitions: 2, devices: [0, 1, 2, 3] }), {
    executableBuildOptions: {
      deviceOrdinal: -1,
      numReplicas: 2,
      numPartitions: 2,
      useSpmdPartitioning: true,
      deviceAssignment: {
        replicaCount: 2,
        computationCount: 2,
        computationDevices: [{ replicaDeviceIds: [0, 2] }, { replicaDeviceIds: [1, 3] }],
      },
    },
  });
  assert.throws(() => encodeCompileOptions({ partitions: 2, devices: [0] }), /2 devices on 1/);
});

test("XLA's debug options, by their types", () => {
  const flags = { d: 0.5, a: "text", c: -3, b: true };
  assert.deepEqual(decoded({ flags }), {
    executableBuildOptions: { deviceOrdinal: -1, numReplicas: 1, numPartitions: 1 },
    envOptionOverrides: {
      a: { stringField: "text" },
      b: { boolField: true },
      c: { intField: -3 },
      d: { doubleField: 0.5 },
    },
  });
  assert.deepEqual(
    encodeCompileOptions({ flags: { x: 1, y: 2 } }),
    encodeCompileOptions({ flags: { y: 2, x: 1 } }),
    "in one order, as the cache's key needs it",
  );
});
