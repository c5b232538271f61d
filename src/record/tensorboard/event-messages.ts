/**
 * The protobuf messages of TensorBoard's event files, with their field numbers, and the events that a run
 * makes of them.
 * Source: tensorflow/core/{util/event.proto,framework/summary.proto} and
 * tensorboard/plugins/hparams/plugin_data.proto.
 */
import protobuf from "protobufjs";
import { z } from "zod";
import { graphMessages } from "../../graph/proto.js";

const root = protobuf.Root.fromJSON({
  nested: {
    // TensorProto
    ...graphMessages.nested,
    Event: {
      oneofs: { what: { oneof: ["fileVersion", "summary", "sessionLog"] } },
      fields: {
        wallTime: { id: 1, type: "double" },
        step: { id: 2, type: "int64" },
        fileVersion: { id: 3, type: "string" },
        summary: { id: 5, type: "Summary" },
        sessionLog: { id: 7, type: "SessionLog" },
      },
    },
    SessionLog: { fields: { status: { id: 1, type: "int32" } } },
    Summary: {
      fields: { value: { rule: "repeated", id: 1, type: "Value" } },
      nested: {
        Value: {
          oneofs: { value: { oneof: ["simpleValue", "tensor"] } },
          fields: {
            tag: { id: 1, type: "string" },
            simpleValue: { id: 2, type: "float" },
            tensor: { id: 8, type: "TensorProto" },
            metadata: { id: 9, type: "SummaryMetadata" },
          },
        },
      },
    },
    SummaryMetadata: {
      fields: {
        pluginData: { id: 1, type: "PluginData" },
        summaryDescription: { id: 3, type: "string" },
        dataClass: { id: 4, type: "int32" },
      },
      nested: {
        PluginData: {
          fields: { pluginName: { id: 1, type: "string" }, content: { id: 2, type: "bytes" } },
        },
      },
    },
    HParamsPluginData: {
      fields: {
        version: { id: 1, type: "int32" },
        sessionStartInfo: { id: 3, type: "SessionStartInfo" },
        sessionEndInfo: { id: 4, type: "SessionEndInfo" },
      },
    },
    SessionStartInfo: {
      fields: {
        hparams: { keyType: "string", id: 1, type: "Hyperparameter" },
        startTimeSecs: { id: 5, type: "double" },
      },
    },
    SessionEndInfo: {
      fields: { status: { id: 1, type: "int32" }, endTimeSecs: { id: 2, type: "double" } },
    },
    // google.protobuf.Value
    Hyperparameter: {
      oneofs: { kind: { oneof: ["numberValue", "stringValue", "boolValue"] } },
      fields: {
        numberValue: { id: 2, type: "double" },
        stringValue: { id: 3, type: "string" },
        boolValue: { id: 4, type: "bool" },
      },
    },
  },
} as protobuf.INamespace);

/** A value of a summary. */
export interface SummaryValue {
  readonly tag: string;
  readonly simpleValue?: number;
  readonly tensor?: object;
  readonly metadata?: object;
}

/** When something happened. */
export interface Moment {
  /** Steps done. */
  readonly step: number;
  readonly time: Date;
}

const eventType = root.lookupType("Event");
const hparamsType = root.lookupType("HParamsPluginData");

function encoded({ step, time }: Moment, what: object): Uint8Array {
  return eventType.encode({ wallTime: time.getTime() / 1000, step, ...what }).finish();
}

/** What every file begins with. */
export function versionEvent(time: Date): Uint8Array {
  return eventType
    .encode({ wallTime: time.getTime() / 1000, fileVersion: "brain.Event:2" })
    .finish();
}

/** Has a reader that follows the run drop what it has of `step` and later ones: it comes again. */
export function restartEvent(moment: Moment): Uint8Array {
  return encoded(moment, { sessionLog: { status: sessionStart } });
}

const pictureEvent = z.object({
  step: z.number().default(0),
  summary: z.object({
    value: z.tuple([
      z.object({
        tag: z.string(),
        metadata: z.object({ pluginData: z.object({ pluginName: z.literal("images") }) }),
      }),
    ]),
  }),
});

/**
 * What picture an event has, and after how many steps; undefined where it has none.
 * @throws where the bytes are no event
 */
export function readPicture(
  bytes: Uint8Array,
): { readonly step: number; readonly tag: string } | undefined {
  const event = eventType.toObject(eventType.decode(bytes), { longs: Number });
  const { data } = pictureEvent.safeParse(event);
  return data && { step: data.step, tag: data.summary.value[0].tag };
}

/** Values of one moment. */
export function summaryEvent(moment: Moment, value: readonly SummaryValue[]): Uint8Array {
  return encoded(moment, { summary: { value } });
}

const sessionStart = 1;
const statusSuccess = 1;
const dataType = { float: 1, string: 7 } as const;
const tensorClass = 2;
const imagesPlugin = "images";

/** A number of a curve. */
export function scalarValue(tag: string, value: number): SummaryValue {
  return { tag, simpleValue: value };
}

/** A PNG of three channels. */
export interface Picture {
  /** In pixels. */
  readonly width: number;
  readonly height: number;
  readonly png: Uint8Array;
  /** How to read it, in Markdown. */
  readonly description?: string | undefined;
}

/**
 * A picture. It is a tensor, as TensorFlow 2 writes it: in the older form the description is lost on
 * TensorBoard's data server.
 */
export function imageValue(
  tag: string,
  { width, height, png, description }: Picture,
): SummaryValue {
  const sizes = [width, height].map((pixels) => new TextEncoder().encode(String(pixels)));
  const stringVal = [...sizes, png];
  return {
    tag,
    metadata: {
      pluginData: { pluginName: imagesPlugin },
      summaryDescription: description,
    },
    tensor: {
      dtype: dataType.string,
      tensorShape: { dim: [{ size: stringVal.length }] },
      stringVal,
    },
  };
}

/** A text, which TensorBoard takes for Markdown. */
export function textValue(tag: string, text: string): SummaryValue {
  const stringVal = [new TextEncoder().encode(text)];
  return {
    tag,
    metadata: { pluginData: { pluginName: "text" }, dataClass: tensorClass },
    tensor: { dtype: dataType.string, tensorShape: {}, stringVal },
  };
}

/** A value of a hyperparameter. */
export type HyperparameterValue = number | string | boolean;

/** The settings under which a run is listed among the others of its folder. */
export function hyperparametersValue(
  values: Readonly<Record<string, HyperparameterValue>>,
  time: Date,
): SummaryValue {
  const hparams = Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, hyperparameter(value)]),
  );
  const sessionStartInfo = { hparams, startTimeSecs: time.getTime() / 1000 };
  return hparamsValue("session_start_info", { sessionStartInfo });
}

/** Says that a run has ended well. */
export function runEndValue(time: Date): SummaryValue {
  const sessionEndInfo = { status: statusSuccess, endTimeSecs: time.getTime() / 1000 };
  return hparamsValue("session_end_info", { sessionEndInfo });
}

function hyperparameter(value: HyperparameterValue): object {
  if (typeof value === "number") return { numberValue: value };
  return typeof value === "string" ? { stringValue: value } : { boolValue: value };
}

/** The plugin reads the metadata; readers want a tensor beside them: this is TensorBoard's own NULL_TENSOR. */
function hparamsValue(name: string, data: object): SummaryValue {
  const content = hparamsType.encode(data).finish();
  return {
    tag: `_hparams_/${name}`,
    metadata: { pluginData: { pluginName: "hparams", content }, dataClass: tensorClass },
    tensor: { dtype: dataType.float, tensorShape: { dim: [{}] } },
  };
}
