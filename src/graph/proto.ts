/**
 * The few protobuf messages that a graph needs, with their field numbers.
 * Source: tensorflow/core/framework/{graph,node_def,attr_value,tensor,tensor_shape,function,op_def,
 * versions}.proto.
 *
 * protobufjs writes every field that is set, zero and false included. That matters: TensorFlow asks
 * for each attribute that an operation declares, also for one that holds its type's default.
 */
import protobuf from "protobufjs";

/** The messages' definitions, for messages that hold a graph. */
export const graphMessages = {
  nested: {
    GraphDef: {
      fields: {
        node: { rule: "repeated", id: 1, type: "NodeDef" },
        library: { id: 2, type: "FunctionDefLibrary" },
        versions: { id: 4, type: "VersionDef" },
      },
    },
    VersionDef: {
      fields: { producer: { id: 1, type: "int32" }, minConsumer: { id: 2, type: "int32" } },
    },
    NodeDef: {
      fields: {
        name: { id: 1, type: "string" },
        op: { id: 2, type: "string" },
        input: { rule: "repeated", id: 3, type: "string" },
        device: { id: 4, type: "string" },
        attr: { keyType: "string", id: 5, type: "AttrValue" },
      },
    },
    AttrValue: {
      oneofs: { value: { oneof: ["list", "s", "i", "f", "b", "type", "shape", "tensor", "func"] } },
      fields: {
        list: { id: 1, type: "ListValue" },
        s: { id: 2, type: "bytes" },
        i: { id: 3, type: "int64" },
        f: { id: 4, type: "float" },
        b: { id: 5, type: "bool" },
        type: { id: 6, type: "int32" },
        shape: { id: 7, type: "TensorShapeProto" },
        tensor: { id: 8, type: "TensorProto" },
        func: { id: 10, type: "NameAttrList" },
      },
    },
    ListValue: {
      fields: {
        s: { rule: "repeated", id: 2, type: "bytes" },
        i: { rule: "repeated", id: 3, type: "int64" },
        type: { rule: "repeated", id: 6, type: "int32" },
        shape: { rule: "repeated", id: 7, type: "TensorShapeProto" },
        func: { rule: "repeated", id: 9, type: "NameAttrList" },
      },
    },
    NameAttrList: {
      fields: {
        name: { id: 1, type: "string" },
        attr: { keyType: "string", id: 2, type: "AttrValue" },
      },
    },
    TensorShapeProto: {
      fields: {
        dim: { rule: "repeated", id: 2, type: "Dim" },
        unknownRank: { id: 3, type: "bool" },
      },
      nested: { Dim: { fields: { size: { id: 1, type: "int64" } } } },
    },
    TensorProto: {
      fields: {
        dtype: { id: 1, type: "int32" },
        tensorShape: { id: 2, type: "TensorShapeProto" },
        tensorContent: { id: 4, type: "bytes" },
        stringVal: { rule: "repeated", id: 8, type: "bytes" },
      },
    },
    FunctionDefLibrary: {
      fields: { function: { rule: "repeated", id: 1, type: "FunctionDef" } },
    },
    FunctionDef: {
      fields: {
        signature: { id: 1, type: "OpDef" },
        nodeDef: { rule: "repeated", id: 3, type: "NodeDef" },
        ret: { keyType: "string", id: 4, type: "string" },
      },
    },
    OpDef: {
      fields: {
        name: { id: 1, type: "string" },
        inputArg: { rule: "repeated", id: 2, type: "ArgDef" },
        outputArg: { rule: "repeated", id: 3, type: "ArgDef" },
      },
    },
    ArgDef: { fields: { name: { id: 1, type: "string" }, type: { id: 3, type: "int32" } } },
  },
} as protobuf.INamespace;

const root = protobuf.Root.fromJSON(graphMessages);

export interface TensorShapeProto {
  dim?: { size: number }[];
  unknownRank?: boolean;
}

export interface TensorProto {
  dtype: number;
  tensorShape: TensorShapeProto;
  tensorContent?: Uint8Array;
  stringVal?: Uint8Array[];
}

export interface AttrValue {
  list?: {
    s?: Uint8Array[];
    i?: number[];
    type?: number[];
    shape?: TensorShapeProto[];
    func?: NameAttrList[];
  };
  s?: Uint8Array;
  i?: number;
  f?: number;
  b?: boolean;
  type?: number;
  shape?: TensorShapeProto;
  tensor?: TensorProto;
  func?: NameAttrList;
}

/** A function of the library, with values for its attributes. */
export interface NameAttrList {
  name: string;
  attr: Record<string, AttrValue>;
}

export interface NodeDef {
  name: string;
  op: string;
  input: string[];
  device?: string;
  attr: Record<string, AttrValue>;
}

export interface FunctionDef {
  signature: {
    name: string;
    inputArg: { name: string; type: number }[];
    outputArg: { name: string; type: number }[];
  };
  nodeDef: NodeDef[];
  ret: Record<string, string>;
}

export interface GraphDef {
  node: NodeDef[];
  library: { function: FunctionDef[] };
  versions: { producer: number; minConsumer: number };
}

/** The bytes of a graph. */
export function encodeGraphDef(graphDef: GraphDef): Uint8Array {
  return root
    .lookupType("GraphDef")
    .encode({ ...graphDef })
    .finish();
}
