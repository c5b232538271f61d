/** The page that `bit-serve` shows: photos go to the server. */
import { startPage } from "./page.js";
import { serverClassifier } from "./server-classifier.js";

startPage(serverClassifier, "Photos are sent to this page's server, and nowhere else.");
