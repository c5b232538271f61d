/** Shows downloads under way on standard error: a bar each on a terminal, plain lines elsewhere. */
import cliProgress from "cli-progress";
import { sizeText } from "../disk/size-text.js";
import type { ByteCounter } from "../setup/reporter.js";
import { type BarState, barLine, columnsOf } from "./bar.js";
import { output } from "./output.js";
import { setupProgress } from "./setup-progress.js";

/** One file's display. */
export interface FileProgress {
  /** Bytes that came, of how many if that is known. */
  fetched(doneBytes: number, totalBytes: number | undefined): void;
  /** Bytes that were read back and checked. */
  checked(doneBytes: number, totalBytes: number): void;
  /** A remark on this file. */
  note(line: string): void;
  /** Takes the display away and prints a last line on standard output. */
  finish(line: string): void;
  /** Takes the display away. */
  close(): void;
}

/** The displays of all files. `close` it when done. */
export interface DownloadProgress {
  file(label: string): FileProgress;
  close(): void;
}

/** @param terminal to draw bars on; plain lines where there is none */
export function downloadProgress(terminal: NodeJS.WriteStream | undefined): DownloadProgress {
  return terminal === undefined ? lines() : bars(terminal);
}

interface FileState {
  readonly label: string;
  readonly stage: "" | "checking ";
  readonly doneBytes: number;
  readonly totalBytes: number | undefined;
}

function barOf({ label, stage, doneBytes, totalBytes }: FileState): BarState {
  const done = `${stage}${sizeText(doneBytes)}`;
  if (totalBytes === undefined) return { label, pieces: [{ text: done, rank: 6 }] };
  const text = `${done} of ${sizeText(totalBytes)}`;
  return { label, share: doneBytes / Math.max(1, totalBytes), pieces: [{ text, rank: 6 }] };
}

function bars(stream: NodeJS.WriteStream): DownloadProgress {
  const all = new cliProgress.MultiBar({
    stream,
    format: (_options, _parameters, state: FileState) => barLine(barOf(state), columnsOf(stream)),
    hideCursor: true,
    fps: 5,
  });
  return {
    file(label) {
      const start: FileState = { label, stage: "", doneBytes: 0, totalBytes: undefined };
      const bar = all.create(1, 0, start);
      const close = () => void all.remove(bar);
      return {
        fetched: (doneBytes, totalBytes) => bar.update({ stage: "", doneBytes, totalBytes }),
        checked: (doneBytes, totalBytes) => {
          bar.update({ stage: "checking ", doneBytes, totalBytes });
        },
        note: (line) => all.log(`${label}: ${line}\n`),
        finish: (line) => {
          // Bars are drawn over what else is written to the same terminal.
          if (output.isSeen) all.log(`${line}\n`);
          else output.result(line);
          close();
        },
        close,
      };
    },
    close: () => all.stop(),
  };
}

/** Checks are quick, and their end prints a line anyway: nothing is said while they go on. */
function lines(): DownloadProgress {
  const { bytes, line: print } = setupProgress(undefined);
  return {
    file(label) {
      let counter: ByteCounter | undefined;
      const close = () => {
        counter?.done();
        counter = undefined;
      };
      return {
        fetched: (doneBytes, totalBytes) => {
          counter ??= bytes(label, totalBytes);
          counter.update(doneBytes);
        },
        checked: close,
        note: (line) => print(`${label}: ${line}`),
        finish: (line) => {
          close();
          output.result(line);
        },
        close,
      };
    },
    close() {},
  };
}
