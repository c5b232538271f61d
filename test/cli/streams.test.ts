/** What becomes of a command whose output cannot be written, or has no reader: in real shells. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { requireEngine } from "../../src/engine/installed.js";
import { repositoryRoot } from "../fixture-path.js";
import { tinyFlags } from "./tiny-images.js";
import { makeTinyRun, type TinyRun } from "./tiny-run.js";

let root: string;
let tiny: TinyRun;
let image: string;

before(async () => {
  root = await mkdtemp(join(tmpdir(), "bit-train-test-"));
  tiny = await makeTinyRun(root);
  image = join(tiny.images, "val", "red", "9.bmp");
});

after(() => rm(root, { recursive: true, force: true }));

interface Ended {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a line of bash; `bit-NAME` in it is the command. */
function shell(line: string): Promise<Ended> {
  const script = line.replace(/(?<=^|[ ;])bit-[a-z]+(?= )/, (name) => {
    return `'${process.execPath}' '${join(repositoryRoot, "bin", `${name}.js`)}'`;
  });
  // As a terminal's shell starts it: not below a process that ignores SIGHUP.
  const env = { ...process.env, _: "", CUDA_VISIBLE_DEVICES: "" };
  return new Promise((resolve) => {
    execFile("setsid", ["-w", "bash", "-c", script], { env }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : Number(error.code), stdout, stderr });
    });
  });
}

const results = (): [name: string, line: string][] => [
  ["bit-predict", `bit-predict ${image} ${tiny.run} --json`],
  ["bit-predict, text", `bit-predict ${image} ${tiny.run}`],
  ["bit-eval", `bit-eval ${tiny.run} --json`],
  ["bit-data check", `bit-data check ${tiny.images} --fast --json`],
  ["bit-download --list", "bit-download --list --json"],
  ["bit-download --dry_run", `bit-download BiT-M-R50x1 --dry_run --bit_pretrained_dir ${root}`],
  ["bit-bench --memory", "bit-bench --memory --json"],
  ["bit-setup --check", "bit-setup --check --json"],
  ["--help", "bit-train --help"],
];

