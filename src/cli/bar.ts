/** The one bar that all commands draw on a terminal, at any width. */
import cliProgress from "cli-progress";

/** A part of a bar's line. */
export interface Piece {
  readonly text: string;
  /** Where not all pieces have room, those of the highest rank stay. */
  readonly rank: number;
}

/** What a bar shows. */
export interface BarState {
  /** Before the bar: what is being done. */
  readonly label?: string | undefined;
  /** How much is done, from 0 to 1; undefined where nobody knows. */
  readonly share?: number | undefined;
  /** After the bar, in this order. */
  readonly pieces: readonly Piece[];
}

const gap = "  ";
const widestGauge = 24;
const narrowestGauge = 6;
/** The rank of the bar itself. */
const gaugeRank = 5;

/**
 * One line of less than `columns` characters: a terminal that is full to its last column may begin another.
 */
export function barLine({ label, share, pieces }: BarState, columns: number): string {
  const room = Math.max(1, columns - 1);
  const gauge = { text: "#".repeat(narrowestGauge), rank: gaugeRank };
  const all = [
    ...(label === undefined ? [] : [{ text: label, rank: gaugeRank + 2 }]),
    ...(share === undefined ? [] : [gauge]),
    ...pieces,
  ];
  const kept = new Set<Piece>();
  let used = -gap.length;
  for (const piece of all.toSorted((a, b) => b.rank - a.rank)) {
    const needs = gap.length + piece.text.length;
    if (used + needs > room && kept.size > 0) continue;
    kept.add(piece);
    used += needs;
  }
  const width = Math.min(widestGauge, narrowestGauge + room - used);
  const filled = Math.round(width * Math.min(1, Math.max(0, share ?? 0)));
  const drawn = "#".repeat(filled) + "-".repeat(Math.max(0, width - filled));
  const shown = all.filter((piece) => kept.has(piece));
  return shown
    .map((piece) => (piece === gauge ? drawn : piece.text))
    .join(gap)
    .slice(0, room);
}

/** A line that is drawn over and over. `clear` it before anything else is written to the terminal. */
export class Bar {
  private readonly bar: cliProgress.SingleBar;
  private isDrawn = false;

  constructor(terminal: NodeJS.WriteStream) {
    this.bar = new cliProgress.SingleBar({
      stream: terminal,
      format: (_options, _parameters, state: BarState) => barLine(state, columnsOf(terminal)),
      hideCursor: true,
      clearOnComplete: true,
      fps: 5,
    });
  }

  show(state: BarState): void {
    if (this.isDrawn) this.bar.update(state);
    else this.bar.start(1, 0, state);
    this.isDrawn = true;
  }

  /** Takes it away; the next `show` draws it anew. */
  clear(): void {
    if (this.isDrawn) this.bar.stop();
    this.isDrawn = false;
  }
}

/** How wide a terminal is. */
export function columnsOf(terminal: NodeJS.WriteStream): number {
  return terminal.columns || 80;
}
