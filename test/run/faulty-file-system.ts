/** A file system of which one call goes wrong: it fails, or the process or the power ends there. */
import { truncate } from "node:fs/promises";
import { type FileSystem, type NewFile, nodeFileSystem } from "../../src/archive/file-system.js";

/** `fails`: that call alone. `kills`: no later call does anything. `cuts power`: what was not synced is lost too. */
export const faultKinds = ["fails", "kills", "cuts power"] as const;
export type FaultKind = (typeof faultKinds)[number];

/** Stands for the end of the process, after which nobody cleans up. */
export class Killed extends Error {}

/** What a stream hands over at once is written in such pieces, each of which may be the last. */
const pieceBytes = 64;

/** Counts the calls, each of which is a point where things may go wrong; syncs are not passed on. */
export class FaultyFileSystem implements FileSystem {
  /** The calls so far: `write`, `sync`, `rename`, ... */
  readonly calls: string[] = [];
  private dead = false;
  private readonly unsynced = new Map<string, number>();

  /** @param at the number of the call that goes wrong, from 0; undefined: none */
  constructor(
    private readonly at?: number,
    private readonly kind: FaultKind = "fails",
  ) {}

  makeFolder = (path: string) => this.call("makeFolder", () => nodeFileSystem.makeFolder(path));
  rename = (from: string, to: string) => this.call("rename", () => nodeFileSystem.rename(from, to));
  link = (existing: string, path: string) =>
    this.call("link", () => nodeFileSystem.link(existing, path));
  remove = (path: string) => this.call("remove", () => nodeFileSystem.remove(path));
  removeFolder = (path: string) =>
    this.call("removeFolder", () => nodeFileSystem.removeFolder(path));
  syncFolder = () => this.call("syncFolder", async () => undefined);

  create = async (path: string): Promise<NewFile> => {
    const file = await this.call("create", () => nodeFileSystem.create(path));
    this.unsynced.set(path, 0);
    return {
      write: async (bytes) => {
        for (let start = 0; start < bytes.length; start += pieceBytes) {
          const piece = bytes.subarray(start, start + pieceBytes);
          const half = () => file.write(piece.subarray(0, piece.length >> 1));
          this.unsynced.set(path, (this.unsynced.get(path) ?? 0) + piece.length);
          await this.call("write", () => file.write(piece), half);
        }
      },
      sync: () => this.call("sync", async () => void this.unsynced.delete(path)),
      // The system closes a dead process's files.
      close: async () => {
        await file.close();
        await this.call("close", async () => undefined);
      },
    };
  };

  private async call<T>(
    name: string,
    work: () => Promise<T>,
    half: () => Promise<unknown> = async () => undefined,
  ): Promise<T> {
    if (this.dead) throw new Killed(name);
    const number = this.calls.push(name) - 1;
    if (number !== this.at) return work();
    await half();
    if (this.kind === "fails") throw Object.assign(new Error("played"), { code: "ENOSPC" });
    this.dead = true;
    if (this.kind === "cuts power")
      for (const [path, bytes] of this.unsynced) await truncate(path, bytes >> 2);
    throw new Killed(name);
  }
}
