/** One row of the benchmark in a process of its own: `node bench/row.mjs TASK`, a RowTask as JSON. */
import { runRow } from "../dist/bench/suite/row.js";

console.log(JSON.stringify(await runRow(JSON.parse(process.argv[2]))));
