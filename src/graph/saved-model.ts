/**
 * A `saved_model.pb`: a graph, and what tells others how to run it.
 * Source: tensorflow/core/protobuf/{saved_model,meta_graph,saver}.proto and
 * tensorflow/core/framework/variable.proto.
 */
import protobuf from "protobufjs";
import { type GraphDef, graphMessages, type TensorShapeProto } from "./proto.js";

const root = protobuf.Root.fromJSON({
  nested: {
    ...graphMessages.nested,
    SavedModel: {
      fields: {
        savedModelSchemaVersion: { id: 1, type: "int64" },
        metaGraphs: { rule: "repeated", id: 2, type: "MetaGraphDef" },
      },
    },
    MetaGraphDef: {
      fields: {
        metaInfoDef: { id: 1, type: "MetaInfoDef" },
        graphDef: { id: 2, type: "GraphDef" },
        saverDef: { id: 3, type: "SaverDef" },
        collectionDef: { keyType: "string", id: 4, type: "CollectionDef" },
        signatureDef: { keyType: "string", id: 5, type: "SignatureDef" },
      },
    },
    MetaInfoDef: { fields: { tags: { rule: "repeated", id: 4, type: "string" } } },
    SaverDef: {
      fields: {
        filenameTensorName: { id: 1, type: "string" },
        saveTensorName: { id: 2, type: "string" },
        restoreOpName: { id: 3, type: "string" },
        maxToKeep: { id: 4, type: "int32" },
        sharded: { id: 5, type: "bool" },
        keepCheckpointEveryNHours: { id: 6, type: "float" },
        version: { id: 7, type: "int32" },
      },
    },
    CollectionDef: { fields: { bytesList: { id: 2, type: "BytesList" } } },
    BytesList: { fields: { value: { rule: "repeated", id: 1, type: "bytes" } } },
    SignatureDef: {
      fields: {
        inputs: { keyType: "string", id: 1, type: "TensorInfo" },
        outputs: { keyType: "string", id: 2, type: "TensorInfo" },
        methodName: { id: 3, type: "string" },
      },
    },
    TensorInfo: {
      fields: {
        name: { id: 1, type: "string" },
        dtype: { id: 2, type: "int32" },
        tensorShape: { id: 3, type: "TensorShapeProto" },
      },
    },
    VariableDef: {
      fields: {
        variableName: { id: 1, type: "string" },
        initializerName: { id: 2, type: "string" },
        snapshotName: { id: 3, type: "string" },
        isResource: { id: 5, type: "bool" },
        initialValueName: { id: 6, type: "string" },
        trainable: { id: 7, type: "bool" },
      },
    },
  },
} as protobuf.INamespace);

/** A graph with its signatures. */
export interface MetaGraphDef {
  readonly metaInfoDef: { readonly tags: readonly string[] };
  readonly graphDef: GraphDef;
  readonly saverDef?: SaverDef;
  readonly collectionDef?: Readonly<Record<string, CollectionDef>>;
  readonly signatureDef?: Readonly<Record<string, SignatureDef>>;
}

/** How variables are saved and restored by a graph's own nodes. */
export interface SaverDef {
  /** As in `save/Const:0`. */
  readonly filenameTensorName: string;
  readonly saveTensorName: string;
  /** A node. */
  readonly restoreOpName: string;
  readonly maxToKeep: number;
  readonly sharded: boolean;
  readonly keepCheckpointEveryNHours: number;
  /** 2 is that of SaveV2 and RestoreV2. */
  readonly version: number;
}

export interface CollectionDef {
  readonly bytesList: { readonly value: readonly Uint8Array[] };
}

/** What a caller feeds and fetches, by names of its own. */
export interface SignatureDef {
  readonly inputs: Readonly<Record<string, TensorInfo>>;
  readonly outputs: Readonly<Record<string, TensorInfo>>;
  readonly methodName: string;
}

export interface TensorInfo {
  /** As in `logits:0`. */
  readonly name: string;
  readonly dtype: number;
  readonly tensorShape: TensorShapeProto;
}

/** One entry of the collection `variables`. */
export interface VariableDef {
  readonly variableName: string;
  readonly initializerName: string;
  readonly initialValueName: string;
  readonly snapshotName: string;
  readonly isResource: boolean;
  readonly trainable: boolean;
}

/** The tag under which the one graph of our SavedModels is found. */
export const savedModelTag = "serve";

/** The bytes of a `saved_model.pb` that holds one graph. */
export function encodeSavedModel(metaGraph: MetaGraphDef): Uint8Array {
  return root
    .lookupType("SavedModel")
    .encode({ savedModelSchemaVersion: 1, metaGraphs: [metaGraph] })
    .finish();
}

/**
 * The graphs in the bytes of a `saved_model.pb`, with those of their fields that are known here.
 * @throws Error where the bytes are none
 */
export function decodeSavedModel(bytes: Uint8Array): readonly MetaGraphDef[] {
  const type = root.lookupType("SavedModel");
  const object = type.toObject(type.decode(bytes), {
    longs: Number,
    arrays: true,
    objects: true,
  }) as {
    readonly metaGraphs?: readonly MetaGraphDef[];
  };
  return object.metaGraphs ?? [];
}

/** The bytes of an entry of the collection `variables`. */
export function encodeVariable(variable: VariableDef): Uint8Array {
  return root
    .lookupType("VariableDef")
    .encode({ ...variable })
    .finish();
}
