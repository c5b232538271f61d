/** The images of a TFRecord shard: one in each record, a tf.train.Example. */

import { imageHeaderOf } from "../files/image-header.js";
import { UnfitExample } from "../formats/label-value.js";
import {
  type ExampleNames,
  type ImageExample,
  parseImageExample,
  refusePixels,
} from "../formats/tf-example.js";
import { damagedRecord, readTfRecords, type TfRecord } from "../formats/tfrecord-reader.js";
import { type ShardImage, unfitRecord } from "./shard-index.js";

/**
 * The images of a shard, in order.
 * @param names which features the image and its label are, where that is known
 * @throws UserError that names shard and record, where one is damaged or no image with a label
 */
export async function* tfRecordImages(
  shard: string,
  names: ExampleNames | undefined,
): AsyncGenerator<ShardImage> {
  for await (const record of readTfRecords(shard)) {
    const { encoded, header, label, text } = parse(shard, record, names);
    yield {
      offset: record.offset + encoded.byteOffset - record.bytes.byteOffset,
      length: encoded.length,
      header,
      label,
      text,
    };
  }
}

function parse(
  path: string,
  { index, bytes }: TfRecord,
  names: ExampleNames | undefined,
): ImageExample & Pick<ShardImage, "header"> {
  try {
    const example = parseImageExample(bytes, names);
    const header = imageHeaderOf(example.encoded);
    if (header.kind === "corrupt") refusePixels(bytes, example.encoded);
    return { ...example, header };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (error instanceof UnfitExample) throw unfitRecord(path, index, error);
    throw damagedRecord(path, index, `is no example of an image: ${reason}`, error);
  }
}
