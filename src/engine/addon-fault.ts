/** What callers see of what an addon of ours threw or rejected with. */
import { UserError } from "../errors.js";

/** Of pthread_create: EAGAIN. The addons take what they do not know for too little memory. */
const threadShortage = /Resource temporarily unavailable/i;

/**
 * A lack of threads, under whichever code, as a UserError; else what has a code as `coded` makes it; a bug of ours as
 * it is.
 */
export function reported(error: unknown, coded: (code: string, message: string) => Error): unknown {
  if (!(error instanceof Error)) return error;
  if (threadShortage.test(error.message))
    return new UserError(
      "threads of this process",
      `the system gives no more of them (${error.message})`,
      "some dozens for each process, and a few more for each core",
      "start fewer processes on this machine, or raise the limit: ulimit -u, or that of the container (its pids)",
      { cause: error },
    );
  return "code" in error ? coded(String(error.code), error.message) : error;
}
