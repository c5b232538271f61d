/** A part of a dataset with so many images of each class, of one pixel. */
export function labelled(counts: readonly number[]) {
  const labels = counts.flatMap((count, label) => Array.from({ length: count }, () => label));
  const pixels = new Uint8Array(3 * labels.length);
  return {
    images: { kind: "pixels", pixels, height: 1, width: 1 },
    labels: Int32Array.from(labels),
  } as const;
}
