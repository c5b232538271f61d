/** Writes TFRecord files of examples, for tests. */
import protobuf from "protobufjs/minimal.js";
import { maskedCrc32c } from "../../src/data/formats/crc32c.js";

/** Bytes, text or whole numbers of a feature. */
export type Feature = Uint8Array | string | readonly number[];

/** A tf.train.Example. `packed` as TensorFlow writes whole numbers, else each for itself. */
export function example(features: Readonly<Record<string, Feature>>, packed = true): Uint8Array {
  const list = protobuf.Writer.create();
  for (const [key, value] of Object.entries(features)) {
    const values = protobuf.Writer.create();
    if (typeof value === "string") values.uint32(10).string(value);
    else if (value instanceof Uint8Array) values.uint32(10).bytes(value);
    else if (packed) {
      values.uint32(10).fork();
      for (const number of value) values.int64(number);
      values.ldelim();
    } else for (const number of value) values.uint32(8).int64(number);
    const isBytes = typeof value === "string" || value instanceof Uint8Array;
    const feature = protobuf.Writer.create();
    feature.uint32(isBytes ? 10 : 26).bytes(values.finish());
    const entry = protobuf.Writer.create()
      .uint32(10)
      .string(key)
      .uint32(18)
      .bytes(feature.finish());
    list.uint32(10).bytes(entry.finish());
  }
  return protobuf.Writer.create().uint32(10).bytes(list.finish()).finish();
}

/** A TFRecord file. */
export function tfRecords(records: readonly Uint8Array[]): Buffer {
  return Buffer.concat(
    records.map((record) => {
      const head = Buffer.alloc(12);
      head.writeBigUInt64LE(BigInt(record.length));
      head.writeUInt32LE(maskedCrc32c(head.subarray(0, 8)), 8);
      const foot = Buffer.alloc(4);
      foot.writeUInt32LE(maskedCrc32c(record));
      return Buffer.concat([head, record, foot]);
    }),
  );
}
