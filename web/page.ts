/** A page that classifies photos: what people do to it, and what it shows. */
import type { PageSubject } from "../src/export/page/page-model.js";
import { offerCamera } from "./camera.js";
import type { Classifier, LoadProgress } from "./classifier.js";
import { csvOf } from "./csv.js";
import { element } from "./elements.js";
import { PhotoCard } from "./photo-card.js";

/**
 * Starts a page on what computes for it.
 * @param promise what becomes of photos, in words for people
 */
export function startPage(open: (progress: LoadProgress) => Classifier, promise: string): void {
  element(HTMLElement, "#promise").textContent = promise;
  try {
    new Page(open);
  } catch (error) {
    showFault(error);
  }
}

function showFault(error: unknown): void {
  const fault = element(HTMLElement, "#fault");
  fault.textContent = error instanceof Error ? error.message : String(error);
  fault.hidden = false;
  element(HTMLElement, "#state").hidden = true;
}

class Page {
  private readonly classifier: Classifier;
  private readonly photos = element(HTMLElement, "#photos");
  private readonly heat = element(HTMLInputElement, "#heat");
  private readonly progress = element(HTMLProgressElement, "#progress");
  private cards: PhotoCard[] = [];
  private isRunning = false;

  constructor(open: (progress: LoadProgress) => Classifier) {
    this.say("Reading the model …");
    this.classifier = open((share) => {
      this.progress.value = share;
      this.say(share < 1 ? `Reading the model: ${Math.round(100 * share)} %` : "Getting ready …");
    });
    this.describe(this.classifier.subject);
    this.takePhotos();
    this.offerActions();
    this.classifier.ready.then(
      (computes) => {
        this.rest(`Ready. Computed by ${computes}.`);
        void this.work();
      },
      (error: unknown) => showFault(error),
    );
  }

  private describe(subject: PageSubject): void {
    const { model, classes, classNames, size, details } = subject;
    document.title = `${model}: photo classifier`;
    element(HTMLElement, "#title").textContent = model;
    const rows: (readonly [string, string])[] = [
      ["Model", model],
      ["Classes", String(classes)],
      ["Photos", `squashed to ${size === undefined ? "a square" : `${size} x ${size} pixels`}`],
      ...details,
    ];
    const cells = rows.flatMap(([heading, text]) => [cell("dt", heading), cell("dd", text)]);
    element(HTMLElement, "#about").replaceChildren(...cells);
    const list = element(HTMLElement, "#classes ol");
    element(HTMLElement, "#classes").hidden = classNames === undefined;
    // Thousands of names are laid out only for who wants to see them.
    element(HTMLDetailsElement, "#classes").addEventListener(
      "toggle",
      () => list.replaceChildren(...(classNames ?? []).map((name) => cell("li", name))),
      { once: true },
    );
  }

  private takePhotos(): void {
    const files = element(HTMLInputElement, "#files");
    element(HTMLElement, "#choose").addEventListener("click", () => files.click());
    files.addEventListener("change", () => {
      this.add([...(files.files ?? [])]);
      files.value = "";
    });
    offerCamera((photos) => this.add(photos));
    addEventListener("paste", ({ clipboardData }) => this.add([...(clipboardData?.files ?? [])]));
    let inside = 0;
    const drag = (change: number) => (event: DragEvent) => {
      event.preventDefault();
      inside = Math.max(0, inside + change);
      document.body.classList.toggle("dragging", inside > 0);
    };
    addEventListener("dragenter", drag(1));
    addEventListener("dragleave", drag(-1));
    addEventListener("dragover", (event) => event.preventDefault());
    addEventListener("drop", (event) => {
      drag(Number.NEGATIVE_INFINITY)(event);
      this.add([...(event.dataTransfer?.files ?? [])]);
    });
  }

  private offerActions(): void {
    this.heat.addEventListener("change", () => {
      for (const card of this.cards) card.showHeat(this.heat.checked);
    });
    element(HTMLElement, "#save").addEventListener("click", () => this.save());
    element(HTMLElement, "#clear").addEventListener("click", () => {
      for (const card of this.cards) card.close();
      this.cards = [];
      this.show();
      element(HTMLElement, "#choose").focus();
    });
  }

  private add(files: readonly File[]): void {
    for (const file of files) {
      const card = new PhotoCard(file);
      this.cards.push(card);
      this.photos.append(card.node);
    }
    this.show();
    void this.work();
  }

  private show(): void {
    const some = this.cards.length > 0;
    document.body.classList.toggle("some", some);
    element(HTMLElement, "#results").hidden = !some;
    const withHeat = this.cards.some((card) => card.classified?.heat !== undefined);
    element(HTMLElement, "#heat-choice").hidden = !withHeat;
  }

  /** Classifies what waits, one photo after the other. */
  private async work(): Promise<void> {
    if (this.isRunning) return;
    this.isRunning = true;
    try {
      await this.classifier.ready;
      for (let card = this.next(); card !== undefined; card = this.next())
        await this.classify(card);
    } catch {
      // That nothing can compute has been said.
    } finally {
      this.isRunning = false;
    }
  }

  private next(): PhotoCard | undefined {
    return this.cards.find((card) => card.classified === undefined && card.failure === undefined);
  }

  private async classify(card: PhotoCard): Promise<void> {
    const total = this.cards.length;
    const place = this.cards.indexOf(card) + 1;
    document.body.classList.remove("quiet");
    this.progress.value = (place - 1) / total;
    this.say(`Photo ${place} of ${total} …`);
    card.begin();
    try {
      const classified = await this.classifier.classify(card.photo);
      card.show(classified, this.heat.checked);
      // For programs that drive the page, such as its tests: the logits of all classes.
      const detail = { name: card.photo.name, ...classified };
      card.node.dispatchEvent(new CustomEvent("classified", { bubbles: true, detail }));
    } catch (error) {
      card.fail(error instanceof Error ? error.message : String(error));
    }
    this.show();
    if (!this.cards.includes(card)) return;
    element(HTMLElement, "#news").textContent = card.sentence;
    if (this.next() === undefined) this.rest(this.summary());
  }

  private summary(): string {
    const times = this.cards.flatMap(({ classified }) => classified?.elapsedMs ?? []);
    const failed = this.cards.filter((card) => card.failure !== undefined).length;
    const mean = times.reduce((sum, ms) => sum + ms, 0) / times.length;
    const done = times.length === 1 ? "1 photo" : `${times.length} photos`;
    const each = times.length > 1 ? " each" : "";
    const speed = times.length === 0 ? "" : `, ${(mean / 1000).toFixed(2)} s${each}`;
    return `${done}${speed}.${failed > 0 ? ` ${failed} could not be used.` : ""}`;
  }

  private save(): void {
    const rows = this.cards.map(({ photo: { name }, classified, failure }) => {
      return { name, top: classified?.top ?? [], failure };
    });
    // The mark tells spreadsheets that it is UTF-8.
    const table = new Blob(["\ufeff", csvOf(rows)], { type: "text/csv" });
    const link = document.createElement("a");
    link.href = URL.createObjectURL(table);
    link.download = `${this.classifier.subject.model.replaceAll("/", "-")}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 60_000);
  }

  private rest(text: string): void {
    document.body.classList.add("quiet");
    this.say(text);
  }

  private say(text: string): void {
    element(HTMLElement, "#status").textContent = text;
  }
}

function cell(kind: "dt" | "dd" | "li", text: string): HTMLElement {
  const made = document.createElement(kind);
  made.textContent = text;
  return made;
}
