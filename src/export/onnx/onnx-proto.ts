/**
 * The protobuf messages of an ONNX model that a network needs, with their field numbers.
 * Source: onnx/onnx-ml.proto.
 */
import protobuf from "protobufjs";

const strings = { rule: "repeated", type: "string" } as const;

// ONNX's syntax: a zero that is set is written, and OpenCV, among readers, asks whether it is there.
const edition = "proto2";

const root = protobuf.Root.fromJSON({
  nested: {
    ModelProto: {
      edition,
      fields: {
        irVersion: { id: 1, type: "int64" },
        producerName: { id: 2, type: "string" },
        producerVersion: { id: 3, type: "string" },
        domain: { id: 4, type: "string" },
        modelVersion: { id: 5, type: "int64" },
        docString: { id: 6, type: "string" },
        opsetImport: { rule: "repeated", id: 8, type: "OperatorSetIdProto" },
        metadataProps: { rule: "repeated", id: 14, type: "StringStringEntryProto" },
      },
    },
    OperatorSetIdProto: {
      edition,
      fields: { domain: { id: 1, type: "string" }, version: { id: 2, type: "int64" } },
    },
    StringStringEntryProto: {
      edition,
      fields: { key: { id: 1, type: "string" }, value: { id: 2, type: "string" } },
    },
    GraphProto: {
      edition,
      fields: {
        node: { rule: "repeated", id: 1, type: "NodeProto" },
        name: { id: 2, type: "string" },
        input: { rule: "repeated", id: 11, type: "ValueInfoProto" },
        output: { rule: "repeated", id: 12, type: "ValueInfoProto" },
      },
    },
    NodeProto: {
      edition,
      fields: {
        input: { ...strings, id: 1 },
        output: { ...strings, id: 2 },
        name: { id: 3, type: "string" },
        opType: { id: 4, type: "string" },
        attribute: { rule: "repeated", id: 5, type: "AttributeProto" },
      },
    },
    AttributeProto: {
      edition,
      fields: {
        name: { id: 1, type: "string" },
        f: { id: 2, type: "float" },
        i: { id: 3, type: "int64" },
        s: { id: 4, type: "string" },
        ints: { rule: "repeated", id: 8, type: "int64" },
        type: { id: 20, type: "int32" },
      },
    },
    ValueInfoProto: {
      edition,
      fields: {
        name: { id: 1, type: "string" },
        type: { id: 2, type: "TypeProto" },
        docString: { id: 3, type: "string" },
      },
    },
    TypeProto: {
      edition,
      fields: { tensorType: { id: 1, type: "Tensor" } },
      nested: {
        Tensor: {
          edition,
          fields: {
            elemType: { id: 1, type: "int32" },
            shape: { id: 2, type: "TensorShapeProto" },
          },
        },
      },
    },
    TensorShapeProto: {
      edition,
      fields: { dim: { rule: "repeated", id: 1, type: "Dimension" } },
      nested: {
        Dimension: {
          edition,
          oneofs: { value: { oneof: ["dimValue", "dimParam"] } },
          fields: { dimValue: { id: 1, type: "int64" }, dimParam: { id: 2, type: "string" } },
        },
      },
    },
    TensorProto: {
      edition,
      fields: {
        dims: { rule: "repeated", id: 1, type: "int64" },
        dataType: { id: 2, type: "int32" },
        name: { id: 8, type: "string" },
        externalData: { rule: "repeated", id: 13, type: "StringStringEntryProto" },
        dataLocation: { id: 14, type: "int32" },
      },
    },
  },
} as protobuf.INamespace);

/** Numbers of fields that are written and read apart from the rest of their message: they may be large. */
export const fieldNumber = { graph: 7, initializer: 5, rawData: 9 } as const;

// Opset 17 is the newest that all runtimes since 1.16 take; it came with version 8 of the format.
export const irVersion = 8;
export const opset = 17;

/** Element types, by their numbers in TensorProto. */
export const dataType = { float32: 1, int64: 7, float16: 10 } as const;

/** Types of attributes, by their numbers in AttributeProto. */
export const attributeType = { float: 1, int: 2, string: 3, ints: 7 } as const;

/** The DataLocation of a tensor whose values are in a file of their own. */
export const externalLocation = 1;

export interface Entry {
  readonly key: string;
  readonly value: string;
}

/** A model, but for its graph. */
export interface ModelProto {
  readonly irVersion: number;
  readonly producerName: string;
  readonly producerVersion: string;
  readonly docString: string;
  readonly opsetImport: readonly { readonly domain: string; readonly version: number }[];
  readonly metadataProps: readonly Entry[];
}

/** A graph, but for its initializers. */
export interface GraphProto {
  readonly name: string;
  readonly node: readonly NodeProto[];
  readonly input: readonly ValueInfoProto[];
  readonly output: readonly ValueInfoProto[];
}

export interface NodeProto {
  readonly name: string;
  readonly opType: string;
  readonly input: readonly string[];
  readonly output: readonly string[];
  readonly attribute: readonly AttributeProto[];
}

export interface AttributeProto {
  readonly name: string;
  readonly type: number;
  readonly f?: number;
  readonly i?: number;
  /** Bytes in the format; every text that operators have is ASCII. */
  readonly s?: string;
  readonly ints?: readonly number[];
}

export interface ValueInfoProto {
  readonly name: string;
  readonly docString?: string;
  readonly type: {
    readonly tensorType: {
      readonly elemType: number;
      readonly shape: {
        readonly dim: readonly { readonly dimValue?: number; readonly dimParam?: string }[];
      };
    };
  };
}

/** A tensor, but for its values. */
export interface TensorProto {
  readonly name: string;
  readonly dims: readonly number[];
  readonly dataType: number;
  /** Where the values are in a file of their own: `location`, `offset`, `length`. */
  readonly externalData?: readonly Entry[];
  readonly dataLocation?: number;
}

interface Messages {
  ModelProto: ModelProto;
  GraphProto: GraphProto;
  TensorProto: TensorProto;
}

/** The bytes of a message. */
export function encode<Name extends keyof Messages>(
  name: Name,
  message: Messages[Name],
): Uint8Array {
  return root
    .lookupType(name)
    .encode({ ...message })
    .finish();
}

/**
 * A message of its bytes; lists that are absent are empty, and other fields have their defaults.
 * @throws Error where the bytes are none
 */
export function decode<Name extends keyof Messages>(name: Name, bytes: Uint8Array): Messages[Name] {
  const type = root.lookupType(name);
  return type.toObject(type.decode(bytes), { longs: Number, defaults: true }) as Messages[Name];
}

/** What comes before the bytes of a field that has a length: its number and that length. */
export function lengthPrefix(field: number, length: number): Uint8Array {
  return protobuf.Writer.create()
    .uint32(field * 8 + 2)
    .uint32(length)
    .finish();
}
