import { once } from "node:events";
import { createServer } from "node:net";

/** A port of an address of this machine that nobody uses. */
export async function freePort(address = "127.0.0.1"): Promise<number> {
  const server = createServer().listen(0, address);
  await once(server, "listening");
  const bound = server.address();
  server.close();
  return typeof bound === "object" && bound !== null ? bound.port : 0;
}
