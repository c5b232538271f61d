/** The labels of a part, by its own classes and by others. */

import { exampleName } from "../dataset.js";
import { classKey } from "./class-alignment.js";
import type { ListedPart } from "./listed-dataset.js";

/** What tells a part's classes from each other. */
export function keysOf({ classKeys, classNames }: ListedPart): readonly string[] {
  return classKeys ?? classNames.map(classKey);
}

/** Images with other labels. `indices`: the new one for each old one. */
export function relabelled<Images extends { readonly labels: Int32Array }>(
  images: Images,
  indices: ArrayLike<number>,
): Images {
  return { ...images, labels: images.labels.map((label) => indices[label]!) };
}

/** A part without the classes of which it has no image: an empty folder among held-out ones means nothing. */
export function withPresentClasses(part: ListedPart): ListedPart {
  const present = [...new Set(part.images.labels)].sort((a, b) => a - b);
  if (present.length === part.classNames.length) return part;
  const indexOf = new Map(present.map((label, index) => [label, index]));
  const { classKeys } = part;
  return {
    ...part,
    classNames: present.map((label) => part.classNames[label]!),
    classKeys: classKeys && present.map((label) => classKeys[label]!),
    images: { ...part.images, labels: part.images.labels.map((label) => indexOf.get(label)!) },
  };
}

/** How messages name the first image of a class. */
export function firstOf({ images }: ListedPart, label: number): string | undefined {
  const index = images.labels.indexOf(label);
  if (index < 0) return undefined;
  if ("paths" in images) return images.nameOf?.(index) ?? exampleName(images, index);
  return images.images.kind === "files" ? exampleName(images.images, index) : undefined;
}
