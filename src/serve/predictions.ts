/** What the model makes of the images of one request. */
import type { Model } from "../library/model.js";
import { Refusal } from "./refusal.js";
import type { UploadedImage } from "./uploaded-images.js";

/** What a client asks for in the address. */
export interface PredictQuery {
  /** So many classes of each image. */
  readonly top: number;
  /** What becomes of a request with an image that cannot be used. */
  readonly badImages: "refuse" | "skip";
  /** Whether the answer has the logits of all classes. */
  readonly logits: boolean;
}

/** A row of the answer. Classes are as `bit-predict --json` prints them. */
export type PredictedImage =
  | {
      readonly source: string;
      readonly top: readonly {
        readonly class: number;
        readonly probability: number;
        readonly name: string;
      }[];
      readonly logits?: readonly number[];
    }
  | { readonly source: string; readonly skipped: string };

/**
 * Reads what stands behind the question mark.
 * @throws Refusal 400 at what is none of it
 */
export function parseQuery(
  query: URLSearchParams,
  otherwise: { readonly top: number },
): PredictQuery {
  let asked: PredictQuery = { top: otherwise.top, badImages: "refuse", logits: false };
  for (const [name, value] of query) {
    if (name === "top" && /^[1-9]\d{0,8}$/.test(value)) asked = { ...asked, top: Number(value) };
    else if (name === "bad_images" && (value === "refuse" || value === "skip"))
      asked = { ...asked, badImages: value };
    else if (name === "logits" && (value === "true" || value === "false"))
      asked = { ...asked, logits: value === "true" };
    else
      throw new Refusal(400, {
        error: `${name.slice(0, mostShown)}=${value.slice(0, mostShown)} in the address`,
        expected: "top=1 and up, bad_images=refuse or skip, logits=true or false",
      });
  }
  return asked;
}

const mostShown = 80;

/**
 * Predicts.
 * @throws Refusal 400 where images cannot be used and are not to be skipped, or none is left
 * @throws the signal's reason
 */
export async function predictImages(
  model: Model,
  images: readonly UploadedImage[],
  { top, badImages, logits: withLogits }: PredictQuery,
  signal: AbortSignal,
): Promise<PredictedImage[]> {
  const rows: PredictedImage[] = [];
  const bad: { source: string; error: string }[] = [];
  const bytes = images.map((image) => image.bytes);
  let expected = "";
  for await (const one of model.predict(bytes, { top, badImages: "report", signal })) {
    const { source } = images[one.index]!;
    if (one.error === undefined) {
      const named = one.top.map(({ index, probability }) => {
        return { class: index, probability, name: model.classNames?.[index] ?? `${index}` };
      });
      const logits = withLogits ? { logits: Array.from(one.logits) } : {};
      rows.push({ source, top: named, ...logits });
    } else {
      bad.push({ source, error: one.error.got });
      rows.push({ source, skipped: one.error.got });
      ({ expected } = one.error);
    }
  }
  if (bad.length > 0 && (badImages === "refuse" || bad.length === images.length))
    throw new BadImages(bad, images.length, expected);
  return rows;
}

/** Images that cannot be used, and are not to be skipped. */
export class BadImages extends Refusal {
  constructor(
    readonly bad: readonly { readonly source: string; readonly error: string }[],
    images: number,
    expected: string,
  ) {
    const [first] = bad;
    const error =
      images === 1
        ? `the image ${first!.error}`
        : `${bad.length} of ${images} images cannot be used`;
    super(400, { error, expected, ...(images === 1 ? {} : { images: bad }) });
  }
}
