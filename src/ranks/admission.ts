/** Whether somebody that comes to where the ranks meet is one of them. */
import { systemErrorCode } from "../errors.js";
import { type Endpoint, endpointText } from "./address.js";
import { controlProtocol } from "./control-message.js";
import type { Hello } from "./control-server.js";
import { contradiction } from "./run-token.js";

/** Why a process is not let in. */
export interface Refusal {
  readonly why: string;
  /** What becomes of the others: none of them can go on, or they wait on as if nobody had come. */
  readonly others: "end" | "wait";
}

/** Who lets others in, and where. */
export interface Hosting {
  /** How many processes there are to be. */
  readonly ranks: number;
  readonly at: Endpoint;
  readonly token: string | null;
  /** Whether a rank has come already. */
  readonly isHere: (rank: number) => boolean;
}

/** @returns why a process is refused by rank 0; undefined where it is let in */
export function refusalOf(
  hello: Hello,
  { ranks, at, token, isHere }: Hosting,
): Refusal | undefined {
  const { protocol, rank } = hello;
  const place = endpointText(at);
  // Before anything that may end the others.
  const unlike = contradiction(hello.token, token);
  if (unlike !== undefined)
    return {
      why: `rank ${rank} came to ${place} ${unlike}: give all processes of a run the same, or none`,
      others: "wait",
    };
  if (protocol !== controlProtocol)
    return {
      why: `rank ${rank}, which came to ${place}, is of another version of bit-train than rank 0`,
      others: "end",
    };
  if (hello.ranks !== ranks || rank >= ranks || hello.place === null)
    return {
      why: `rank ${rank} of ${hello.ranks} came to ${place}, where ranks 0 to ${ranks - 1} meet: all machines have to give the same numbers of machines and processes`,
      others: "end",
    };
  if (rank === 0 || isHere(rank))
    return {
      why: `there is a rank ${rank} at ${place} already: each process has to have another rank`,
      others: "wait",
    };
  return undefined;
}

/** Somebody may knock for as long as the ranks wait for each other: that is told so often. */
const mostTold = 10;

/**
 * Says who came that is none of the ranks, and at some time no more.
 * @param note told a line for people
 */
export function passingOver(note: (text: string) => void): (text: string) => void {
  let told = 0;
  return (text) => {
    if (++told > mostTold) return;
    note(`${text}; passed over${told < mostTold ? "" : ", and others will be without a word"}`);
  };
}

/** Why rank 0 cannot wait at the meeting place, and what to do. */
export function whyNotMeeting(error: Error): string {
  const port = "give all processes another port (--rendezvous of bit-launch, or MASTER_PORT)";
  if (systemErrorCode(error) !== "EADDRINUSE") return `${error.message}; ${port}`;
  return `another program, or another rank 0, is there (${error.message}); end that, or ${port}`;
}
