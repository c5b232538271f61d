/**
 * `npm run pack:gpu [FOLDER]`: puts the GPU check into a folder that works on a machine without a network: `run.sh`, and
 * one archive of Node, the built check with the packages in it, and the addon's sources with their headers.
 */
import { execFileSync } from "node:child_process";
import {
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { basename, join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { build as bundle } from "esbuild";
import { build, checkNode, InstallError, installPackages, ROOT, runScript } from "./install.mjs";

const LIMIT = 60 * 2 ** 20;

const RUN = `# Checks this project on the GPU of this machine: sh run.sh [flags of the check]
# Two processes on it, which NCCL takes for two machines: sh run.sh ranks
set -e
cd "$(dirname "$0")"
here=\${BIT_CHECK:-/tmp/bit-check}
mkdir -p "$here"
tar -xJf check.tar.xz -C "$here" 2>/dev/null || python3 -c "import tarfile,sys; tarfile.open('check.tar.xz').extractall(sys.argv[1])" "$here"
if [ "$1" = ranks ]; then exec "$here/node" "$here/dist/bench/gpu/rank-step.js"; fi
exec "$here/node" "$here/dist/bench/gpu/check.js" "$@"
`;

await runScript(async () => {
  checkNode();
  await installPackages();
  if (!(await build())) throw new InstallError("The sources do not compile; see above.", 1);
  const target = resolve(process.argv[2] ?? join(ROOT, "bench-out/gpu-pack"));
  const tree = `${target}.tree`;
  for (const folder of [target, tree]) {
    rmSync(folder, { recursive: true, force: true });
    mkdirSync(folder, { recursive: true });
  }
  await bundle({
    // A thread's program lies beside what starts it.
    entryPoints: [
      ...["check", "part", "rank-step"].map((name) => `bench/gpu/${name}`),
      "src/ranks/control-thread",
    ].map((name) => ({ in: join(ROOT, "dist", `${name}.js`), out: basename(name) })),
    outdir: join(tree, "dist/bench/gpu"),
    bundle: true,
    splitting: true,
    minify: true,
    keepNames: true,
    platform: "node",
    format: "esm",
    target: "node20",
    logLevel: "warning",
    // Packages in CommonJS ask for Node's modules in their own way.
    banner: {
      js: 'import { createRequire as makeRequireOfBundle } from "node:module"; const require = makeRequireOfBundle(import.meta.url);',
    },
  });
  const copied = [
    "package.json",
    "native/pjrt",
    "native/status_name.h",
    "bench/gpu",
    "bench/torch/model.py",
  ];
  for (const path of copied) {
    cpSync(join(ROOT, path), join(tree, path), {
      recursive: true,
      filter: (file) => !file.endsWith(".ts"),
    });
  }
  const places = await import(pathToFileURL(join(ROOT, "dist/bench/gpu/places.js")).href);
  const [node, engine] = places.headerFolders();
  for (const [folder, path] of [
    [node, ""],
    [engine, "xla/pjrt/c"],
  ]) {
    const headers = readdirSync(join(folder, path)).filter((name) => name.endsWith(".h"));
    mkdirSync(join(tree, "include", path), { recursive: true });
    for (const file of headers)
      copyFileSync(join(folder, path, file), join(tree, "include", path, file));
  }
  copyFileSync(process.execPath, join(tree, "node"));
  execFileSync("strip", [join(tree, "node")], { stdio: "ignore" });
  const archive = join(target, "check.tar.xz");
  execFileSync("tar", ["-cJf", archive, "-C", tree, "."], {
    env: { ...process.env, XZ_OPT: "-6 -T2" },
  });
  rmSync(tree, { recursive: true, force: true });
  writeFileSync(join(target, "run.sh"), RUN);
  const { size } = statSync(archive);
  console.log(`${target}: ${(size / 2 ** 20).toFixed(1)} MiB`);
  if (size > LIMIT) throw new InstallError(`The pack is larger than ${LIMIT / 2 ** 20} MiB.`, 1);
  return 0;
});
