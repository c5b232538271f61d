/**
 * Which PJRT plugins there are, and what each is made of. All speak the same C API; a further one (libtpu
 * for TPUs, say) is a further row. Wheels are pinned by the SHA-256 that the package index states. What a
 * CUDA plugin opens, and where it looks (its own search path), was observed: NVIDIA's libraries in
 * `../../nvidia/`, and there too the assembler, the linker and libdevice, without which nothing compiles.
 */
import { createHash } from "node:crypto";

/** The names of plugins, as `--plugin` takes them. */
export const PLUGIN_NAMES = ["cuda13", "cuda12", "cuda12-volta", "cpu"] as const;

export type PluginName = (typeof PLUGIN_NAMES)[number];

/** One wheel of an exact version and content. */
export interface PinnedWheel {
  readonly package: string;
  readonly version: string;
  /** Of the wheel's file, in hexadecimal. */
  readonly sha256: string;
  /** The wheel's size: what a progress bar counts up to. */
  readonly sizeBytes: number;
  /** Which of its files are unpacked; they keep their names. */
  readonly wanted: RegExp;
}

export interface PluginRecipe {
  readonly name: PluginName;
  /** What it is, for people: `XLA for CUDA 13`. */
  readonly title: string;
  readonly version: string;
  /** The plugin's library, relative to the folder. */
  readonly library: string;
  /** The plugin's wheel, then those of what it opens. */
  readonly wheels: readonly PinnedWheel[];
  /** Further ones for computing on several GPUs together; each has a folder of its own. */
  readonly severalDevices: readonly (PinnedWheel & { readonly folder: string })[];
  /** Folders of the libraries that it opens, relative to the folder. */
  readonly libraryFolders: readonly string[];
  /** What a GPU must bring; undefined where none is needed. */
  readonly needs:
    | {
        /** The first driver that has this CUDA, or may run its minor versions. */
        readonly driver: string;
        /** Compute capabilities, from and to, for which its libraries hold code. */
        readonly capability: readonly [from: number, to: number];
      }
    | undefined;
  /** The most that lies on the disk at once: all wheels, and what is unpacked of them. */
  readonly peakDiskBytes: number;
}

const GIB = 2 ** 30;

/** Libraries to be loaded; not those to be linked, headers, or a second build of the same. */
const LIBRARIES = /^nvidia\/[^/]+\/lib\/(?!.*\.alt\.)[^/]+\.so[.\d]*$/;

/** Of CUDA's compiler, what turns XLA's code into the GPU's. */
const ASSEMBLER = /^nvidia\/[^/]+\/(?:bin\/(?:ptxas|nvlink)|nvvm\/libdevice\/[^/]+\.bc)$/;

const PLUGIN_LIBRARY = /^jax_plugins\/[^/]+\/[^/]+\.so$/;

const PJRT_VERSION = "0.11.2";

const CUDA13: PluginRecipe = {
  name: "cuda13",
  title: "XLA for CUDA 13",
  version: PJRT_VERSION,
  library: "jax_plugins/xla_cuda13/xla_cuda_plugin.so",
  wheels: [
    {
      package: "jax-cuda13-pjrt",
      version: PJRT_VERSION,
      sha256: "e5ff589d43064913bb74027682d89639c7ea48f9f81c2bae6fc75117e913f93e",
      sizeBytes: 134_162_640,
      wanted: PLUGIN_LIBRARY,
    },
    // From 13.2 on: before it, concurrent kernels could corrupt data on Blackwell (sm_100).
    {
      package: "nvidia-cublas",
      version: "13.2.1.1",
      sha256: "8c13c93cf8be4480b4909905c96d2d31575b4af43fcd3af0e84af94762665e4f",
      sizeBytes: 401_085_577,
      wanted: LIBRARIES,
    },
    {
      package: "nvidia-cudnn-cu13",
      version: "9.19.0.56",
      sha256: "d20e1734305e9d68889a96e3f35094d733ff1f83932ebe462753973e53a572bf",
      sizeBytes: 366_066_321,
      wanted: LIBRARIES,
    },
    {
      package: "nvidia-cuda-runtime",
      version: "13.0.96",
      sha256: "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
      sizeBytes: 2_243_632,
      wanted: LIBRARIES,
    },
    // cuDNN and cuBLASLt open it where they compile a kernel of their own.
    {
      package: "nvidia-cuda-nvrtc",
      version: "13.0.88",
      sha256: "ad9b6d2ead2435f11cbb6868809d2adeeee302e9bb94bcf0539c7a40d80e8575",
      sizeBytes: 90_215_200,
      wanted: LIBRARIES,
    },
    {
      package: "nvidia-cuda-nvcc",
      version: "13.0.88",
      sha256: "56fe502eb77625a12f25172caa3cdddb4e4c8ba2c8c17dba44b164761b380f03",
      sizeBytes: 37_384_532,
      wanted: ASSEMBLER,
    },
    {
      package: "nvidia-nvvm",
      version: "13.0.88",
      sha256: "c5f41ffeb6466944a026dfa5317d7d85355c119bbec279205d22f1869d1054e0",
      sizeBytes: 61_601_415,
      wanted: ASSEMBLER,
    },
  ],
  severalDevices: [
    {
      package: "nvidia-nccl-cu13",
      version: "2.28.9",
      sha256: "e4553a30f34195f3fa1da02a6da3d6337d28f2003943aa0a3d247bbc25fefc42",
      sizeBytes: 196_493_177,
      wanted: LIBRARIES,
      folder: "nvidia/nccl",
    },
  ],
  libraryFolders: ["nvidia/cu13/lib", "nvidia/cudnn/lib", "nvidia/nccl/lib"],
  needs: { driver: "580.65", capability: [7.5, Number.POSITIVE_INFINITY] },
  peakDiskBytes: 3.2 * GIB,
};

