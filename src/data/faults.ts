/** What is wrong with a dataset, where it is to be reported rather than to end the loading. */
import { UserError } from "../errors.js";
import type { BadImages } from "./files/readable-images.js";

/** Findings, in the words of the errors that a training would end with. */
export type Faults = string[];

/** Where findings go: undefined unless bad images, and all else, are to be reported. */
export function faultsFor(badImages: BadImages | undefined): Faults | undefined {
  return badImages === "report" ? [] : undefined;
}

/**
 * Keeps an error as a finding.
 * @throws the error where nothing is to be reported, or it is no user's mistake
 */
export function report(error: unknown, faults: Faults | undefined): void {
  if (faults === undefined || !(error instanceof UserError)) throw error;
  faults.push(`${error.where}: ${error.got}`);
}
