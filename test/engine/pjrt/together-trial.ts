/** One of the processes that open a plugin together, as a test starts it: `rank ranks port plugin`. */
import { openPjrtTogether, PjrtError } from "../../../src/engine/pjrt/client.js";
import { RankGroup } from "../../../src/ranks/rank-group.js";

const [rank = 0, ranks = 2, port = 0] = process.argv.slice(2, 5).map(Number);
const plugin = process.argv[5]!;
const trial = process.env["TRIAL"];
const tell = (message: unknown) => console.log(JSON.stringify(message));
const settings = { rank, ranks, port, host: "127.0.0.1", source: "test" };
const group = await RankGroup.meet(settings, { patienceMs: 20_000 });
const { keyValues } = group;
try {
  if (rank === 1 && trial !== "whole") {
    // The first one waits for what this one never puts.
    await keyValues.get("node/0");
    if (trial === "lost") process.kill(process.pid, "SIGKILL");
    await group.watch(new Promise((resolve) => setTimeout(resolve, 30_000)));
  }
  const options = trial === "late" ? { timeout: 300 } : {};
  if (trial === "exit")
    void keyValues.get("node/0").then(() => setTimeout(() => process.exit(3), 200));
  const client = await openPjrtTogether(plugin, options, { rank, ranks, keyValues });
  tell({ process: client.process, devices: client.devices.map(({ id, kind }) => ({ id, kind })) });
  client.close();
  await group.end();
  await keyValues.get("afterwards").catch((error: Error) => tell({ afterwards: error.message }));
} catch (error) {
  tell({ code: error instanceof PjrtError ? error.code : "", message: String(error) });
  await group.fail("it has seen enough");
  process.exit(75);
}
