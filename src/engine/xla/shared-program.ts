/**
 * Programs of several processes: the first one compiles, the others are handed what it has made. If each compiled for
 * itself, what they do together might come in another order, by what each measures of its own device.
 */
import { createHash } from "node:crypto";
import { promisify } from "node:util";
import { gunzip, gzip } from "node:zlib";
import type { KeyValues, PjrtProgram } from "../pjrt/client.js";
import type { KeptProgram } from "../pjrt/program-cache.js";

// A message's: the processes' signs of life come in between.
const pieceCharacters = 2 ** 20;

/** How a process comes to a program. */
export interface ProgramSource {
  /** Of the first one. */
  readonly compile: () => Promise<KeptProgram>;
  /** Of the others. @param serialized what the first one has made */
  readonly load: (serialized: Uint8Array) => Promise<PjrtProgram>;
}

/**
 * A program that all processes have: each is to ask for the same ones, in the same order.
 * @param name of the program, another one each time
 * @param mlir the module: the same in all of them
 * @throws PjrtError where the compiler refuses it, or this process's devices do
 * @throws Error where the processes part before, or this one has another module
 */
export async function sharedProgram(
  name: string,
  mlir: string,
  { rank, keyValues }: { readonly rank: number; readonly keyValues: KeyValues },
  source: ProgramSource,
): Promise<KeptProgram> {
  const hash = createHash("sha256").update(mlir).digest("hex");
  if (rank === 0) {
    const kept = await source.compile();
    const packed = await promisify(gzip)(await kept.program.serialize(), { level: 1 });
    const text = packed.toString("base64");
    const pieces = Math.ceil(text.length / pieceCharacters);
    for (let i = 0; i < pieces; i++)
      await keyValues.put(
        `${name}/${i}`,
        text.slice(i * pieceCharacters, (i + 1) * pieceCharacters),
      );
    await keyValues.put(name, `${hash} ${pieces}`);
    return kept;
  }
  const [other, pieces] = (await keyValues.get(name)).split(" ");
  if (other !== hash) throw new Error(`${name}: the module of rank ${rank} is not that of rank 0`);
  let text = "";
  for (let i = 0; i < Number(pieces); i++) text += await keyValues.get(`${name}/${i}`);
  const program = await source.load(await promisify(gunzip)(Buffer.from(text, "base64")));
  return { program, fromCache: false, stored: Promise.resolve() };
}
