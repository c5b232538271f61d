/**
 * A session through tfjs-node's binding, for engines without our own addon (tensorflow-session.ts), as
 * the official prebuilt: JavaScript's thread stands still while it runs.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemErrorCode, UserError } from "../errors.js";
import type { GraphDef } from "../graph/proto.js";
import { encodeSavedModel, savedModelTag } from "../graph/saved-model.js";
import { typeNumber, typeOf } from "../graph/types.js";
import type { TensorflowBinding, TensorMetadata } from "./binding.js";
import { type HostTensor, type Session, SessionError } from "./session.js";

/**
 * Loads `graph` into a native session of its own. The binding takes it from a file.
 * @throws SessionError where it is refused
 * @throws UserError where the system's temporary folder cannot be written
 */
export function openNativeSession(binding: TensorflowBinding, graph: GraphDef): Session {
  const encoded = encodeSavedModel({ metaInfoDef: { tags: [savedModelTag] }, graphDef: graph });
  const folder = inTemporary(() => mkdtempSync(join(tmpdir(), "bit-train-graph-")));
  try {
    inTemporary(() => writeFileSync(join(folder, "saved_model.pb"), encoded));
    const id = reported(() => binding.loadSavedModel(folder, savedModelTag));
    return new NativeSession(binding, id);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function inTemporary<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    const code = systemErrorCode(error);
    if (code === undefined) throw error;
    const full = code === "ENOSPC" || code === "EDQUOT";
    throw new UserError(
      `the temporary folder ${tmpdir()}${process.env["TMPDIR"] ? " (TMPDIR)" : ""}`,
      full ? `no room left on its disk (${code})` : `cannot be written (${code})`,
      "a folder with a few megabytes of room: the engine takes its graphs from there",
      `${full ? "free some, or " : ""}name another folder: export TMPDIR=/path/to/folder`,
      { cause: error },
    );
  }
}

class NativeSession implements Session {
  private closed = false;

  constructor(
    private readonly binding: TensorflowBinding,
    private readonly id: number,
  ) {}

  async run(
    feeds: Readonly<Record<string, HostTensor>>,
    fetches: readonly string[],
  ): Promise<HostTensor[]> {
    if (this.closed) throw new Error("the session is closed");
    const names = Object.keys(feeds);
    const fed: number[] = [];
    try {
      for (const feed of Object.values(feeds)) {
        fed.push(this.createTensor(feed));
      }
      const inputs = names.map((name) => `${name}:0`).join();
      const outputs = fetches.map((name) => `${name}:0`).join();
      const results = reported(() => {
        return this.binding.runSavedModel(this.id, fed, inputs, outputs);
      });
      return results.map((metadata) => this.take(metadata));
    } finally {
      for (const id of fed) this.binding.deleteTensor(id);
    }
  }

  close(): void {
    if (this.closed) return;
    this.closed = true;
    this.binding.deleteSavedModel(this.id);
  }

  private createTensor(feed: HostTensor): number {
    const { shape, type, data } = feed;
    if (data instanceof Uint16Array) throw new Error(`this engine cannot be fed ${type}`);
    // The binding takes an int64 as two int32, low half first.
    const values = data instanceof BigInt64Array ? new Int32Array(data.buffer) : data;
    return this.binding.createTensor(shape, typeNumber[type], values);
  }

  private take(metadata: TensorMetadata): HostTensor {
    const type = typeOf(metadata.dtype);
    const data = this.binding.tensorDataSync(metadata.id);
    this.binding.deleteTensor(metadata.id);
    return { type, shape: metadata.shape, data } as HostTensor;
  }
}

function reported<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw new SessionError(error instanceof Error ? error.message : String(error));
  }
}
