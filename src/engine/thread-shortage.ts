/** The system gives no more threads: what the engine says of it, under whichever code, and what there is to do. */
import { UserError } from "../errors.js";

/** Of pthread_create: EAGAIN. The addons take what they do not know for too little memory. */
const shortage = /Resource temporarily unavailable/i;

/** @returns undefined where an error is of another kind */
export function threadShortage(error: Error): UserError | undefined {
  if (!shortage.test(error.message)) return undefined;
  return new UserError(
    "threads of this process",
    `the system gives no more of them (${error.message})`,
    "some dozens for each process, and a few more for each core",
    "start fewer processes on this machine, or raise the limit: ulimit -u, or that of the container (its pids)",
    { cause: error },
  );
}
