/** A terminal for tests: what is written to it, and what people then see. */
import { PassThrough } from "node:stream";

export interface Screen {
  readonly terminal: NodeJS.WriteStream;
  /** The rows that were ever complete or are there now, without empty ones at the end. */
  rows(): string[];
}

const ESC = "\u001b";

/** A terminal of so many columns. A row that is longer than it goes on in the next one. */
export function screenOf(columns: number): Screen {
  const rows = [""];
  let column = 0;
  const put = (character: string) => {
    if (column === columns) {
      rows.push("");
      column = 0;
    }
    const row = rows.at(-1)!.padEnd(column);
    rows[rows.length - 1] = row.slice(0, column) + character + row.slice(column + 1);
    column++;
  };
  const stream = Object.assign(new PassThrough(), { isTTY: true, columns, rows: 30 });
  stream.write = (chunk: string | Uint8Array) => {
    const text = Buffer.from(chunk as string).toString();
    const pattern = new RegExp(`${ESC}\\[([?\\d;]*)([A-Za-z])|${ESC}[78]|[^]`, "g");
    for (const [all, numbers = "", code] of text.matchAll(pattern)) {
      if (all === "\n") {
        rows.push("");
        column = 0;
      } else if (all === "\r") column = 0;
      else if (code === "G") column = Number(numbers || 1) - 1;
      else if (code === "K") {
        const row = rows.at(-1)!;
        // 0 or nothing: from here to the end; 1: to here; 2: all.
        rows[rows.length - 1] = numbers === "2" ? "" : row.slice(0, column);
      } else if (all.length === 1) put(all);
    }
    return true;
  };
  return {
    terminal: stream as unknown as NodeJS.WriteStream,
    rows: () =>
      rows.map((row) => row.trimEnd()).filter((row, i) => row !== "" || i < rows.length - 1),
  };
}
