/** `await using` on every Node that the package supports. */

// Node has the symbol since 20.5; TypeScript's `await using` looks it up when it runs. Nothing here may
// come before it: classes name the symbol where they are defined.
const symbols: { asyncDispose?: symbol } = Symbol;
symbols.asyncDispose ??= Symbol("Symbol.asyncDispose");

/** Runs `close` when the block of an `await using` is left. */
export interface Closable extends AsyncDisposable {
  /** Frees what is held; it may be called again. */
  close(): Promise<void>;
}
