/**
 * `npm run pack:npm [-- FOLDER]`: makes the package that is published, from a build of its own, and tries it as a
 * user gets it: installed into an empty folder, its commands and its library run on the engine in the cache.
 * A plain `npm pack` does not compile: .npmrc keeps npm from running scripts.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { build, checkNode, InstallError, installPackages, ROOT, runScript } from "./install.mjs";

await runScript(async () => {
  const folder = resolve(process.argv[2] ?? ".");
  checkNode();
  await installPackages();
  // Compiled files of sources that are gone would be packed too.
  rmSync(join(ROOT, "dist"), { recursive: true, force: true });
  if (!(await build())) throw new InstallError("The sources do not compile; see above.", 1);
  const flags = ["pack", "--json", "--pack-destination", folder];
  const [{ filename, files, size }] = JSON.parse(
    execFileSync("npm", flags, {
      cwd: ROOT,
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
    }),
  );
  const tarball = join(folder, filename);
  console.log(`${tarball}: ${files.length} files, ${(size / 1e6).toFixed(1)} MB`);
  tryIt(tarball);
  console.log(`Tried: npm publish ${tarball}`);
  return 0;
});

/** @param {string} tarball */
function tryIt(tarball) {
  const folder = mkdtempSync(join(tmpdir(), "bit-package-"));
  const run = (command, ...args) => {
    console.log(`$ ${[command, ...args].join(" ")}`);
    execFileSync(command, args, { cwd: folder, stdio: ["ignore", "inherit", "inherit"] });
  };
  try {
    writeFileSync(join(folder, "package.json"), '{ "private": true }');
    run("npm", "install", "--ignore-scripts", "--no-audit", "--no-fund", tarball);
    const { bin, exports, version } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
    // Without the dashes, npm takes --version for its own.
    for (const program of Object.keys(bin)) {
      const told = execFileSync("npx", ["--no", "--", program, "--version"], {
        cwd: folder,
        encoding: "utf8",
      });
      if (told.trim() !== version) throw new InstallError(`${program} says it is ${told}`, 1);
    }
    const entries = Object.keys(exports).filter((name) => !name.endsWith(".json"));
    const imports = entries.map((name) => `await import("bit-train${name.slice(1)}");`);
    run(process.execPath, "--input-type=module", "--eval", imports.join(" "));
    run("npx", "--no", "--", "bit-setup", "--check");
    run("npx", "--no", "--", "bit-train", "sample", "--steps", "4", "--name", "tried");
    const [image] = readdirSync(join(ROOT, "sample/images/val/dress"));
    const path = join(folder, "node_modules/bit-train/sample/images/val/dress", image);
    run("npx", "--no", "--", "bit-predict", path, "--run", "bit_logs/tried", "--top", "1");
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
