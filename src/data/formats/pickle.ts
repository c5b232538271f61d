/**
 * Python pickles as data. A pickle is a program for a small machine with a stack, and a file from
 * elsewhere may be hostile: the machine here knows lists, dictionaries, tuples, text, bytes, numbers
 * and numpy's arrays; any other name is refused, and nothing is ever looked up. What it makes is
 * bounded by the file's own length, whatever the file says.
 *
 * The official CIFAR files were written by Python 2 (protocol 2), in which text and raw bytes are
 * one type. They are read as Latin-1, one character a byte, so that neither loses anything.
 *
 * Source: CPython, Lib/pickletools.py.
 */
import { PickleInput } from "./pickle-input.js";
import { PickledName, PickleError, resolveName, setState } from "./pickled-array.js";

export { PickledArray, PickleError, pickledText } from "./pickled-array.js";

/** The file with the most, CIFAR-100's training set, takes some 300,000. */
const MAX_OPCODES = 2_000_000;
/** Lists, tuples, dictionaries, bytes and marks: each takes far more memory than its opcode. */
const MAX_CONTAINERS = 250_000;

/**
 * Reads a pickle of protocol 2 to 5. Dictionaries become Maps, lists and tuples arrays, Python 2
 * strings Latin-1 text, bytes Uint8Arrays, numpy arrays `PickledArray`s.
 * @throws PickleError if it is damaged, names anything but numpy arrays, or asks for too much
 */
export function readPickle(bytes: Uint8Array): unknown {
  const input = new PickleInput(bytes);
  const machine = new Machine(bytes.length);
  for (let i = 0; i < MAX_OPCODES; i++) {
    const opcode = input.byte();
    if (opcode === STOP) return machine.pop();
    const operation = OPERATIONS[opcode];
    if (operation === undefined) throw new PickleError(refusal(opcode));
    operation(machine, input);
  }
  throw new PickleError(`it has more than ${MAX_OPCODES} opcodes`);
}

/** Opcodes that are refused with a reason of their own. */
const REFUSED: Readonly<Record<string, string>> = {
  i: "it makes an object of a class",
  o: "it makes an object of a class",
  "\x81": "it makes an object of a class",
  "\x92": "it makes an object of a class",
  P: "it asks for an object outside of it",
  Q: "it asks for an object outside of it",
  "\x82": "it asks for an extension",
  "\x83": "it asks for an extension",
  "\x84": "it asks for an extension",
};

function refusal(opcode: number): string {
  const known = REFUSED[String.fromCharCode(opcode)];
  return known ?? `it has the opcode ${opcode}, which is not read`;
}

/** The machine's stack, marks on it, and values by number. */
class Machine {
  private readonly stack: unknown[] = [];
  private readonly marks: number[] = [];
  private readonly memo = new Map<number, unknown>();
  private containers = 0;
  private encodedBytes = 0;

  /** @param sizeBytes of the pickle */
  constructor(private readonly sizeBytes: number) {}

  push(value: unknown): void {
    if (typeof value === "object" && value !== null) this.countContainer();
    this.stack.push(value);
  }

  pop(): unknown {
    if (this.stack.length <= (this.marks.at(-1) ?? 0))
      throw new PickleError("it takes a value that is not there");
    return this.stack.pop();
  }

  /** The value on top, which stays. */
  top(): unknown {
    const value = this.pop();
    this.stack.push(value);
    return value;
  }

  repeat(): void {
    this.stack.push(this.top());
  }

  mark(): void {
    this.countContainer();
    this.marks.push(this.stack.length);
  }

  /** The values above the last mark, both taken away. */
  popToMark(): unknown[] {
    const mark = this.marks.pop();
    if (mark === undefined) throw new PickleError("it lacks a mark");
    return this.stack.splice(mark);
  }

  /** The topmost values, the last one last. */
  popTuple(length: number): unknown[] {
    return Array.from({ length }, () => this.pop()).reverse();
  }

  /** Adds to the list below them. */
  append(items: readonly unknown[]): void {
    const list = this.top();
    if (!Array.isArray(list)) throw new PickleError("it adds to something that is no list");
    for (const item of items) list.push(item);
  }

  /** Keys and values in turn, into the dictionary below them. */
  setItems(items: readonly unknown[]): void {
    const dictionary = this.top();
    if (!(dictionary instanceof Map) || items.length % 2 !== 0)
      throw new PickleError("it sets items of something that is no dictionary");
    for (let i = 0; i < items.length; i += 2) dictionary.set(items[i], items[i + 1]);
  }

  put(index: number): void {
    this.memo.set(index, this.top());
  }

  memoize(): void {
    this.put(this.memo.size);
  }

