/** `node dist/bench/gpu/make-references.js` writes bench/gpu/references.json: the checked step in the CPU's engine. */
import { writeFileSync } from "node:fs";
import { openEngine } from "../../src/engine/open.js";
import { checkedStep, referencesFile } from "./references.js";
import { sessionLosses } from "./session-losses.js";
import { graphOf } from "./step.js";

const session = openEngine().open(await graphOf(checkedStep));
const losses = await sessionLosses(session, checkedStep);
writeFileSync(referencesFile, `${JSON.stringify({ losses }, null, 2)}\n`);
console.log(losses.join(" "));
