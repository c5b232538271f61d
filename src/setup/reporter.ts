/** What a set-up tells while it works. The command line prints it; a library user may be silent. */
export interface SetupReporter {
  /** One plain sentence. */
  line(text: string): void;
  /**
   * Starts to count bytes.
   * @param totalBytes may be an estimate, or undefined where nobody knows; the count ends at whatever
   *   it has reached
   */
  bytes(label: string, totalBytes: number | undefined): ByteCounter;
}

/** Counts the bytes of one download or unpacking. */
export interface ByteCounter {
  /** @param doneBytes counted from the start, not from the last call */
  update(doneBytes: number): void;
  done(): void;
}

/** Says nothing. */
export const silentReporter: SetupReporter = {
  line() {},
  bytes: () => ({ update() {}, done() {} }),
};
