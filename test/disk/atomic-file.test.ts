import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import {
  chmod,
  lstat,
  mkdir,
  open as openFile,
  readdir,
  readFile,
  symlink,
  writeFile,
} from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { writeFileAtomically } from "../../src/disk/atomic-file.js";
import { temporaryFolder } from "../archive/temporary-folder.js";

test("the file changes only when all of it is written", async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, "file");
  await writeFile(path, "previous");
  await writeFileAtomically(path, async (append) => {
    await append(Buffer.from("ne"));
    assert.equal(await readFile(path, "utf8"), "previous");
    await append(Buffer.from("w"));
  });
  assert.equal(await readFile(path, "utf8"), "new");
  assert.deepEqual(await readdir(folder), ["file"]);
});

test("an error of the producer is passed on, the previous file stays, nothing else is left", async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, "file");
  await writeFile(path, "previous");
  const failure = new Error("engine failed");
  const writing = writeFileAtomically(path, async (append) => {
    await append(Buffer.from("half"));
    throw failure;
  });
  await assert.rejects(writing, (error) => error === failure);
  assert.equal(await readFile(path, "utf8"), "previous");
  assert.deepEqual(await readdir(folder), ["file"]);
});

test("refuses a missing folder, a file for a folder, and a folder for the file", async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(join(folder, "file"), "");
  await mkdir(join(folder, "inner"));
  const attempt = (name: string) =>
    writeFileAtomically(join(folder, name), () => assert.fail("nothing is to be produced"));
  await assert.rejects(attempt("absent/x"), { name: "UserError", got: /folder does not exist/ });
  await assert.rejects(attempt("file/x"), { name: "UserError", got: /not a folder/ });
  await assert.rejects(attempt("inner"), { name: "UserError", got: "a folder" });
  assert.deepEqual((await readdir(folder)).sort(), ["file", "inner"]);
});

test("refuses a pipe, a device, and a link to what is open, and leaves them in place", async (t) => {
  const folder = await temporaryFolder(t);
  await promisify(execFile)("mkfifo", [join(folder, "pipe")]);
  await symlink("/dev/null", join(folder, "null"));
  // As /dev/stdout is made; of a shell's redirection it leads to a regular file, of a closed one to none.
  const open = await openFile(join(folder, "redirected"), "w");
  t.after(() => open.close());
  await symlink(`/proc/self/fd/${open.fd}`, join(folder, "stdout"));
  await symlink("/proc/self/fd/999999", join(folder, "closed"));
  for (const name of ["pipe", "null", "stdout", "closed"]) {
    const path = join(folder, name);
    const before = await lstat(path);
    const writing = writeFileAtomically(path, () => assert.fail("nothing is to be produced"));
    await assert.rejects(writing, { name: "UserError", got: /a device, a pipe/ });
    assert.equal((await lstat(path)).ino, before.ino);
  }
  assert.equal((await readdir(folder)).length, 5);
});

const isRoot = process.getuid?.() === 0;
test("refuses a folder without permission", {
  skip: isRoot && "root may write anywhere",
}, async (t) => {
  const folder = await temporaryFolder(t);
  await chmod(folder, 0o500);
  const writing = writeFileAtomically(join(folder, "x"), () => Promise.resolve());
  await assert.rejects(writing, { name: "UserError", got: /not permitted/ });
});

test("a write that fails half-way removes the temporary file and keeps the previous one", async (t) => {
  const folder = await temporaryFolder(t);
  const path = join(folder, "file");
  await writeFile(path, "previous");
  // A limit on the size of files stands in for a full disk: the system fails the write itself.
  const module = new URL("../../src/disk/atomic-file.js", import.meta.url);
  const script = `
    import { writeFileAtomically } from ${JSON.stringify(module)};
    const megabyte = Buffer.alloc(1 << 20);
    try {
      await writeFileAtomically(process.argv[1], async (append) => {
        for (let i = 0; i < 8; i++) await append(megabyte);
      });
    } catch (error) {
      console.log(error.name, error.got);
    }`;
  const command = `ulimit -f 2048; exec "$0" --input-type=module -e "$1" "$2"`;
  const { stdout } = await promisify(execFile)("sh", [
    "-c",
    command,
    process.execPath,
    script,
    path,
  ]);
  assert.match(
    stdout,
    /^UserError the file grew past the size limit \(EFBIG\); nothing was changed/,
  );
  assert.equal(await readFile(path, "utf8"), "previous");
  assert.deepEqual(await readdir(folder), ["file"]);
});
