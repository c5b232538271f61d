/** A file system of which one call goes wrong: it fails, or the process or the power ends there. */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { link, mkdir, rename, rm, truncate } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { type FileSystem, type NewFile, nodeFileSystem } from "../../src/disk/file-system.js";
import { systemErrorCode } from "../../src/errors.js";

/**
 * `fails`: that call alone. `kills`: no later call does anything. `cuts power`: what was written to a
 * file that was not synced is lost too. `cuts power, loses names`: and so is each name that a folder
 * got since it was synced; what was removed is gone. A disk may keep some and lose others, in any
 * order: these are the worst of each.
 */
export const faultKinds = ["fails", "kills", "cuts power", "cuts power, loses names"] as const;
export type FaultKind = (typeof faultKinds)[number];

/** Stands for the end of the process, after which nobody cleans up. */
export class Killed extends Error {}

/** What a stream hands over at once is written in such pieces, each of which may be the last. */
const pieceBytes = 64;

/** A name that a folder got, and how it is lost. */
interface NewName {
  path: string;
  readonly undo: (path: string) => Promise<unknown>;
}

const keptFolder = mkdtempSync(join(tmpdir(), "bit-kept-"));
process.once("exit", () => rmSync(keptFolder, { recursive: true, force: true }));
let keptFiles = 0;

/** Counts the calls, each of which is a point where things may go wrong; syncs are not passed on. */
export class FaultyFileSystem implements FileSystem {
  /** The calls so far: `write`, `sync`, `rename`, ... */
  readonly calls: string[] = [];
  private dead = false;
  private readonly unsynced = new Map<string, number>();
  private newNames: NewName[] = [];

  /** @param at the number of the call that goes wrong, from 0; undefined: none */
  constructor(
    private readonly at?: number,
    private readonly kind: FaultKind | "corrupts" = "fails",
  ) {}

  makeFolder = (path: string) =>
    this.call("makeFolder", async () => {
      const first = await mkdir(path, { recursive: true });
      if (first !== undefined) this.named(first, (made) => rm(made, { recursive: true }));
    });

  rename = (from: string, to: string) =>
    this.call("rename", async () => {
      const kept = await keep(to);
      await nodeFileSystem.rename(from, to);
      this.moved(from, to);
      this.named(to, async () => {
        await rename(to, from);
        this.moved(to, from);
        if (kept !== undefined) await rename(kept, to);
      });
    });

  link = (existing: string, path: string) =>
    this.call("link", async () => {
      await nodeFileSystem.link(existing, path);
      this.named(path, (made) => rm(made, { force: true }));
    });

  remove = (path: string) => this.call("remove", () => nodeFileSystem.remove(path));
  removeFolder = (path: string) =>
    this.call("removeFolder", () => nodeFileSystem.removeFolder(path));

  syncFolder = (path: string) =>
    this.call("syncFolder", async () => {
      this.newNames = this.newNames.filter((name) => dirname(name.path) !== path);
    });

  create = async (path: string): Promise<NewFile> => {
    const file = await this.call("create", () => nodeFileSystem.create(path));
    this.unsynced.set(path, 0);
    this.named(path, (made) => rm(made, { force: true }));
    return {
      write: async (bytes) => {
        for (let start = 0; start < bytes.length; start += pieceBytes) {
          const piece = Buffer.from(bytes.subarray(start, start + pieceBytes));
          const half = () => file.write(piece.subarray(0, piece.length >> 1));
          this.unsynced.set(path, (this.unsynced.get(path) ?? 0) + piece.length);
          if (this.kind === "corrupts" && this.calls.length === this.at)
            piece[piece.length >> 1]! ^= 1;
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

  /** Cuts the power now, after whatever was called. */
  async cutPower(kind: FaultKind): Promise<void> {
    this.dead = true;
    // What has a name now lies behind another where that is lost.
    for (const [path, bytes] of this.unsynced)
      if (existsSync(path)) await truncate(path, bytes >> 2);
    if (kind !== "cuts power, loses names") return;
    // Some were removed since.
    for (let last = this.newNames.pop(); last !== undefined; last = this.newNames.pop())
      await last.undo(last.path).catch((error) => {
        if (systemErrorCode(error) !== "ENOENT") throw error;
      });
  }

  private named(path: string, undo: NewName["undo"]): void {
    this.newNames.push({ path, undo });
  }

  /** What lies in a folder moves with it. */
  private moved(from: string, to: string): void {
    for (const name of this.newNames)
      if (name.path.startsWith(`${from}/`)) name.path = to + name.path.slice(from.length);
  }

  private async call<T>(
    name: string,
    work: () => Promise<T>,
    half: () => Promise<unknown> = async () => undefined,
  ): Promise<T> {
    if (this.dead) throw new Killed(name);
    const number = this.calls.push(name) - 1;
    if (number !== this.at || this.kind === "corrupts") return work();
    await half();
    if (this.kind === "fails") throw Object.assign(new Error("played"), { code: "ENOSPC" });
    this.dead = true;
    if (this.kind !== "kills") await this.cutPower(this.kind);
    throw new Killed(name);
  }
}

/** Gives what lies at a path a second name, so that it comes back where its replacement is lost. */
async function keep(path: string): Promise<string | undefined> {
  const kept = join(keptFolder, String(keptFiles++));
  return link(path, kept).then(
    () => kept,
    () => undefined,
  );
}