  get(index: number): void {
    if (!this.memo.has(index)) throw new PickleError(`it has no value ${index}`);
    this.stack.push(this.memo.get(index));
  }

  /** Calls what the pickle has named. */
  reduce(): void {
    const args = this.pop();
    const callee = this.pop();
    if (!(callee instanceof PickledName) || !Array.isArray(args))
      throw new PickleError("it calls something that is no function");
    const made = callee.call(args);
    // One text may be encoded again and again.
    if (made instanceof Uint8Array) this.encodedBytes += made.length;
    if (this.encodedBytes > this.sizeBytes)
      throw new PickleError("it makes more bytes than it has");
    this.push(made);
  }

  build(): void {
    const state = this.pop();
    setState(this.top(), state);
  }

  private countContainer(): void {
    this.containers += 1;
    if (this.containers > MAX_CONTAINERS)
      throw new PickleError(`it makes more than ${MAX_CONTAINERS} lists, tuples and the like`);
  }
}

const STOP = ".".charCodeAt(0);

type Operation = (machine: Machine, input: PickleInput) => unknown;

/** What each opcode does, by its character. */
const NAMED: Readonly<Record<string, Operation>> = {
  // The protocol's version, and frames of what follows.
  "\x80": (_, input) => checkProtocol(input.byte()),
  "\x95": (_, input) => input.unsigned(8),
  "(": (machine) => machine.mark(),
  "0": (machine) => machine.pop(),
  "1": (machine) => machine.popToMark(),
  "2": (machine) => machine.repeat(),
  // Values by number.
  q: (machine, input) => machine.put(input.byte()),
  r: (machine, input) => machine.put(input.unsigned(4)),
  "\x94": (machine) => machine.memoize(),
  h: (machine, input) => machine.get(input.byte()),
  j: (machine, input) => machine.get(input.unsigned(4)),
  // None, truth and numbers. Python 2 writes whole numbers beyond 32 bits as text.
  N: (machine) => machine.push(null),
  "\x88": (machine) => machine.push(true),
  "\x89": (machine) => machine.push(false),
  I: (machine, input) => machine.push(Number.parseInt(input.line().slice(0, 24), 10)),
  J: (machine, input) => machine.push(input.int32()),
  K: (machine, input) => machine.push(input.byte()),
  M: (machine, input) => machine.push(input.unsigned(2)),
  "\x8a": (machine, input) => machine.push(input.long(input.byte())),
  "\x8b": (machine, input) => machine.push(input.long(input.unsigned(4))),
  G: (machine, input) => machine.push(input.float64()),
  // Python 2's text and raw bytes, bytes, and text.
  T: (machine, input) => machine.push(input.latin1(input.unsigned(4))),
  U: (machine, input) => machine.push(input.latin1(input.byte())),
  B: (machine, input) => machine.push(input.bytes(input.unsigned(4))),
  C: (machine, input) => machine.push(input.bytes(input.byte())),
  "\x8e": (machine, input) => machine.push(input.bytes(input.unsigned(8))),
  "\x96": (machine, input) => machine.push(input.bytes(input.unsigned(8))),
  X: (machine, input) => machine.push(input.utf8(input.unsigned(4))),
  "\x8c": (machine, input) => machine.push(input.utf8(input.byte())),
  "\x8d": (machine, input) => machine.push(input.utf8(input.unsigned(8))),
  // Tuples, lists and dictionaries.
  ")": (machine) => machine.push([]),
  "\x85": (machine) => machine.push(machine.popTuple(1)),
  "\x86": (machine) => machine.push(machine.popTuple(2)),
  "\x87": (machine) => machine.push(machine.popTuple(3)),
  t: (machine) => machine.push(machine.popToMark()),
  "]": (machine) => machine.push([]),
  a: (machine) => machine.append([machine.pop()]),
  e: (machine) => machine.append(machine.popToMark()),
  "}": (machine) => machine.push(new Map()),
  s: (machine) => machine.setItems(machine.popTuple(2)),
  u: (machine) => machine.setItems(machine.popToMark()),
  // numpy's arrays.
  c: (machine, input) => machine.push(resolveName([input.line(), input.line()])),
  "\x93": (machine) => machine.push(resolveName(machine.popTuple(2))),
  R: (machine) => machine.reduce(),
  b: (machine) => machine.build(),
};

const OPERATIONS: readonly (Operation | undefined)[] = Array.from({ length: 256 }, (_, opcode) => {
  return NAMED[String.fromCharCode(opcode)];
});

function checkProtocol(version: number): void {
  if (version > 5) throw new PickleError(`it is of protocol ${version}`);
}
