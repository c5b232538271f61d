/** Whether another process is reached, which a firewall between machines may keep from it. */
import { connect, type Socket } from "node:net";

const withinMs = 10_000;

/** A connection to a port of an IPv4 address; why there is none, where it does not come within 10 seconds. */
export function reached(address: string, port: number): Promise<Socket | string> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port, family: 4 });
    const fail = (why: string) => {
      socket.destroy();
      resolve(why);
    };
    const timer = setTimeout(() => fail(`no answer within ${withinMs / 1000} s`), withinMs);
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
