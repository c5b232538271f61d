/** Writes TFRecord files of examples, for tests. */
import protobuf from "protobufjs/minimal.js";
import { maskedCrc32c } from "../../src/data/formats/crc32c.js";

/** Bytes, text, several of these, whole numbers or floats of a feature. */
export type Feature =
  | Uint8Array
  | string
  | readonly Uint8Array[]
  | readonly number[]
  | { readonly floats: readonly number[] };

/** A tf.train.Example. `packed` as TensorFlow writes whole numbers, else each for itself. */
export function example(features: Readonly<Record<string, Feature>>, packed = true): Uint8Array {
  const list = protobuf.Writer.create();
  for (const [key, value] of Object.entries(features)) {
    const entry = protobuf.Writer.create()
      .uint32(10)
      .string(key)
      .uint32(18)
      .bytes(featureOf(value, packed));
    list.uint32(10).bytes(entry.finish());
  }
  return protobuf.Writer.create().uint32(10).bytes(list.finish()).finish();
}

function featureOf(value: Feature, packed: boolean): Uint8Array {
  const values = protobuf.Writer.create();
  const feature = protobuf.Writer.create();
  if (typeof value === "string") values.uint32(10).string(value);
  else if (value instanceof Uint8Array) values.uint32(10).bytes(value);
  else if ("floats" in value) {
    values.uint32(10).fork();
    for (const number of value.floats) values.float(number);
    return feature.uint32(18).bytes(values.ldelim().finish()).finish();
  } else {
    const numbers = value.filter((one) => typeof one === "number");
    if (numbers.length < value.length || (value.length > 0 && numbers.length === 0)) {
      for (const one of value) if (typeof one !== "number") values.uint32(10).bytes(one);
      return feature.uint32(10).bytes(values.finish()).finish();
    }
    if (packed) {
      values.uint32(10).fork();
      for (const number of numbers) values.int64(number);
      values.ldelim();
    } else for (const number of numbers) values.uint32(8).int64(number);
    return feature.uint32(26).bytes(values.finish()).finish();
  }
  return feature.uint32(10).bytes(values.finish()).finish();
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
