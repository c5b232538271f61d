/** `npm run docs`: writes the pages that follow from tables in the code. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { commandsPage } from "../src/cli/commands-page.js";
import { packageRoot } from "../src/package-root.js";

await writeFile(join(packageRoot, "docs", "commands.md"), commandsPage());
