/** A type by itself: programs that name it need no types of TF.js. */

/** What is shown of each image besides the image itself: logits are the mean of both. */
export type TestTimeAugmentation = "flip";
