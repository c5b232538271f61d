/**
 * The official prebuilt: what the install script of tfjs-node-gpu itself brings, TensorFlow 2.9.1 for
 * CUDA 11.2 and cuDNN 8.1. For GPUs and systems of that age, and only where its storage host answers.
 */
import { mkdir, readdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BINDING_PACKAGE, type Recipe } from "../engine/recipe.js";
import { UserError } from "../errors.js";
import { lastLines, runCommand } from "./command.js";
import { watchGrowth } from "./download.js";
import type { SetupReporter } from "./reporter.js";

/** After so long without a new byte the host is taken to be silent. */
const STALL_MS = 90_000;

export interface PrebuiltRequest {
  readonly recipe: Recipe;
  /** A new folder to work in. */
  readonly folder: string;
  /** The engine in the making. */
  readonly engine: string;
  readonly reporter: SetupReporter;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Lets npm run the package's install script in a folder apart, then takes its binding and library. They
 * keep their places to each other, since the binding looks for the library at `$ORIGIN/../../deps/lib`.
 * @returns the binding's path relative to the engine
 * @throws UserError when the host does not answer or the script fails
 */
export async function installPrebuilt(request: PrebuiltRequest): Promise<string> {
  const { folder, engine, recipe, reporter, signal } = request;
  await mkdir(folder, { recursive: true });
  await writeFile(
    join(folder, "package.json"),
    '{ "name": "bit-train-prebuilt", "private": true }\n',
  );
  const wanted = `${BINDING_PACKAGE.name}@${BINDING_PACKAGE.version}`;
  const stall = new AbortController();
  const npm = runCommand(
    "npm",
    [
      "install",
      "--prefix",
      folder,
      "--no-audit",
      "--no-fund",
      "--no-package-lock",
      "--ignore-scripts=false",
      "--foreground-scripts",
      wanted,
    ],
    {
      cwd: folder,
      // npm hands its settings to child processes by these names; they outrank .npmrc, not the flags.
      env: { ...process.env, npm_config_global: "false", TMPDIR: folder },
      signal: signal === undefined ? stall.signal : AbortSignal.any([signal, stall.signal]),
    },
  );
  const output = await watchGrowth(npm, {
    folders: [folder],
    label: `installing ${wanted} with its prebuilt library`,
    totalBytes: recipe.downloadBytes,
    reporter,
    stallMs: STALL_MS,
    onStall: () => stall.abort(new Error("stalled")),
  }).then(
    (result) => (result.status === 0 ? undefined : result.output || result.startError || ""),
    (error: unknown) => {
      signal?.throwIfAborted();
      if (stall.signal.aborted) return `nothing came for ${STALL_MS / 1000} s`;
      throw error;
    },
  );
  const made = join(folder, "node_modules", BINDING_PACKAGE.name);
  const binding = output === undefined ? await bindingIn(made) : undefined;
  if (binding === undefined)
    throw new UserError(
      "--prebuilt",
      `the install script of ${wanted} did not bring the native library:\n${lastLines(
        output ?? "it ended without an error, but there is no binding",
      )}`,
      "the storage host of the TensorFlow.js makers to answer",
      "take the engine from the Python package index instead: npx bit-setup --cpu, or npx bit-setup --gpu",
    );
  await rename(join(made, "lib"), join(engine, "lib"));
  await rename(join(made, "deps"), join(engine, "deps"));
  return binding;
}

/** `lib/napi-v8/tfjs_binding.node`, whichever N-API version it was made for. */
async function bindingIn(packageFolder: string): Promise<string | undefined> {
  const names = await readdir(join(packageFolder, "lib"), { recursive: true }).catch(() => []);
  const name = names.find((path) => path.endsWith("tfjs_binding.node"));
  return name === undefined ? undefined : join("lib", name);
}
