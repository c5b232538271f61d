#!/usr/bin/env node
import { runMain } from "../dist/src/cli/exit.js";
import { main } from "../dist/src/cli/reproduce.js";

await runMain(main);
