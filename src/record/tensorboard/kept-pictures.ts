/** Pictures of evaluations, which no other file of a run has: a new event file takes them from the older ones. */
import { readTfRecords } from "../../data/formats/tfrecord-reader.js";
import { UserError } from "../../errors.js";
import type { TrainStart } from "../../train/train.js";
import type { PictureEvent } from "../run-events.js";
import { ownEventFiles } from "./event-file.js";
import { readPicture } from "./event-messages.js";

const ofEvaluations = "val/";

/** A picture's tag. Those of evaluations stand beside the evaluations' curves. */
export function tagOfPicture({ about, title }: Pick<PictureEvent, "about" | "title">): string {
  return `${about === "evaluation" ? ofEvaluations : ""}${title.replaceAll(" ", "_")}`;
}

/** The events of evaluations' pictures in a folder, but for those that are made again from the start on. */
export async function keptPictures(folder: string, start: TrainStart): Promise<Uint8Array[]> {
  const kept: Uint8Array[] = [];
  for (const path of await ownEventFiles(folder))
    try {
      for await (const { bytes } of readTfRecords(path))
        if (isKept(bytes, start)) kept.push(bytes.slice());
    } catch (error) {
      // A killed process may have left a part of a record, its last.
      if (!(error instanceof UserError)) throw error;
    }
  return kept;
}

function isKept(bytes: Uint8Array, start: TrainStart): boolean {
  const { step, tag } = readPicture(bytes) ?? {};
  if (step === undefined || !tag?.startsWith(ofEvaluations)) return false;
  return step < start.step || (step === start.step && start.evaluated);
}
