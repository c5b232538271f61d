export { describeEngine, openEngine as loadEngine } from "../engine/open.js";
