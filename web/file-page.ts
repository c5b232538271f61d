/** The page that `bit-export --to page` writes: all of it in one file. */
import { ownClassifier } from "./classifier.js";
import { startPage } from "./page.js";

startPage(
  ownClassifier,
  "Photos are looked at on this device, by this file alone. Nothing is sent anywhere.",
);
