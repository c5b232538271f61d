/** Draws a confusion matrix on a canvas: 100 classes are 10,000 cells. */
import type { ReportJudgement } from "../../src/report/report-data.js";

/** A class, and what its images were taken for. */
export type Cell = readonly [truth: number, predicted: number];

const mostCell = 44;
const leastCell = 7;
/** Cells from which on rows have names, and from which on cells have numbers. */
const namedCell = 8;
const numberedCell = 24;
const longestName = 132;

export class MatrixDrawing {
  private order: readonly number[] = [];
  private cell = mostCell;
  private margin = 0;
  private chosen: readonly [row: number, column: number] | undefined;
  private readonly counts = new Map<string, number>();

  /** @param told told of the cell that is pointed at; undefined: of none */
  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly judgement: ReportJudgement,
    private readonly told: (cell: Cell | undefined) => void,
  ) {
    for (const [truth, predicted, count] of judgement.confusion)
      this.counts.set(`${truth} ${predicted}`, count);
    canvas.addEventListener("pointermove", (event) => this.pointed(event));
    canvas.addEventListener("pointerdown", (event) => this.pointed(event));
    canvas.addEventListener("pointerleave", () => this.choose(undefined));
    canvas.addEventListener("keydown", (event) => this.moved(event));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.draw());
    new ResizeObserver(() => this.draw()).observe(canvas.parentElement ?? document.body);
  }

  /** Shows classes in an order. */
  show(order: readonly number[]): void {
    this.order = order;
    this.choose(undefined);
  }

  private choose(place: readonly [number, number] | undefined): void {
    this.chosen = place;
    this.draw();
    this.told(place && [this.order[place[0]]!, this.order[place[1]]!]);
  }

  private pointed({ offsetX, offsetY }: PointerEvent): void {
    const column = Math.floor((offsetX - this.margin) / this.cell);
    const row = Math.floor((offsetY - this.margin) / this.cell);
    const inside = [row, column].every((at) => at >= 0 && at < this.order.length);
    const [was, were] = this.chosen ?? [];
    if (inside && was === row && were === column) return;
    this.choose(inside ? [row, column] : undefined);
  }

  private moved(event: KeyboardEvent): void {
    const step = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }[
      event.key
    ];
    if (step === undefined) return;
    event.preventDefault();
    const within = (at: number) => Math.min(this.order.length - 1, Math.max(0, at));
    const [row, column] = this.chosen ?? [-step[0]!, -step[1]!];
    this.choose([within(row + step[0]!), within(column + step[1]!)]);
  }

  private draw(): void {
    const { canvas, order } = this;
    const room = canvas.parentElement?.clientWidth ?? 0;
    const context = canvas.getContext("2d");
    if (context === null || room === 0 || order.length === 0) return;
    const style = getComputedStyle(canvas);
    const colour = (name: string) => style.getPropertyValue(name).trim();
    const font = (size: number) => `${size}px ${style.fontFamily}`;
    const likely = Math.floor((room - longestName) / order.length);
    const nameFont = font(Math.min(12, Math.max(8.5, likely)));
    context.font = nameFont;
    const names = order.map((label) => shortened(context, this.judgement.classNames[label] ?? ""));
    const widest = Math.ceil(Math.max(...names.map((name) => context.measureText(name).width)));
    const fitting = Math.floor((room - widest - 12) / order.length);
    const named = fitting >= namedCell || order.length <= 40;
    const margin = named ? widest + 10 : 1;
    const cell = Math.min(
      mostCell,
      Math.max(named ? namedCell : leastCell, Math.floor((room - margin) / order.length)),
    );
    [this.cell, this.margin] = [cell, margin];
    const side = margin + cell * order.length + 1;
    const scale = devicePixelRatio;
    canvas.width = Math.ceil(side * scale);
    canvas.height = Math.ceil(side * scale);
    canvas.style.width = `${side}px`;
    canvas.style.height = `${side}px`;
    context.setTransform(scale, 0, 0, scale, 0, 0);
    context.fillStyle = colour("--ground");
    context.fillRect(margin, margin, side - margin, side - margin);
    this.drawCells(context, colour, font);
    if (named) this.drawNames(context, names, colour("--ink"), nameFont);
    if (this.chosen === undefined) return;
    const [row, column] = this.chosen;
    context.strokeStyle = colour("--ink");
    context.lineWidth = 2;
    context.strokeRect(margin + column * cell, margin + row * cell, cell, cell);
  }

  private drawCells(
    context: CanvasRenderingContext2D,
    colour: (name: string) => string,
    font: (size: number) => string,
  ): void {
    const { order, cell, margin, counts, judgement } = this;
    const [right, wrong, ink] = [colour("--accent"), colour("--fault"), colour("--ink")];
    const [light, gap] = [colour("--sheet"), cell >= 10 ? 1 : 0];
    const numbered = cell >= numberedCell;
    context.textAlign = "center";
    context.textBaseline = "middle";
    context.font = font(Math.min(13, cell * 0.4));
    for (const [row, truth] of order.entries())
      for (const [column, predicted] of order.entries()) {
        const count = counts.get(`${truth} ${predicted}`);
        if (count === undefined) continue;
        const share = count / judgement.perClass[truth]!.count;
        const [x, y] = [margin + column * cell, margin + row * cell];
        context.fillStyle = truth === predicted ? right : wrong;
        // A few mistakes of many images are to be seen, too.
        const strength = truth === predicted ? share : 0.12 + 0.88 * Math.sqrt(share);
        context.globalAlpha = strength;
        context.fillRect(x + gap, y + gap, cell - gap, cell - gap);
        context.globalAlpha = 1;
        if (!numbered) continue;
        context.fillStyle = strength > 0.55 ? light : ink;
        context.fillText(String(count), x + cell / 2, y + cell / 2 + 1, cell - 3);
      }
  }

  private drawNames(
    context: CanvasRenderingContext2D,
    names: readonly string[],
    ink: string,
    font: string,
  ): void {
    const { cell, margin } = this;
    context.font = font;
    context.fillStyle = ink;
    context.textBaseline = "middle";
    for (const [i, name] of names.entries()) {
      const middle = margin + (i + 0.5) * cell;
      context.textAlign = "right";
      context.fillText(name, margin - 6, middle + 1);
      context.save();
      context.translate(middle, margin - 6);
      context.rotate(-Math.PI / 2);
      context.textAlign = "left";
      context.fillText(name, 0, 1);
      context.restore();
    }
  }
}

function shortened(context: CanvasRenderingContext2D, name: string): string {
  if (context.measureText(name).width <= longestName) return name;
  let short = name;
  while (short !== "" && context.measureText(`${short}…`).width > longestName)
    short = short.slice(0, -1);
  return `${short}…`;
}
