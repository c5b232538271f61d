#!/usr/bin/env node
import { main } from "../dist/src/cli/bit-bench.js";
import { runMain } from "../dist/src/cli/exit.js";

await runMain(main);
