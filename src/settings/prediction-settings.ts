/** Settings of what a prediction writes beside its rows. */
import type { SettingTable } from "./setting.js";

export const predictionSettings = {
  logits: {
    kind: "path",
    help: "A .npy to write all logits to, float32 [images, classes], in the order of the rows",
    commands: { predict: {} },
  },
  annotate: {
    kind: "path",
    help: "A folder to make: copies of the images with --top classes below each",
    since: "0.2.0",
    otherNames: ["save_dir", "save_images"],
    commands: { predict: {} },
  },
  explain: {
    kind: "path",
    help: "A folder to make: what on each image speaks for its most probable class (Grad-CAM)",
    since: "0.2.0",
    otherNames: ["grad_cam", "cam", "heatmap"],
    commands: { predict: {} },
  },
  explainClass: {
    kind: "text",
    help: "The class that --explain explains, by its name or number",
    otherwise: "each image's most probable",
    since: "0.2.0",
    otherNames: ["target_category", "target_class"],
    commands: { predict: {} },
  },
} as const satisfies SettingTable;
