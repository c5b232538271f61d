/** What an NVIDIA driver tells, and the plugin that follows from it. */
import assert from "node:assert/strict";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import {
  driverCudaVersion,
  hasNvidiaDriver,
  isDriverAtLeast,
  type NvidiaDriver,
  nvidiaDriver,
  visibleGpus,
} from "../../src/engine/driver.js";
import { pluginFor } from "../../src/engine/gpu-plugin.js";
import { fakeNvidiaSmi, temporaryFolder, writeTool } from "./fakes.js";

/** Runs a function with another PATH: what it starts is found there alone. */
async function withPath<T>(path: string, work: () => T): Promise<T> {
  const before = process.env["PATH"];
  process.env["PATH"] = path;
  try {
    return work();
  } finally {
    process.env["PATH"] = before;
  }
}

test("the driver shows in the kernel's file or in the linker's cache", async (context) => {
  const folder = await temporaryFolder(context);
  const signs = {
    kernelVersionFile: join(folder, "version"),
    kernelGpusFolder: join(folder, "gpus"),
    linkerCacheFile: join(folder, "ld.so.cache"),
  };
  assert.equal(hasNvidiaDriver(signs), false);
  await writeFile(signs.linkerCacheFile, "\0libcudart.so.12\0libc.so.6\0");
  assert.equal(hasNvidiaDriver(signs), false);
  assert.equal(await withPath(folder, () => nvidiaDriver(signs)), undefined);
  await writeFile(signs.linkerCacheFile, "\0libcuda.so.1\0/usr/lib/wsl/lib/libcuda.so.1\0");
  assert.equal(hasNvidiaDriver(signs), true);
  await rm(signs.linkerCacheFile);
  await writeFile(
    signs.kernelVersionFile,
    "NVRM version: NVIDIA UNIX Open Kernel Module for x86_64  580.159.04  Release Build  (x)\n" +
      "GCC version:  gcc version 13.3.0\n",
  );
  assert.equal(hasNvidiaDriver(signs), true);

  // Without nvidia-smi, as in containers without NVIDIA's tools.
  for (const bus of ["0000:01:00.0", "0000:02:00.0"]) {
    await mkdir(join(signs.kernelGpusFolder, bus), { recursive: true });
    await writeFile(
      join(signs.kernelGpusFolder, bus, "information"),
      `Model: \t\t NVIDIA GeForce RTX 4090\nIRQ:   \t\t 88\nGPU UUID: \t GPU-${bus}\n`,
    );
  }
  const driver = await withPath(folder, () => nvidiaDriver(signs));
  assert.equal(driver?.version, "580.159.04");
  const told = driver.gpus.map(({ index, name, uuid }) => [index, name, uuid]);
  assert.deepEqual(told, [
    [0, "NVIDIA GeForce RTX 4090", "GPU-0000:01:00.0"],
    [1, "NVIDIA GeForce RTX 4090", "GPU-0000:02:00.0"],
  ]);

  // With one that fails, its words are kept and no GPU is counted on.
  const said = "Failed to initialize NVML: Driver/library version mismatch";
  await writeTool(folder, "nvidia-smi", `echo "${said}"; exit 18`);
  const broken = await withPath(folder, () => nvidiaDriver(signs));
  assert.equal(broken?.complaint, said);
  assert.deepEqual(broken?.gpus, []);
});

test("nvidia-smi tells driver, GPUs and CUDA version", async (context) => {
  const folder = await temporaryFolder(context);
  await fakeNvidiaSmi(folder, [
    "0, GPU-aa, NVIDIA GeForce RTX 4090, 24564, 580.65.06, 8.9",
    "1, GPU-bb, Tesla V100-SXM2-16GB, [N/A], 580.65.06, 7.0",
  ]);
  const driver = await withPath(`${folder}:/usr/bin:/bin`, () => nvidiaDriver());
  assert.deepEqual(driver, {
    version: "580.65.06",
    complaint: undefined,
    gpus: [
      {
        ...{ index: 0, uuid: "GPU-aa", name: "NVIDIA GeForce RTX 4090" },
        ...{ memoryBytes: 24564 * 2 ** 20, capability: 8.9 },
      },
      {
        ...{ index: 1, uuid: "GPU-bb", name: "Tesla V100-SXM2-16GB" },
        ...{ memoryBytes: undefined, capability: 7 },
      },
    ],
  });
  assert.equal(await withPath(`${folder}:/usr/bin:/bin`, () => driverCudaVersion()), "13.0");
});

test("versions are compared number by number", () => {
  for (const version of ["580.65", "580.65.06", "580.159.04", "581", "1000.1"])
    assert.ok(isDriverAtLeast(version, "580.65"), version);
  for (const version of ["580.64.99", "580", "99.99"])
    assert.ok(!isDriverAtLeast(version, "580.65"), version);
});

function gpu(index: number, capability: number | undefined) {
  const name = `GPU of ${capability}`;
  return { index, name, uuid: `GPU-${index}${index}`, memoryBytes: undefined, capability };
}

function driverWith(
  version: string | undefined,
  ...capabilities: (number | undefined)[]
): NvidiaDriver {
  const gpus = capabilities.map((capability, index) => gpu(index, capability));
  return { version, gpus, complaint: undefined };
}

test("the plugin follows from driver and GPUs", () => {
  const cases: readonly (readonly [NvidiaDriver, string | RegExp])[] = [
    [driverWith("580.65.06", 8.9), "cuda13"],
    [driverWith("590.1", 12), "cuda13"],
    [driverWith("580.65.06", undefined), "cuda13"],
    [driverWith(undefined, 9), "cuda13"],
    [driverWith("550.54.15", 8.6), "cuda12"],
    [driverWith("525.60.13", 8.6), "cuda12"],
    // CUDA 13 has no code for Volta and Pascal; CUDA 12 runs on a newer driver too.
    [driverWith("580.65.06", 7), "cuda12-volta"],
    [driverWith("580.65.06", 8.9, 7), "cuda12-volta"],
    [driverWith("535.1", 6.1), "cuda12-volta"],
    // None serves both: the newer of them decides.
    [driverWith("580.65.06", 12, 7), "cuda13"],
    [driverWith("470.256.02", 8.6), /470\.256\.02 is too old: version 580 or newer/],
    [driverWith("570.86.10", 12), /570\.86\.10 is too old for GPU of 12/],
    [driverWith("580.65.06", 5.2), /older than what XLA's builds hold code for/],
  ];
  for (const [driver, wanted] of cases) {
    const got = pluginFor(driver);
    const told = "name" in got ? got.name : got.lacking;
    if (typeof wanted === "string") assert.equal(told, wanted, JSON.stringify(driver));
    else assert.match(told, wanted);
  }
});

test("CUDA_VISIBLE_DEVICES chooses and orders, and ends at what is none", () => {
  const all = [gpu(0, 9), gpu(1, 9), gpu(2, 9)];
  const seen = (text: string | undefined) => visibleGpus(all, text).map(({ index }) => index);
  assert.deepEqual(seen(undefined), [0, 1, 2]);
  assert.deepEqual(seen("2,0"), [2, 0]);
  assert.deepEqual(seen("GPU-1"), [1]);
  assert.deepEqual(seen(""), []);
  assert.deepEqual(seen("-1"), []);
  assert.deepEqual(seen("1,7,0"), [1]);
  assert.deepEqual(visibleGpus(all, "MIG-x/1")[0]?.name, "MIG-x/1");
});
