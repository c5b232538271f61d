/** Pictures of evaluations, which no other file of a run has: a new event file takes them from the older ones. */
import { readTfRecords } from "../../data/formats/tfrecord-reader.js";
import { UserError } from "../../errors.js";
import type { TrainStart } from "../../train/train.js";
import type { PictureEvent } from "../run-events.js";
import { ownEventFiles } from "./event-file.js";
import { readPicture } from "./event-messages.js";

const ofEvaluations = "val/";

/** An event of a picture. */
export interface PictureRecord {
  readonly step: number;
  readonly tag: string;
  /** The encoded event. */
  readonly bytes: Uint8Array;
}

/** A picture's tag. Those of evaluations stand beside the evaluations' curves. */
export function tagOfPicture({ about, title }: Pick<PictureEvent, "about" | "title">): string {
  return `${about === "evaluation" ? ofEvaluations : ""}${title.replaceAll(" ", "_")}`;
}

/** The events of evaluations' pictures in a folder, but for those that are made again from the start on. */
export async function keptPictures(folder: string, start: TrainStart): Promise<PictureRecord[]> {
  const kept: PictureRecord[] = [];
  for (const path of await ownEventFiles(folder))
    try {
      for await (const { bytes } of readTfRecords(path)) {
        const picture = readPicture(bytes);
        if (picture !== undefined && isKept(picture, start))
          kept.push({ ...picture, bytes: bytes.slice() });
      }
    } catch (error) {
      // A killed process may have left a part of a record, its last.
      if (!(error instanceof UserError)) throw error;
    }
  return kept;
}

function isKept({ step, tag }: Omit<PictureRecord, "bytes">, start: TrainStart): boolean {
  if (!tag.startsWith(ofEvaluations)) return false;
  return step < start.step || (step === start.step && start.evaluated);
}
