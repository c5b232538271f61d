#!/usr/bin/env node
import { start } from "../dist/src/cli/start.js";

await start(() => import("../dist/src/cli/bit-setup.js"));