/** For drivers of CUDA 12. */
const CUDA12: PluginRecipe = {
  name: "cuda12",
  title: "XLA for CUDA 12",
  version: PJRT_VERSION,
  library: "jax_plugins/xla_cuda12/xla_cuda_plugin.so",
  wheels: [
    {
      package: "jax-cuda12-pjrt",
      version: PJRT_VERSION,
      sha256: "2133b3afc63307c016ae4980f166b2b3de199759363ead74f7d550eaae953463",
      sizeBytes: 188_235_313,
      wanted: PLUGIN_LIBRARY,
    },
    {
      package: "nvidia-cublas-cu12",
      version: "12.6.4.1",
      sha256: "08ed2686e9875d01b58e3cb379c6896df8e76c75e0d4a7f7dace3d7b6d9ef8eb",
      sizeBytes: 393_138_322,
      wanted: LIBRARIES,
    },
    {
      package: "nvidia-cudnn-cu12",
      version: "9.12.0.46",
      sha256: "73471a185656232b383693294431882edb14584ee47f41c0abd81556b92ef2ac",
      sizeBytes: 571_674_872,
      wanted: LIBRARIES,
    },
    {
      package: "nvidia-cuda-runtime-cu12",
      version: "12.6.77",
      sha256: "ba3b56a4f896141e25e19ab287cd71e52a6a0f4b29d0d31609f60e3b4d5219b7",
      sizeBytes: 897_690,
      wanted: LIBRARIES,
    },
    {
      package: "nvidia-cuda-nvrtc-cu12",
      version: "12.6.85",
      sha256: "800927308ccc5dd6246d3f61f7fcef2ed7ec4e59e199090d360d3293f78bd5a2",
      sizeBytes: 23_649_944,
      wanted: LIBRARIES,
    },
    {
      package: "nvidia-cuda-nvcc-cu12",
      version: "12.6.85",
      sha256: "d75d9d74599f4d7c0865df19ed21b739e6cb77a6497a3f73d6f61e8038a765e4",
      sizeBytes: 21_172_353,
      wanted: ASSEMBLER,
    },
  ],
  severalDevices: [
    {
      package: "nvidia-nccl-cu12",
      version: "2.28.9",
      sha256: "485776daa8447da5da39681af455aa3b2c2586ddcf4af8772495e7c532c7e5ab",
      sizeBytes: 296_782_137,
      wanted: LIBRARIES,
      folder: "nvidia/nccl",
    },
  ],
  libraryFolders: [
    "nvidia/cublas/lib",
    "nvidia/cuda_runtime/lib",
    "nvidia/cuda_nvrtc/lib",
    "nvidia/cudnn/lib",
    "nvidia/nccl/lib",
  ],
  // These libraries have no code for Blackwell (10.0 and on), which has drivers of CUDA 13.
  needs: { driver: "525.60", capability: [7.5, 9.9] },
  peakDiskBytes: 3.3 * GIB,
};

/** For GPUs older than Turing too: the last cuDNN that has code for them, which is larger. */
const CUDA12_VOLTA: PluginRecipe = {
  ...CUDA12,
  name: "cuda12-volta",
  title: "XLA for CUDA 12, Volta and Pascal included",
  wheels: CUDA12.wheels.map((wheel) =>
    wheel.package === "nvidia-cudnn-cu12"
      ? {
          ...wheel,
          version: "9.10.2.21",
          sha256: "949452be657fa16687d0930933f032835951ef0892b37d2d53824d1a84dc97a8",
          sizeBytes: 706_758_467,
        }
      : wheel,
  ),
  needs: { driver: "525.60", capability: [6, 9.9] },
  peakDiskBytes: 3.6 * GIB,
};

/** A third party's build of XLA's CPU plugin: for tests, and for trying XLA's way without a GPU. */
const CPU: PluginRecipe = {
  name: "cpu",
  title: "XLA for the CPU",
  version: PJRT_VERSION,
  library: "lammps_jax_pjrt_cpu/pjrt_c_api_cpu_plugin.so",
  wheels: [
    {
      package: "lammps-jax-pjrt-cpu",
      version: PJRT_VERSION,
      sha256: "1319390d948b39f69f7dade496b7c385149d9ca6097a6b62114da113216d9ad1",
      sizeBytes: 62_711_338,
      wanted: /^lammps_jax_pjrt_cpu\/[^/]+\.so$/,
    },
  ],
  severalDevices: [],
  libraryFolders: [],
  needs: undefined,
  peakDiskBytes: 0.4 * GIB,
};

/** All plugins, by name. Where several serve a GPU, the first of them is taken. */
export const PLUGINS: Readonly<Record<PluginName, PluginRecipe>> = {
  cuda13: CUDA13,
  cuda12: CUDA12,
  "cuda12-volta": CUDA12_VOLTA,
  cpu: CPU,
};

/** What a plugin's set-up fetches, in bytes. */
export function downloadBytesOf({ wheels }: Pick<PluginRecipe, "wheels">): number {
  return wheels.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}

/** The name of a plugin's folder, such as `pjrt-cuda13-0.11.2-linux-x64-3f2a91c0`. */
export function pluginFolderName(recipe: PluginRecipe): string {
  const ingredients = [
    recipe.library,
    ...recipe.wheels.map((wheel) => [wheel.sha256, String(wheel.wanted)]),
  ];
  const hash = createHash("sha256").update(JSON.stringify(ingredients)).digest("hex").slice(0, 8);
  return `pjrt-${recipe.name}-${recipe.version}-${process.platform}-${process.arch}-${hash}`;
}
