/** How many threads TensorFlow computes by. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { availableParallelism } from "node:os";
import { test } from "node:test";
import { requireThreadCounts, tensorflowThreads } from "../../src/engine/thread-count.js";
import { engine } from "../engine-for-tests.js";

test("TensorFlow's threads are those of its variable, else the cores that the process may use", () => {
  const status = "Name:\tnode\nCpus_allowed:\t10f\nCpus_allowed_list:\t0-3,8\nMems_allowed:\t1\n";
  assert.equal(tensorflowThreads({}, status), 5);
  assert.equal(tensorflowThreads({}, "Cpus_allowed_list:\t6\n"), 1);
  assert.equal(tensorflowThreads({ TF_NUM_INTRAOP_THREADS: "3" }, status), 3);
  // As TensorFlow, which takes these for none.
  for (const none of ["", "0", "many"])
    assert.equal(tensorflowThreads({ TF_NUM_INTRAOP_THREADS: none }, status), 5);
  assert.equal(tensorflowThreads({}, ""), availableParallelism());
});

test("a process that is bound to a core has one thread", { skip: !hasTaskset() }, () => {
  const module = new URL("../../src/engine/thread-count.js", import.meta.url).href;
  const script = `import { requireThreadCounts, tensorflowThreads } from ${JSON.stringify(module)};
    console.log(tensorflowThreads({}));`;
  const node = [process.execPath, "--input-type=module", "-e", script];
  // Any core of those that this process may use.
  const own = execFileSync("taskset", ["-cp", String(process.pid)], { encoding: "utf8" });
  const core = /(\d+)\s*$/.exec(own)![1]!;
  assert.equal(execFileSync("taskset", ["-c", core, ...node], { encoding: "utf8" }), "1\n");
});

test("the engine tells its threads on the CPU alone", () => {
  const expected = engine.target.device === "CPU" ? tensorflowThreads() : undefined;
  assert.equal(engine.threads, expected);
});

test("what is no number of threads is refused, with the variable's name", () => {
  requireThreadCounts({});
  requireThreadCounts({ TF_NUM_INTRAOP_THREADS: " 2 ", TF_NUM_INTEROP_THREADS: "0" });
  for (const name of ["TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"])
    assert.throws(() => requireThreadCounts({ [name]: "two" }), {
      name: "UserError",
      message: new RegExp(
        `^${name}: "two"[\\s\\S]*a whole number of threads[\\s\\S]*unset ${name}`,
      ),
    });
});

function hasTaskset(): boolean {
  try {
    execFileSync("taskset", ["-V"]);
    return true;
  } catch {
    return false;
  }
}
