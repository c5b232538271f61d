/**
 * tfjs-node's binding takes graphs from the system's temporary folder; where there is none, that is named.
 */
import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { openNativeSession } from "../../src/engine/native-session.js";
import { UserError } from "../../src/errors.js";
import { GraphBuilder } from "../../src/graph/graph-builder.js";
import { temporaryFolder } from "../data/temporary-folder.js";
import { engine } from "../engine-for-tests.js";

test("a temporary folder that is missing, or a file, is named with its variable", async (t) => {
  const folder = await temporaryFolder(t);
  const file = join(folder, "file");
  await writeFile(file, "");
  const before = process.env["TMPDIR"];
  t.after(() => {
    if (before === undefined) delete process.env["TMPDIR"];
    else process.env["TMPDIR"] = before;
  });
  const graph = new GraphBuilder().build();
  for (const [path, code] of [
    [join(folder, "not-there"), "ENOENT"],
    [file, "ENOTDIR"],
  ] as const) {
    process.env["TMPDIR"] = path;
    // Our own addon has no need of it.
    if (engine.installed.flavour !== "prebuilt") engine.open(graph).close();
    assert.throws(
      () => openNativeSession(engine.binding, graph.def),
      (error: UserError) => {
        assert.ok(error instanceof UserError);
        assert.match(error.where, new RegExp(`${path} \\(TMPDIR\\)$`));
        assert.match(error.message, new RegExp(`${code}[\\s\\S]*export TMPDIR=`));
        return true;
      },
    );
  }
});
