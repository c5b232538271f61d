/** `train.log`: what happened, in the format of the official code. It is never shortened. */
import pino from "pino";
import type { RunEvent } from "./run-events.js";
import type { RunFolder } from "./run-folder.js";
import { describeValidation, pythonExponent } from "./run-lines.js";
import type { RunSink } from "./run-sink.js";

/** Opens it, to append. */
export function openTrainLog(folder: RunFolder): RunSink {
  const file = pino.destination({ dest: folder.log, append: true, sync: true });
  return {
    event(event) {
      const message = messageOf(event);
      if (message === undefined) return;
      const level = event.type === "note" && event.level === "warning" ? "WARN" : "INFO";
      file.write(`${timestamp(new Date())} [${level}] bit_common: ${message}\n`);
    },
    close: () => file.end(),
  };
}

/** What is said of an event; undefined: nothing. */
function messageOf(event: RunEvent): string | undefined {
  switch (event.type) {
    case "start":
      return `Computing by ${event.device}`;
    case "note":
      return event.text;
    case "step":
      return `[step ${event.step}]: loss=${event.loss.toFixed(5)} (lr=${pythonExponent(event.lr)})`;
    case "validation":
      return describeValidation(event.at, event);
    default:
      return undefined;
  }
}

/** `2020-07-29 10:14:32,123`, local time, as Python's logging writes it. */
function timestamp(date: Date): string {
  const two = (n: number) => String(n).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  const time = `${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`;
  return `${day} ${time},${String(date.getMilliseconds()).padStart(3, "0")}`;
}
