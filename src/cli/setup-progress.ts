/** Prints a set-up's progress: a bar on a terminal, plain lines at each tenth elsewhere. */
import type { ByteCounter, SetupReporter } from "../setup/reporter.js";
import { Bar, type BarState, barLine, columnsOf } from "./bar.js";
import { output } from "./output.js";

/** Where nobody knows the total, a plain line comes after so many bytes. */
const LINE_BYTES = 100e6;

function megabytes(bytes: number): string {
  return `${Math.round(bytes / 1e6)} MB`;
}

/**
 * On standard error, so that standard output stays free for `--json`.
 * @param terminal to draw bars on; plain lines where there is none
 */
export function setupProgress(terminal: NodeJS.WriteStream | undefined): SetupReporter {
  return {
    line: (text) => output.note(text),
    bytes: (label, totalBytes) =>
      terminal === undefined
        ? lineCounter(label, totalBytes)
        : barCounter(terminal, label, totalBytes),
  };
}

function barCounter(
  stream: NodeJS.WriteStream,
  label: string,
  totalBytes: number | undefined,
): ByteCounter {
  const bar = new Bar(stream);
  let state: BarState = { pieces: [] };
  const update = (doneBytes: number): void => {
    const done = megabytes(doneBytes);
    // Totals may be estimates: what is drawn is clamped, what is written is not.
    const share = totalBytes === undefined ? undefined : doneBytes / totalBytes;
    const text = totalBytes === undefined ? done : `${done} of ${megabytes(totalBytes)}`;
    state = { label, share, pieces: [{ text, rank: 6 }] };
    bar.show(state);
  };
  update(0);
  return {
    update,
    done: () => {
      bar.clear();
      output.note(barLine(state, columnsOf(stream)));
    },
  };
}

function lineCounter(label: string, totalBytes: number | undefined): ByteCounter {
  let lastBytes = 0;
  let lastStep = 0;
  const startMs = Date.now();
  output.note(`${label} ...`);
  return {
    update(doneBytes) {
      lastBytes = doneBytes;
      const step = Math.floor((doneBytes / (totalBytes ?? LINE_BYTES)) * (totalBytes ? 10 : 1));
      if (step <= lastStep || (totalBytes !== undefined && step > 9)) return;
      lastStep = step;
      const share = totalBytes === undefined ? "" : ` (${step * 10} %)`;
      output.note(`${label}: ${megabytes(doneBytes)}${share}`);
    },
    done() {
      const seconds = ((Date.now() - startMs) / 1000).toFixed(1);
      output.note(`${label}: ${megabytes(lastBytes)} in ${seconds} s`);
    },
  };
}
