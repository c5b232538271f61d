/** Work on many things at a time, its results in their order, as a stream. */

/** What became of one thing. */
export type Outcome<T> =
  | { readonly value: T; readonly error?: undefined }
  | { readonly error: unknown; readonly value?: undefined };

export interface InOrderOptions {
  /** Things under way, and results that nobody has taken, at most. */
  readonly most: number;
  /** Ends the stream; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
}

interface Entry<S, T> {
  readonly source: S;
  outcome: Outcome<T> | undefined;
}

/**
 * Begins `work` on each source as it comes and yields the outcomes in the sources' order. Results are not
 * kept waiting by a source that is not there yet.
 * @throws what the iteration of the sources throws, after the outcomes of those before
 */
export async function* inOrder<S, T>(
  sources: AsyncIterator<S, void, undefined>,
  work: (source: S) => Promise<T>,
  { most, signal }: InOrderOptions,
): AsyncGenerator<{ readonly source: S; readonly outcome: Outcome<T> }, void, undefined> {
  const entries: Entry<S, T>[] = [];
  let ended: { readonly error?: unknown } | undefined;
  let isPulling = false;
  // Called at whatever may let the loop go on. (A race of promises would keep a trace of every turn in
  // those that stay open.)
  let wake = () => {};
  const begin = async (source: S) => {
    const entry: Entry<S, T> = { source, outcome: undefined };
    entries.push(entry);
    try {
      entry.outcome = { value: await work(source) };
    } catch (error) {
      entry.outcome = { error };
    }
    wake();
  };
  const pull = async () => {
    isPulling = true;
    try {
      const next = await sources.next();
      if (next.done === true) ended = {};
      else void begin(next.value);
    } catch (error) {
      ended = { error };
    }
    isPulling = false;
    wake();
  };
  const aborted = () => wake();
  signal?.addEventListener("abort", aborted);
  try {
    for (;;) {
      signal?.throwIfAborted();
      if (ended === undefined && !isPulling && entries.length < most) void pull();
      const [first] = entries;
      if (first?.outcome !== undefined) {
        entries.shift();
        yield { source: first.source, outcome: first.outcome };
      } else if (first === undefined && !isPulling) {
        break;
      } else {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    }
    if (ended !== undefined && "error" in ended) throw ended.error;
  } finally {
    signal?.removeEventListener("abort", aborted);
    // A source that keeps the reader waiting is told, and not waited for.
    if (ended === undefined) void sources.return?.().then(undefined, () => undefined);
  }
}
