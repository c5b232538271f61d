/**
 * What processes leave for each other under names: rank 0's control thread keeps it, all of them ask. XLA's
 * plugins find each other by it.
 */

type Question =
  | { readonly type: "put"; readonly key: string; readonly value: string }
  /** `waits`: it is answered once the key has a value. */
  | { readonly type: "get"; readonly key: string; readonly waits: boolean };

/** A question of a process; `id` is its own number for it. */
export type KeyValueQuestion = Question & { readonly id: number };

/** What answers it. */
export interface KeyValueAnswer {
  readonly type: "value";
  readonly id: number;
  /** Null: the key has no value; of a `put`: it has another one. */
  readonly value: string | null;
}

/** Where the values are. */
export class KeyValueStore {
  private readonly values = new Map<string, string>();
  private readonly waiting = new Map<string, ((value: string) => void)[]>();

  /** @param answer told the answer, now or later, at most once */
  ask(question: KeyValueQuestion, answer: (answer: KeyValueAnswer) => void): void {
    const { id, key } = question;
    const tell = (value: string | null) => answer({ type: "value", id, value });
    const known = this.values.get(key);
    if (question.type === "get") {
      if (known !== undefined || !question.waits) tell(known ?? null);
      else this.waiting.set(key, [...(this.waiting.get(key) ?? []), tell]);
      return;
    }
    const { value } = question;
    if (known === undefined) this.values.set(key, value);
    tell(known === undefined || known === value ? value : null);
    for (const take of this.waiting.get(key) ?? []) take(value);
    this.waiting.delete(key);
  }
}

/** The store, as a process asks it. */
export class KeyValueQuestions {
  private count = 0;
  private failure: Error | undefined;
  private readonly waiting = new Map<
    number,
    { readonly take: (value: string | null) => void; readonly fail: (error: Error) => void }
  >();

  /** @param send brings a question to the store */
  constructor(private readonly send: (question: KeyValueQuestion) => void) {}

  /** The value of a key, as soon as it has one. @throws Error where the processes part before */
  async get(key: string): Promise<string> {
    return (await this.ask({ type: "get", key, waits: true })) ?? "";
  }

  /** The value that a key has now, if any. @throws Error where the processes part before */
  async find(key: string): Promise<string | undefined> {
    return (await this.ask({ type: "get", key, waits: false })) ?? undefined;
  }

  /** Gives a key its value, for good. @throws Error where it has another one, or the processes part before */
  async put(key: string, value: string): Promise<void> {
    if ((await this.ask({ type: "put", key, value })) === null)
      throw new Error(`${key} has another value already`);
  }

  /** Takes an answer of the store's. */
  take({ id, value }: KeyValueAnswer): void {
    this.waiting.get(id)?.take(value);
    this.waiting.delete(id);
  }

  /** Nobody answers any more. */
  end(error: Error): void {
    this.failure ??= error;
    for (const { fail } of this.waiting.values()) fail(error);
    this.waiting.clear();
  }

  private async ask(question: Question): Promise<string | null> {
    if (this.failure !== undefined) throw this.failure;
    return new Promise((take, fail) => {
      const id = this.count++;
      this.waiting.set(id, { take, fail });
      this.send({ ...question, id });
    });
  }
}