test("a result that a full disk has no room for is an error that names it", async (t) => {
  for (const [name, line] of results()) {
    await t.test(name, async () => {
      const { code, stderr } = await shell(`${line} > /dev/full`);
      assert.equal(code, 2, stderr);
      assert.match(
        stderr,
        /^error: standard output: cannot be written \(ENOSPC: .*\n {2}expected/m,
      );
      assert.equal(stderr.match(/error:/g)!.length, 1, stderr);
    });
  }
});

test("nor is a part of a result success", async () => {
  // The system writes what the limit leaves room for, and refuses the next write.
  const { code, stderr } = await shell(`ulimit -f 8; bit-download --list > ${join(root, "part")}`);
  assert.equal(code, 2, stderr);
  assert.match(stderr, /standard output: cannot be written \(EFBIG/);
});

test("a result whose reader has gone ends quietly, as by SIGPIPE", async (t) => {
  for (const [name, line] of results()) {
    await t.test(name, async () => {
      const { code, stderr } = await shell(`${line} 2> ${join(root, "errors")} | :;
        s=\${PIPESTATUS[0]}; cat ${join(root, "errors")} >&2; exit $s`);
      assert.equal(code, 141, stderr);
      assert.equal(stderr, "");
    });
  }
});

test("logits are written though nobody reads the rows", async () => {
  const logits = join(root, "logits.npy");
  const line = `bit-predict ${tiny.images} ${tiny.run} --logits ${logits}`;
  const { code, stderr } = await shell(`${line} --batch 4 | head -n 1; exit \${PIPESTATUS[0]}`);
  assert.equal(code, 141, stderr);
  assert.ok(existsSync(logits));
});

test("a result of a megabyte arrives whole at a slow reader", async () => {
  const module = (name: string) => join(repositoryRoot, "dist", "src", "cli", `${name}.js`);
  const script = `
    import { runMain } from "${module("exit")}";
    import { output } from "${module("output")}";
    await runMain(async () => {
      for (let i = 0; i < 1024; i++) {
        output.result(String(i).padEnd(1023, "."));
        await output.flowing();
      }
      return 0;
    });`;
  const node = `'${process.execPath}' --input-type=module -e '${script}'`;
  const { code, stdout } = await shell(`${node} | { sleep 1; wc -c; }; exit \${PIPESTATUS[0]}`);
  assert.deepEqual([code, stdout.trim()], [0, String(2 ** 20)]);
});

test("a training goes on to its end without standard output", async (t) => {
  const ways = {
    "a full disk": "> /dev/full 2>&1",
    "closed streams": ">&- 2>&- <&-",
    "a reader that goes": "2>&1 | head -n 2 > /dev/null",
  };
  for (const [way, redirection] of Object.entries(ways)) {
    await t.test(way, async () => {
      const logs = join(root, way.replaceAll(" ", "-"));
      const line = `bit-train ${tinyFlags(tiny.images, logs).join(" ")} --steps 4 --name run`;
      const { code } = await shell(`${line} ${redirection}; exit \${PIPESTATUS[0]}`);
      assert.equal(code, 0);
      const files = await readdir(join(logs, "run"));
      assert.ok(files.includes("result.json") && !files.includes("run.lock"), files.join());
    });
  }
});

test("events for a program that a full disk has no room for: the run goes on, and fails at its end", async () => {
  const logs = join(root, "events");
  const line = `bit-train ${tinyFlags(tiny.images, logs).join(" ")} --steps 2 --name run --json`;
  const full = await shell(`${line} > /dev/full`);
  assert.equal(full.code, 2, full.stderr);
  assert.match(full.stderr, /^error: standard output: cannot be written \(ENOSPC: .*missing$/m);
  assert.ok((await readdir(join(logs, "run"))).includes("result.json"));
  const more = line.replace("--name run", "--name more");
  const gone = await shell(`${more} | head -n 1; exit \${PIPESTATUS[0]}`);
  assert.equal(gone.code, 0, gone.stderr);
  assert.ok((await readdir(join(logs, "more"))).includes("result.json"));
});

test("what is lost of a training's lines is said once", async () => {
  const flags = tinyFlags(tiny.images, join(root, "once")).join(" ");
  const { code, stderr } = await shell(`bit-train ${flags} --steps 2 --name run > /dev/full`);
  assert.equal(code, 0);
  assert.match(stderr, /^note: standard output is lost \(ENOSPC: [^\n]*\): going on without it\n$/);
});

test("without a place for temporary files a run goes its way, or leaves nothing", async () => {
  const [logs, missing] = [join(root, "no-temporary"), join(root, "missing")];
  const line = `bit-train ${tinyFlags(tiny.images, logs).join(" ")} --steps 2 --name run`;
  const { code, stderr } = await shell(`TMPDIR=${missing} ${line}`);
  if (requireEngine().flavour !== "prebuilt") {
    assert.equal(code, 0, stderr);
    return;
  }
  // tfjs-node's binding takes its graphs from there.
  assert.notEqual(code, 0);
  assert.ok(stderr.includes(missing), stderr);
  assert.ok(!existsSync(logs));
});

/** A command that is still there a while after SIGHUP ends with 0; one that hears it ends with 129. */
function waiting(): string {
  const module = (name: string) => join(repositoryRoot, "dist", "src", "cli", `${name}.js`);
  const script = `
    import { runMain } from "${module("exit")}";
    import { interruptible } from "${module("interrupt")}";
    import { setTimeout as sleep } from "node:timers/promises";
    await runMain(async () => {
      const ended = await interruptible(async (signal) => {
        setTimeout(() => process.kill(process.pid, "SIGHUP"), 50);
        for (let i = 0; i < 20; i++) {
          await sleep(25);
          signal.throwIfAborted();
        }
      }, () => "stopped");
      return ended.stopped ? ended.exit : 0;
    });`;
  return `'${process.execPath}' --input-type=module -e '${script}'`;
}

test("a closed terminal is a stop, but not under nohup", async (t) => {
  const ways: [way: string, line: string, code: number][] = [
    ["by itself", waiting(), 129],
    ["below a shell", `bash -c ${quoted(`${waiting()}; exit $?`)}`, 129],
    ["nohup", `nohup ${waiting()}`, 0],
    ["nohup on a terminal, from a shell that sets no _", `_= ${waiting()} 0> /dev/null`, 0],
    ["nohup of a script", `nohup sh -c ${quoted(`_= ${waiting()} < /dev/null; exit $?`)}`, 0],
    ["a shell that ignores it", `trap '' HUP; ${waiting()}; exit $?`, 0],
  ];
  for (const [way, line, wanted] of ways) {
    await t.test(way, async () => {
      const { code, stderr } = await shell(line);
      assert.equal(code, wanted, stderr);
    });
  }
});

function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}
