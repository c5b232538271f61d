/** The connection to one other process. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { type TestContext, test } from "node:test";
import { setTimeout as sleep } from "node:timers/promises";
import { Peer } from "../../src/ranks/peer.js";

/** A peer, and the other end of its connection. */
async function peerAndOther(t: TestContext, lost: (why: string) => void) {
  const server = createServer().listen(0, "127.0.0.1");
  t.after(() => server.close());
  await once(server, "listening");
  const address = server.address();
  assert.ok(typeof address === "object" && address !== null);
  const accepted = once(server, "connection");
  const socket = connect(address.port, "127.0.0.1");
  const peer = new Peer(socket, "rank 1", { message: () => undefined, lost });
  t.after(() => peer.close());
  const [other] = (await accepted) as [Socket];
  return { peer, socket, other };
}

test("one that is asked, and ends its work instead of answering, counts as having answered", async (t) => {
  const { peer, socket, other } = await peerAndOther(t, (why) => assert.fail(why));
  let answers = 0;
  peer.mayLeave();
  peer.ask(() => answers++);
  await sleep(100);
  assert.equal(answers, 0);
  other.destroy();
  await once(socket, "close");
  assert.equal(answers, 1);
});

test("one that is asked, and ends before its work is done, is lost and has not answered", async (t) => {
  const told: string[] = [];
  const { peer, socket, other } = await peerAndOther(t, (why) => told.push(why));
  peer.ask(() => told.push("answered"));
  other.destroy();
  await once(socket, "close");
  assert.deepEqual(told, ["rank 1 has ended"]);
});
