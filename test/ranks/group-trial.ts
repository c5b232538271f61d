/** A process of a group, as a test starts it: `rank ranks port`. It tells what happens by lines of JSON. */
import { RankGroup, RanksLost } from "../../src/ranks/rank-group.js";

const [rank = 0, ranks = 2, port = 0] = process.argv.slice(2).map(Number);
const tell = (message: unknown) => console.log(JSON.stringify(message));
try {
  const settings = { rank, ranks, port, host: "127.0.0.1", source: "test" };
  const group = await RankGroup.meet(settings, 20_000);
  const values = await group.share({ rank, address: group.address });
  tell({ values });
  const order = process.env["TRIAL"];
  if (order === "wait") await group.watch(new Promise((resolve) => setTimeout(resolve, 60_000)));
  if (order === "fail" && rank === 1) {
    await group.fail("a reason");
    process.exit(2);
  }
  await group.share("second");
  await group.end();
  tell({ ended: true });
} catch (error) {
  tell({ lost: error instanceof RanksLost, message: String(error), ms: Date.now() });
  process.exit(75);
}
