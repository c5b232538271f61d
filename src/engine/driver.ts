/** The NVIDIA driver: whether there is one, its version, and the GPUs that it drives. */
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Where the driver shows itself. Replaced in tests. */
export interface DriverSigns {
  /** Exists while the kernel's module is loaded, and tells its version. */
  readonly kernelVersionFile: string;
  /** Holds a folder for each GPU. */
  readonly kernelGpusFolder: string;
  /** The dynamic linker's cache: names every library that it knows. */
  readonly linkerCacheFile: string;
}

const SIGNS: DriverSigns = {
  kernelVersionFile: "/proc/driver/nvidia/version",
  kernelGpusFolder: "/proc/driver/nvidia/gpus",
  linkerCacheFile: "/etc/ld.so.cache",
};

/** One GPU, as the driver tells of it. */
export interface NvidiaGpu {
  /** Its number, from 0 on, in the order of the buses. */
  readonly index: number;
  /** Such as `NVIDIA GeForce RTX 4090`. */
  readonly name: string;
  /** `GPU-...`; undefined where it is not told. */
  readonly uuid: string | undefined;
  readonly memoryBytes: number | undefined;
  /** Compute capability, such as 8.9. */
  readonly capability: number | undefined;
}

export interface NvidiaDriver {
  /** Such as `580.159.04`. */
  readonly version: string | undefined;
  readonly gpus: readonly NvidiaGpu[];
  /** What the driver's own tool complains of, where it fails. */
  readonly complaint: string | undefined;
}

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

const QUERIES = [
  "index,uuid,name,memory.total,driver_version,compute_cap",
  // Drivers of before 2021 do not know the last.
  "index,uuid,name,memory.total,driver_version",
] as const;

/**
 * The driver and its GPUs: by its own tool, nvidia-smi, which takes a moment; where that is not
 * installed, as in some containers, by what the kernel's module shows.
 * @returns undefined where there is no driver
 */
export function nvidiaDriver(signs: DriverSigns = SIGNS): NvidiaDriver | undefined {
  let complaint: string | undefined;
  for (const query of QUERIES) {
    const asked = nvidiaSmi([`--query-gpu=${query}`, "--format=csv,noheader,nounits"]);
    if (asked === undefined) break;
    if (asked.status === 0) return driverOf(asked.stdout);
    complaint = `${asked.stdout}${asked.stderr}`.trim().split("\n", 1)[0];
  }
  if (!hasNvidiaDriver(signs)) return undefined;
  const version = kernelVersion(signs);
  return { version, gpus: complaint === undefined ? kernelGpus(signs) : [], complaint };
}

/** The CUDA version that the driver has, such as `13.0`, as nvidia-smi tells it; undefined otherwise. */
export function driverCudaVersion(): string | undefined {
  return /CUDA Version\s*:\s*(\d+\.\d+)/.exec(nvidiaSmi([])?.stdout ?? "")?.[1];
}

function nvidiaSmi(
  args: readonly string[],
): { status: number | null; stdout: string; stderr: string } | undefined {
  const ended = spawnSync("nvidia-smi", args, { encoding: "utf8", timeout: 20_000 });
  return ended.error === undefined ? ended : undefined;
}

/** Of lines `0, GPU-..., NVIDIA H100, 81559, 580.159.04, 9.0`; unknown values read `[N/A]`. */
function driverOf(csv: string): NvidiaDriver {
  const rows = csv.split("\n").map((line) => line.split(", "));
  const whole = rows.filter((row) => row.length >= 5);
  return {
    version: whole[0]?.[4]?.trim(),
    gpus: whole.map(([index, uuid, name, mebibytes, , capability]) => ({
      index: Number(index),
      uuid,
      name: name ?? "",
      memoryBytes: finite(mebibytes, 2 ** 20),
      capability: finite(capability, 1),
    })),
    complaint: undefined,
  };
}

function finite(text: string | undefined, unit: number): number | undefined {
  const value = Number.parseFloat(text ?? "");
  return Number.isFinite(value) ? value * unit : undefined;
}

function kernelVersion({ kernelVersionFile }: DriverSigns): string | undefined {
  try {
    return /^NVRM version:.*?\s(\d+\.\d+(?:\.\d+)?)\s/m.exec(
      readFileSync(kernelVersionFile, "utf8"),
    )?.[1];
  } catch {
    return undefined;
  }
}

function kernelGpus({ kernelGpusFolder }: DriverSigns): NvidiaGpu[] {
  try {
    return readdirSync(kernelGpusFolder)
      .sort()
      .map((bus, index) => {
        const told = readFileSync(join(kernelGpusFolder, bus, "information"), "utf8");
        const of = (key: string) => new RegExp(`^${key}:\\s*(.+)$`, "m").exec(told)?.[1]?.trim();
        const name = of("Model") ?? "NVIDIA GPU";
        return { index, uuid: of("GPU UUID"), name, memoryBytes: undefined, capability: undefined };
      });
  } catch {
    return [];
  }
}

/**
 * The GPUs that CUDA lets a process see, in the order in which it numbers them: all, or what
 * CUDA_VISIBLE_DEVICES names by number or UUID, up to the first that is none.
 */
export function visibleGpus(
  gpus: readonly NvidiaGpu[],
  visible: string | undefined = process.env["CUDA_VISIBLE_DEVICES"],
): NvidiaGpu[] {
  if (visible === undefined) return [...gpus];
  const seen: NvidiaGpu[] = [];
  for (const entry of visible.split(",").map((text) => text.trim())) {
    const gpu = /^\d+$/.test(entry)
      ? gpus.find(({ index }) => index === Number(entry))
      : gpus.find(({ uuid }) => entry.startsWith("GPU-") && uuid?.startsWith(entry));
    // A part of a GPU (MIG) is not in the list: it is taken at its word.
    if (gpu === undefined && !entry.startsWith("MIG-")) break;
    seen.push(
      gpu ?? { index: -1, name: entry, uuid: entry, memoryBytes: undefined, capability: undefined },
    );
  }
  return seen;
}

/** Whether a driver's version is at least another, compared number by number. */
export function isDriverAtLeast(version: string, least: string): boolean {
  const [have, need] = [version, least].map((text) => text.split(".").map(Number));
  for (const [place, number] of (need ?? []).entries()) {
    const own = have?.[place] ?? 0;
    if (own !== number) return own > number;
  }
  return true;
}
