/** Is there an NVIDIA driver? Then the CUDA build of TensorFlow is wanted. */
import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";

/** Where the driver shows itself. Replaced in tests. */
export interface DriverSigns {
  /** Exists while the kernel's module is loaded. */
  readonly kernelVersionFile: string;
  /** The dynamic linker's cache: names every library that it knows. */
  readonly linkerCacheFile: string;
}

const SIGNS: DriverSigns = {
  kernelVersionFile: "/proc/driver/nvidia/version",
  linkerCacheFile: "/etc/ld.so.cache",
};

/**
 * Whether an NVIDIA driver is installed, by two files and without starting a process (under 1 ms).
 * Under WSL2 there is no kernel module; the driver's library is what tells.
 */
export function hasNvidiaDriver(signs: DriverSigns = SIGNS): boolean {
  if (existsSync(signs.kernelVersionFile)) return true;
  try {
    return readFileSync(signs.linkerCacheFile).includes("libcuda.so.1\0");
  } catch {
    return false;
  }
}

/** The GPUs that the driver's own tool lists, such as `NVIDIA H200`; none where it is missing. */
export function nvidiaGpuNames(): string[] {
  const listed = spawnSync("nvidia-smi", ["-L"], { encoding: "utf8", timeout: 20_000 });
  if (listed.status !== 0) return [];
  return listed.stdout
    .split("\n")
    .map((line) => /^GPU \d+: (.*?)(?: \(UUID.*)?$/.exec(line)?.[1])
    .filter((name) => name !== undefined);
}
