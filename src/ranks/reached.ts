/** Whether another process is reached, which a firewall between machines may keep from it. */
import { once } from "node:events";
import { connect, isIP, type Socket } from "node:net";
import { addressesOf, type Endpoint } from "./address.js";

const withinMs = 10_000;
const noAnswer = `no answer within ${withinMs / 1000} s`;

/** A connection to a process; why there is none, where it does not come within 10 seconds. */
export function reached({ host, port }: Endpoint): Promise<Socket | string> {
  return new Promise((resolve) => {
    const socket = connect({ host, port });
    const fail = (why: string) => {
      socket.destroy();
      resolve(why);
    };
    const timer = setTimeout(() => fail(noAnswer), withinMs);
    const refused = (error: Error) => {
      clearTimeout(timer);
      fail(error.message);
    };
    socket.once("error", refused);
    socket.once("connect", () => {
      clearTimeout(timer);
      socket.off("error", refused);
      resolve(socket);
    });
  });
}

/**
 * A connection to a process, by another address of its machine's name at each try.
 * @param leaveFrom own addresses that it may take; undefined: whichever the system takes
 * @param tries how many there were
 * @throws Error where there is no such name, no way, or no answer
 */
export async function connected(
  { host, port }: Endpoint,
  leaveFrom: readonly string[] | undefined,
  tries: number,
): Promise<Socket> {
  const addresses = await addressesOf(host);
  const from = (to: string) => leaveFrom?.find((own) => isIP(own) === isIP(to));
  const open = addresses.filter((to) => leaveFrom === undefined || from(to) !== undefined);
  const to = open[tries % open.length];
  if (to === undefined)
    throw new Error(`from ${leaveFrom?.join(", ")} there is no way to ${addresses.join(", ")}`);
  const localAddress = from(to);
  const socket = connect({ host: to, port, ...(localAddress !== undefined && { localAddress }) });
  try {
    await once(socket, "connect", { signal: AbortSignal.timeout(withinMs) });
    return socket;
  } catch (error) {
    socket.on("error", () => undefined).destroy();
    const isLate = error instanceof Error && error.name === "AbortError";
    throw isLate ? new Error(noAnswer) : error;
  }
}
