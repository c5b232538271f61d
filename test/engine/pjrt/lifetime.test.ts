/** Clients that are closed, forgotten or left while work is under way, in processes of their own. */
import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { cpuPlugin } from "../../cpu-plugin.js";

const plugin = await cpuPlugin();
const here = import.meta.url;

/** Runs a program that begins with a client and a long program that has one argument, `a`. */
function run(
  body: string,
  options: readonly string[] = [],
): Promise<{
  status: number | string;
  signal: string | undefined;
  stdout: string;
  stderr: string;
}> {
  const program = `
    import { Worker, isMainThread } from "node:worker_threads";
    import { setTimeout as sleep } from "node:timers/promises";
    import { openPjrt } from ${JSON.stringify(new URL("../../../src/engine/pjrt/client.js", here).href)};
    import { longProgram, sumAndProduct } from ${JSON.stringify(new URL("modules.js", here).href)};
    const client = openPjrt(${JSON.stringify(plugin)});
    const size = 256;
    const value = { type: "float32", shape: [size, size], data: new Float32Array(size * size).fill(1 / size) };
    const long = (times) => client.compile(longProgram(size, times));
    const begun = performance.now();
    ${body}`;
  const args = [...options, "--input-type=module", "--eval", program];
  return new Promise((resolve) => {
    execFile(process.execPath, args, { timeout: 120_000 }, (error, stdout, stderr) => {
      const { code = 0, signal } = error ?? {};
      resolve({ status: code ?? "none", signal: signal ?? undefined, stdout, stderr });
    });
  });
}

const ENDLESS = 1_000_000;

test("a process ends at once, with its status, while programs run", async () => {
  for (const end of ["process.exit(7);", "process.exitCode = 7; throw new Error('an end');"]) {
    const { status, signal, stderr } = await run(`
      const program = await long(${ENDLESS});
      const a = await client.put(value);
      for (let i = 0; i < 3; i++) { program.run([[a]], []); client.put(value); a.read(); }
      await sleep(50);
      ${end}`);
    assert.deepEqual(
      { signal, status },
      { signal: undefined, status: end.includes("an end") ? 1 : 7 },
      stderr,
    );
  }
});

test("a process ends at once while programs are compiled", async () => {
  const { status, signal, stdout, stderr } = await run(`
    let text = longProgram(size, 3).replace(/%y = .*/, "$&" + "\\n %y0 = stablehlo.tanh %y : tensor<256x256xf32>");
    for (let i = 0; i < 2000; i++)
      text = text.replace("%z = ", \`%y\${i + 1} = stablehlo.sine %y\${i} : tensor<256x256xf32>\\n %z = \`);
    const compiling = [client.compile(text), client.compile(text), client.compile(text)];
    Promise.all(compiling).then(() => console.log("compiled"));
    await sleep(20);
    process.exit(5);`);
  assert.deepEqual(
    { signal, status, stdout },
    { signal: undefined, status: 5, stdout: "" },
    stderr,
  );
});

test("a process ends by itself, with an open client and with values that nobody dropped", async () => {
  const { status, signal, stdout, stderr } = await run(`
    const program = await long(10);
    const [[b]] = await program.run([[await client.put(value)]], []);
    await program.run([[b]], [0]);
    console.log("done");`);
  assert.deepEqual(
    { signal, status, stdout },
    { signal: undefined, status: 0, stdout: "done\n" },
    stderr,
  );
});

test("promises keep the process alive until they are settled", async () => {
  const { status, stdout, stderr } = await run(`
    const program = await long(300);
    const a = await client.put(value);
    program.run([[a]], []).then(([[b]]) => b.read()).then((bytes) => console.log(bytes.length));`);
  assert.deepEqual({ status, stdout }, { status: 0, stdout: "262144\n" }, stderr);
});

test("a client is closed while work is under way: it ends, and nothing more is done", async () => {
  const { status, signal, stdout, stderr } = await run(`
    const program = await long(300);
    const a = await client.put(value);
    const running = program.run([[a]], []);
    const reading = a.read();
    const putting = client.put(value);
    const compiling = client.compile(sumAndProduct(1));
    const serializing = program.serialize();
    client.close();
    client.close();
    const told = [];
    for (const each of [running, reading, putting, compiling, serializing])
      told.push(await each.then(() => "done", (error) => error.message));
    const [[b]] = await running;
    for (const call of [() => b.read(), () => a.read(), () => program.run([[a]], []), () => client.put(value),
        () => client.compile(""), () => program.memory(), () => program.serialize()])
      told.push(await (async () => call())().then(() => "done", (error) => error.message));
    b.drop(); a.drop(); program.close();
    const again = openPjrt(${JSON.stringify(plugin)});
    told.push(String((await (await again.put(value)).read()).length));
    console.log(JSON.stringify(told));`);
  assert.deepEqual({ signal, status }, { signal: undefined, status: 0 }, stderr);
  const closed = "the PJRT client is closed";
  assert.deepEqual(JSON.parse(stdout), [
    ...["done", "done", "done", closed, "done"],
    ...Array(7).fill(closed),
    "262144",
  ]);
});

test("values and programs that are forgotten are freed", async () => {
  const { status, stdout, stderr } = await run(
    `
    const megabytes = 32;
    const big = { type: "uint8", shape: [megabytes << 20], data: new Uint8Array(megabytes << 20).fill(1) };
    const collect = async () => { for (let i = 0; i < 3; i++) { gc(); await sleep(5); } };
    for (let i = 0; i < 4; i++) { await client.put(big); await collect(); }
    const before = process.memoryUsage.rss();
    for (let i = 0; i < 40; i++) { const a = await client.put(big); if (i % 2) await a.read(); await collect(); }
    console.log(Math.round((process.memoryUsage.rss() - before) / 2 ** 20 / megabytes));`,
    ["--expose-gc"],
  );
  assert.equal(status, 0, stderr);
  assert.ok(Number(stdout) < 10, `${stdout} of 40 values are still there`);
});

test("workers with clients of their own end while work is under way", async () => {
  const { status, signal, stdout, stderr } = await run(`
    const worker = (end) => new Promise((resolve) => {
      const code = \`
        (async () => {
          const { parentPort } = await import("node:worker_threads");
          const { openPjrt } = await import(${JSON.stringify(new URL("../../../src/engine/pjrt/client.js", here).href)});
          const { longProgram } = await import(${JSON.stringify(new URL("modules.js", here).href)});
          const client = openPjrt(${JSON.stringify(plugin)});
          const value = { type: "float32", shape: [256, 256], data: new Float32Array(256 * 256) };
          const program = await client.compile(longProgram(256, 2000));
          const a = await client.put(value);
          for (let i = 0; i < 3; i++) { program.run([[a]], []); client.put(value); a.read(); }
          client.compile(longProgram(256, 3000));
          parentPort.postMessage("under way");
          \${end}
        })();\`;
      const thread = new Worker(code, { eval: true });
      thread.on("message", () => { if (end === "") setTimeout(() => thread.terminate(), 5); });
      thread.on("exit", resolve);
    });
    const codes = [];
    for (const end of ["", "process.exit(3)", "client.close(); process.exit(4)"]) codes.push(await worker(end));
    const [[b]] = await (await long(3)).run([[await client.put(value)]], []);
    codes.push((await b.read()).length);
    console.log(JSON.stringify(codes));`);
  assert.deepEqual({ signal, status }, { signal: undefined, status: 0 }, stderr);
  assert.deepEqual(JSON.parse(stdout), [1, 3, 4, 262144]);
});
