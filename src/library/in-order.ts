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
  outcome?: Outcome<T>;
  readonly settled: Promise<void>;
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
  let pulling: Promise<void> | undefined;
  const pull = async () => {
    try {
      const next = await sources.next();
      if (next.done === true) ended = {};
      else entries.push(begun(next.value, work));
    } catch (error) {
      ended = { error };
    }
    pulling = undefined;
  };
  let stop = () => {};
  const aborted = new Promise<void>((resolve) => {
    stop = resolve;
  });
  signal?.addEventListener("abort", stop);
  try {
    for (;;) {
      signal?.throwIfAborted();
      if (ended === undefined && entries.length < most) pulling ??= pull();
      const [first] = entries;
      if (first?.outcome !== undefined) {
        entries.shift();
        yield { source: first.source, outcome: first.outcome };
        continue;
      }
      if (first === undefined && pulling === undefined) break;
      const awaited = [first?.settled, pulling, aborted].filter((one) => one !== undefined);
      await Promise.race(awaited);
    }
    if (ended !== undefined && "error" in ended) throw ended.error;
  } finally {
    signal?.removeEventListener("abort", stop);
    // A source that keeps the reader waiting is told, and not waited for.
    if (ended === undefined) void sources.return?.().then(undefined, () => undefined);
  }
}

function begun<S, T>(source: S, work: (source: S) => Promise<T>): Entry<S, T> {
  const entry: Entry<S, T> = {
    source,
    settled: work(source).then(
      (value) => {
        entry.outcome = { value };
      },
      (error: unknown) => {
        entry.outcome = { error };
      },
    ),
  };
  return entry;
}
