/** What the check gives to its plans. */
import type { PartTask } from "./task.js";

/** What a plan does its work with. */
export interface Context {
  readonly gpu: boolean;
  readonly plugin: string;
  readonly python: string;
  readonly work: string;
  readonly out: string;
  /** Seconds since the start. */
  elapsed(): number;
  /**
   * Runs a part of ours, for at most so many seconds; where its time has gone or it was not asked for, it
   * does nothing. @returns whether it ended well
   */
  ours(
    limit: number,
    task: Omit<PartTask, "plugin" | "gpu"> & Partial<Pick<PartTask, "plugin" | "gpu">>,
    more?: Pick<PartTask, "flags" | "dump"> & { readonly nice?: number },
  ): Promise<boolean>;
  /** Runs a Python script of bench/gpu. */
  script(
    limit: number,
    name: string,
    file: string,
    args: readonly string[],
    nice?: number,
  ): Promise<boolean>;
  note(part: string, text: string): void;
}
