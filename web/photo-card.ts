/** A photo of the list, with what the model makes of it. */
import { copyOf, element } from "./elements.js";
import type { Classified, HeatMap } from "./messages.js";
import { percent } from "./words.js";

export class PhotoCard {
  readonly node = copyOf("photo");
  classified: Classified | undefined;
  failure: string | undefined;
  private readonly address: string;
  private readonly canvas = element(HTMLCanvasElement, "canvas", this.node);
  private readonly told = element(HTMLElement, ".told", this.node);

  constructor(readonly photo: File) {
    this.address = URL.createObjectURL(photo);
    const title = element(HTMLElement, "h3", this.node);
    title.textContent = photo.name;
    title.title = photo.name;
    const image = element(HTMLImageElement, "img", this.node);
    image.alt = photo.name;
    image.src = this.address;
  }

  /** Told that the photo is looked at now. */
  begin(): void {
    this.told.textContent = "Looking at it …";
  }

  /** Shows the model's answer. */
  show(classified: Classified, withHeat: boolean): void {
    this.classified = classified;
    this.told.hidden = true;
    const shares = classified.top.map(({ name, probability }) => {
      const row = copyOf("share");
      element(HTMLElement, ".name", row).textContent = name;
      element(HTMLElement, ".percent", row).textContent = percent(probability);
      element(HTMLElement, ".track span", row).style.width = `${100 * probability}%`;
      return row;
    });
    element(HTMLElement, ".top", this.node).replaceChildren(...shares);
    const notes = element(HTMLElement, ".notes", this.node);
    notes.textContent = classified.notes.join(" ");
    notes.hidden = classified.notes.length === 0;
    this.showHeat(withHeat);
  }

  /** Shows that the photo cannot be used. */
  fail(reason: string): void {
    this.failure = reason;
    this.node.classList.add("failed");
    this.told.textContent = reason;
    element(HTMLElement, "figure", this.node).hidden = true;
  }

  /** Shows or hides what in the photo speaks for the likeliest class. */
  showHeat(shown: boolean): void {
    const heat = this.classified?.heat;
    const isHot = shown && heat !== undefined;
    this.canvas.hidden = !isHot;
    this.node.classList.toggle("hot", isHot);
    if (isHot) drawHeat(this.canvas, heat);
  }

  /** What the card says, in a sentence. */
  get sentence(): string {
    const [best] = this.classified?.top ?? [];
    if (best === undefined) return `${this.photo.name}: ${this.failure ?? "waiting"}`;
    return `${this.photo.name}: ${best.name}, ${percent(best.probability)}`;
  }

  /** Lets go of the photo. */
  close(): void {
    URL.revokeObjectURL(this.address);
    this.node.remove();
  }
}

/**
 * Draws the likeliest class's map over the photo, small as it is: the browser smooths it as it grows. What
 * speaks against the class stays clear.
 */
function drawHeat(canvas: HTMLCanvasElement, { height, width, maps }: HeatMap): void {
  const [map] = maps;
  const context = canvas.getContext("2d");
  if (map === undefined || context === null) return;
  canvas.width = width;
  canvas.height = height;
  const most = map.reduce((largest, value) => Math.max(largest, value), 0);
  const pixels = context.createImageData(width, height);
  map.forEach((value, place) => {
    const share = most > 0 ? Math.max(0, value / most) : 0;
    pixels.data.set([255, Math.round(190 * (1 - share)), 0, Math.round(190 * share)], 4 * place);
  });
  context.putImageData(pixels, 0, 0);
}
