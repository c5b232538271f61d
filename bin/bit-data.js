#!/usr/bin/env node
import { main } from "../dist/src/cli/bit-data.js";
import { runMain } from "../dist/src/cli/exit.js";

await runMain(main);
