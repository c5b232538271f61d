/** Images with the model's answers: the worst mistakes, and those that it is least sure of. */
import type { Picture, ReportJudgement, ShownImage } from "../../src/report/report-data.js";
import { count, counted, percent } from "../words.js";
import { bar, make, part } from "./make.js";

/** Cards that are shown until all are asked for. */
const first = 6;

/** The wrong answers that the model is surest of. */
export function worstMistakes(judgement: ReportJudgement): HTMLElement {
  const { mistakes, worst, count: images } = judgement;
  const lead =
    mistakes === 0
      ? `All ${count(images)} held-out images were judged right.`
      : `${count(mistakes)} of ${counted(images, "held-out image")} were judged wrong; the surest of these ` +
        "first. Beside each is a training image of the class that it was taken for: a label may be wrong, " +
        "two classes may look alike, or the image may show something unusual.";
  return part("mistakes", "Worst mistakes", lead, cards(worst, judgement, true));
}

/** The images of whose classes the model is least sure. */
export function leastSure(judgement: ReportJudgement): HTMLElement {
  const lead =
    "Images whose most probable class has the lowest probability, right or wrong: where more training " +
    "images of a kind would help most.";
  return part("unsure", "Least sure", lead, cards(judgement.unsure, judgement, false));
}

function cards(
  images: readonly ShownImage[],
  judgement: ReportJudgement,
  compare: boolean,
): HTMLElement {
  const folder = commonFolder([...judgement.worst, ...judgement.unsure]);
  const made = images.map((image) => card(image, judgement, { compare, folder }));
  const list = make("ol", { class: "cards" }, ...made);
  const rest = made.slice(first);
  for (const one of rest) one.hidden = true;
  const more = make("button", { type: "button", class: "more" }, `Show all ${made.length}`);
  more.hidden = rest.length === 0;
  more.addEventListener("click", () => {
    for (const one of rest) one.hidden = false;
    more.hidden = true;
  });
  const where =
    folder === "" || made.length === 0
      ? undefined
      : make("p", { class: "quiet small where" }, "The files are below ", make("code", {}, folder));
  return make("div", {}, list, more, where);
}

function card(
  { name, truth, top, picture }: ShownImage,
  { classNames, samples, places }: ReportJudgement,
  { compare, folder }: { readonly compare: boolean; readonly folder: string },
): HTMLElement {
  const [best] = top;
  const taken = best![0];
  const nameOf = (label: number) => classNames[label] ?? `class ${label}`;
  const wrong = taken !== truth;
  const rows = top.map(([label, probability]) =>
    make(
      "li",
      { class: label === truth ? "true" : undefined },
      make("span", { class: "name" }, nameOf(label), label === truth ? mark() : undefined),
      make("span", { class: "percent" }, percent(probability)),
      bar(probability, label === truth ? "right" : "wrong"),
    ),
  );
  const sample = compare || wrong ? samples[taken] : undefined;
  const title = wrong
    ? make("h3", {}, nameOf(truth), make("span", { class: "quiet" }, " taken for "), nameOf(taken))
    : make("h3", {}, nameOf(truth), make("span", { class: "quiet" }, ", judged right"));
  const missing = top.some(([label]) => label === truth)
    ? undefined
    : make("p", { class: "quiet small" }, `${nameOf(truth)} is not among the first ${places}.`);
  return make(
    "li",
    { class: "sheet card" },
    make(
      "div",
      { class: "pictures" },
      shown(picture, nameOf(truth), "the image"),
      sample ? shown(sample, nameOf(taken), `a ${quoted(nameOf(taken))}`) : undefined,
    ),
    make(
      "div",
      { class: "answer" },
      title,
      make("ol", { class: "top" }, ...rows),
      missing,
      make("p", { class: "path", title: name }, name.slice(folder.length)),
    ),
  );
}

/** The folder below which all images are, with its `/`; empty where they have none in common. */
function commonFolder(images: readonly ShownImage[]): string {
  let [common = ""] = images.map(({ name }) => name);
  for (const { name } of images) {
    let same = 0;
    while (same < common.length && common[same] === name[same]) same++;
    common = common.slice(0, same);
  }
  return common.slice(0, common.lastIndexOf("/") + 1);
}

function quoted(name: string): string {
  return `training image of ${name}`;
}

function mark(): HTMLElement {
  return make("span", { class: "mark" }, "its label");
}

function shown(picture: Picture | undefined, label: string, what: string): HTMLElement {
  const caption = make("figcaption", { title: what }, what);
  if (picture === undefined)
    return make("figure", {}, make("div", { class: "none" }, "no picture"), caption);
  const { url, width, height } = picture;
  const image = make("img", {
    src: url,
    alt: `${what}: ${label}`,
    decoding: "async",
  });
  // The picture is square; the image is as it was.
  image.style.aspectRatio = `${width} / ${height}`;
  image.classList.toggle("tall", height > width);
  image.classList.toggle("tiny", Math.max(width, height) <= 64);
  return make("figure", {}, make("div", { class: "frame" }, image), caption);
}
