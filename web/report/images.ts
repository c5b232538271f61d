/** Images with the model's answers: the worst mistakes, and those that it is least sure of. */
import type {
  HeatMap,
  LikeImage,
  Picture,
  ReportedRun,
  ReportJudgement,
  ShownImage,
} from "../../src/report/report-data.js";
import { quoted } from "../../src/settings/shell-word.js";
import { count, counted, percent } from "../words.js";
import { heatLegend, heatPicture, isCold } from "./heat-picture.js";
import { bar, make, part } from "./make.js";

/** Cards that are shown until all are asked for. */
const first = 6;

/** The wrong answers that the model is surest of. */
export function worstMistakes(
  judgement: ReportJudgement,
  run: Pick<ReportedRun, "path" | "settings">,
): HTMLElement {
  const { mistakes, worst, count: images } = judgement;
  const lead =
    mistakes === 0
      ? `All ${count(images)} held-out images were judged right.`
      : `${count(mistakes)} of ${counted(images, "held-out image")} were judged wrong; the surest of these ` +
        "first. Beside each is what on it speaks for either class, where that is known, and the training image " +
        "of both that the model finds most like it: a label may be wrong, two classes may look alike, or the model looks at something else, " +
        "such as what is behind. Pictures are what the network sees: of transparent parts, the colours that " +
        "the file has beneath.";
  const made = cards(worst, judgement, true);
  return part("mistakes", "Worst mistakes", lead, made, nearest(judgement, run));
}

/** The images of whose classes the model is least sure. */
export function leastSure(judgement: ReportJudgement): HTMLElement {
  const lead =
    "Images whose most probable class has the lowest probability, right or wrong: where more training " +
    "images of a kind would help most.";
  return part("unsure", "Least sure", lead, cards(judgement.unsure, judgement, false));
}

/** How to find the training images that made the model answer so. */
function nearest(
  { worst: [first] }: ReportJudgement,
  { path, settings: { dataset = "" } }: Pick<ReportedRun, "path" | "settings">,
): HTMLElement | undefined {
  // Of an image folder alone, and of images that are files of their own.
  if (first === undefined || !first.name.startsWith(`${dataset}/`)) return undefined;
  if (/ \(record \d+\)$/.test(first.name)) return undefined;
  const words = ["npx", "bit-find", first.name, "--in", dataset, "--run", path].map(quoted);
  const what = "The images that the model finds most like one, with their classes: ";
  return make("p", { class: "quiet small where" }, what, make("code", {}, words.join(" ")));
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
  const map = images.find(({ heat = [] }) => heat.length > 0)?.heat?.[0];
  const legend = map === undefined ? undefined : heatLegend(map);
  return make("div", {}, legend, list, more, where);
}

function card(
  { name, truth, top, picture, heat = [], like = [] }: ShownImage,
  { classNames, samples, places, confusion, perClass }: ReportJudgement,
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
  // Of a mistake both classes, one beside the other; of the others there is room for one.
  const seen = heat.filter(({ label }) => compare || label === taken);
  const compared = (compare ? [taken, truth] : wrong && seen.length === 0 ? [taken] : []).flatMap(
    (label) => {
      const name = nameOf(label);
      const near = like.find((one) => one.label === label);
      if (near !== undefined) return [shown(near.picture, name, mostLike(near, name))];
      const sample = samples[label];
      return sample === undefined ? [] : [shown(sample, name, `a training image of ${name}`)];
    },
  );
  const often = confusion.find(([from, to]) => from === truth && to === taken)?.[2];
  const pattern =
    compare && often !== undefined
      ? make(
          "p",
          { class: "quiet small" },
          `${count(often)} of ${counted(perClass[truth]!.count, "image")} of ${nameOf(truth)} ` +
            `${often === 1 ? "is" : "are"} taken for ${nameOf(taken)}.`,
        )
      : undefined;
  const title = wrong
    ? make("h3", {}, nameOf(truth), make("span", { class: "quiet" }, " taken for "), nameOf(taken))
    : make("h3", {}, nameOf(truth), make("span", { class: "quiet" }, ", judged right"));
  const missing = top.some(([label]) => label === truth)
    ? undefined
    : make("p", { class: "quiet small" }, `${nameOf(truth)} is not among the first ${places}.`);
  return make(
    "li",
    { class: compare ? "sheet card wide" : "sheet card" },
    make(
      "div",
      { class: "pictures" },
      shown(picture, nameOf(truth), "the image"),
      ...(picture === undefined ? [] : seen.map((map) => heatFigure(picture, map, nameOf))),
      ...compared,
    ),
    make(
      "div",
      { class: "answer" },
      title,
      make("ol", { class: "top" }, ...rows),
      missing,
      pattern,
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

function mostLike({ among, all }: LikeImage, name: string): string {
  const which = among < all ? `of ${among} of ${count(all)} training images` : "training image";
  return `most like it: ${which} of ${name}`;
}

/** What on an image speaks for a class. */
function heatFigure(
  picture: Picture,
  map: HeatMap,
  nameOf: (label: number) => string,
): HTMLElement {
  const name = nameOf(map.label);
  const what = isCold(map) ? `nothing on it speaks for ${name}` : `what speaks for ${name}`;
  const frame = make("div", { class: "frame" }, fitted(heatPicture(picture, map, what), picture));
  return make("figure", {}, frame, make("figcaption", { title: what }, what));
}

/** An element as wide or high as its frame, in the shape of the image, of which the picture is square. */
function fitted<T extends HTMLElement>(made: T, { width, height }: Picture): T {
  made.style.aspectRatio = `${width} / ${height}`;
  made.classList.toggle("tall", height > width);
  made.classList.toggle("tiny", Math.max(width, height) <= 64);
  return made;
}

function mark(): HTMLElement {
  return make("span", { class: "mark" }, "its label");
}

function shown(picture: Picture | undefined, label: string, what: string): HTMLElement {
  const caption = make("figcaption", { title: what }, what);
  if (picture === undefined)
    return make("figure", {}, make("div", { class: "none" }, "no picture"), caption);
  const image = make("img", { src: picture.url, alt: `${what}: ${label}`, decoding: "async" });
  fitted(image, picture);
  return make("figure", {}, make("div", { class: "frame" }, image), caption);
}
