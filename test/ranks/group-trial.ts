/** A process of a group, as a test starts it: `rank ranks port host`. It tells what happens by lines of JSON. */
import { UserError } from "../../src/errors.js";
import { standstillMs } from "../../src/ranks/pulse.js";
import { RankGroup } from "../../src/ranks/rank-group.js";
import { RanksLost } from "../../src/ranks/ranks-lost.js";

const [rank = 0, ranks = 2, port = 0] = process.argv.slice(2, 5).map(Number);
const host = process.argv[5] ?? "127.0.0.1";
const tell = (message: unknown) => console.log(JSON.stringify(message));
let group: RankGroup | undefined;
try {
  const settings = { rank, ranks, port, host, source: "test" };
  const note = (text: string) => console.error(text);
  group = await RankGroup.meet(settings, { patienceMs: 20_000, note });
  const values = await group.share({ rank, address: group.address });
  tell({ values });
  const order = process.env["TRIAL"];
  if (order === "wait" || order === "busy")
    await group.watch(new Promise((resolve) => setTimeout(resolve, 60_000)));
  if (order === "pause") {
    await group.watch(new Promise((resolve) => setTimeout(resolve, 14_000)));
    group.requireTogether();
  }
  if (order === "absorbed" && rank === 0) {
    for (const until = performance.now() + standstillMs + 3000; performance.now() < until; );
    group.requireTogether();
  }
  if ((order === "mistake" || order === "absorbed") && rank === 1) {
    await group.fail(new UserError("a file", "a mistake", "none", "mend it"));
    process.exit(2);
  }
  if (order === "fail" && rank === 1) {
    await group.fail(new Error("a reason"));
    process.exit(2);
  }
  await group.share("second");
  await group.end();
  tell({ ended: true });
} catch (error) {
  const lost = error instanceof RanksLost;
  const mistake = lost && error.mistake;
  tell({ lost, mistake, message: String(error), ms: Date.now() });
  process.exit(75);
}
