/**
 * What a stored label says: one class of an image, by its number or in words. Whatever could mean several
 * classes, a part of one or none is refused rather than guessed at.
 */

/** An example as it was written, but not of one image with one class. */
export class UnfitExample extends Error {}

/** The class of an image as its shard has it. */
export type LabelValue =
  /** A class's number; `width` where it was stored as a vector of so many, one of them 1. */
  | { readonly kind: "number"; readonly number: number; readonly width?: number | undefined }
  | { readonly kind: "word"; readonly word: string };

/**
 * A label stored as numbers: a class's number, or a vector of zeros with a single 1.
 * @throws UnfitExample that says what it is instead
 */
export function labelOfNumbers(values: readonly number[]): LabelValue {
  if (values.length === 0) throw new UnfitExample("holds no number");
  if (values.length > 1)
    return { kind: "number", number: placeOfOne(values), width: values.length };
  const number = values[0]!;
  if (!Number.isSafeInteger(number))
    throw new UnfitExample(`holds ${number}, which is no number of a class`);
  if (number < 0) throw new UnfitExample(`holds ${number}, which says that the image has no label`);
  return { kind: "number", number: number === 0 ? 0 : number };
}

/**
 * A label stored as text: a class in words, or its number in digits.
 * @param values one text
 * @throws UnfitExample that says what it is instead
 */
export function labelOfText(values: readonly (Uint8Array | string)[]): LabelValue {
  if (values.length !== 1)
    throw new UnfitExample(`holds ${values.length} texts, and one class is expected`);
  const text = textOf(values[0]!);
  if (text === undefined) throw new UnfitExample("holds bytes that are no text");
  if (text === "") throw new UnfitExample("holds an empty text");
  if (/^-\d+$/.test(text))
    throw new UnfitExample(`holds ${text}, which says that the image has no label`);
  return { kind: "word", word: text };
}

/** A text without blanks around it; undefined where the bytes are none, as of a serialized tensor. */
export function textOf(value: Uint8Array | string): string | undefined {
  try {
    const text = typeof value === "string" ? value : decoder.decode(value);
    return /\p{Cc}/u.test(text.trim()) ? undefined : text.trim();
  } catch {
    return undefined;
  }
}

/**
 * One label out of several that an example has, by name: a number and its word, a number and its vector.
 * @param labels one or more
 * @throws UnfitExample where two of them differ
 */
export function labelAmong(labels: readonly (readonly [string, LabelValue])[]): {
  readonly label: LabelValue;
  readonly word: string | undefined;
} {
  const chosen = (kind: LabelValue["kind"]) => {
    const [first, ...others] = labels.filter(([, label]) => label.kind === kind);
    const other = others.find(([, label]) => saying(label) !== saying(first![1]));
    if (other === undefined) return first?.[1];
    throw new UnfitExample(
      `two labels that differ: ` +
        `${first![0]} (${saying(first![1])}) and ${other[0]} (${saying(other[1])})`,
    );
  };
  const number = chosen("number");
  const word = chosen("word");
  const label = number ?? word!;
  return { label, word: number !== undefined && word?.kind === "word" ? word.word : undefined };
}

function saying(label: LabelValue): string {
  return label.kind === "word" ? label.word : String(label.number);
}

/** Of a one-hot vector, the index of its 1. */
function placeOfOne(values: readonly number[]): number {
  const ones = values.filter((value) => value === 1).length;
  const zeros = values.filter((value) => value === 0).length;
  if (ones === 1 && zeros === values.length - 1) return values.indexOf(1);
  const shown = values.slice(0, 6).map((value) => String(Number(value.toPrecision(4))));
  const more = values.length > 6 ? ", ..." : "";
  const held = `holds ${values.length} numbers (${shown.join(", ")}${more})`;
  if (zeros === values.length) throw new UnfitExample(`${held}, all 0: no class at all`);
  if (values.every(Number.isInteger))
    throw new UnfitExample(`${held}: several labels, and one class is expected`);
  throw new UnfitExample(`${held}: parts of several classes, and one class is expected`);
}

const decoder = new TextDecoder("utf-8", { fatal: true });
