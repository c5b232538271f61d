/**
 * `npm run bench`: sets up what is missing, then measures what bit-train does, beside eager TF.js code.
 * `npm run bench -- --against torch` measures PyTorch instead and writes bench/results/<kind of processor>.md.
 * `--all` measures the rows that take long too; `--before FOLDER` another checkout's build beside this one's.
 * `--only PATTERN` measures only rows whose title matches a regular expression, and writes nothing.
 * `--quick` shows that everything runs, on tiny sizes; `--json` prints all reports as one object.
 */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { InstallError, install, ROOT, runScript } from "./install.mjs";

function parse() {
  const options = {
    against: { type: "string" },
    all: { type: "boolean", default: false },
    before: { type: "string" },
    only: { type: "string" },
    quick: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
  };
  try {
    const { values } = parseArgs({ options });
    if (values.against === undefined || values.against === "torch") return values;
  } catch (error) {
    if (!error.code?.startsWith("ERR_PARSE_ARGS")) throw error;
  }
  throw new InstallError(
    `npm run bench does not know ${process.argv.slice(2).join(" ")}\n` +
      "  expected: --against torch, --all, --before FOLDER, --quick, --only PATTERN, --json, or nothing",
  );
}

await runScript(async () => {
  const { against, all, before, only, quick, json } = parse();
  if (before !== undefined && !existsSync(join(before, "dist/src/index.js")))
    throw new InstallError(
      `--before ${before}\n  got:      no dist/src/index.js there\n` +
        "  expected: another checkout that is built: npm ci && npm run build",
    );
  for (const signal of ["SIGINT", "SIGTERM"]) process.once(signal, () => process.exit(130));
  // PyTorch is measured on the processor; so is what is held against it.
  if (against !== undefined) process.env.CUDA_VISIBLE_DEVICES = "-1";
  await install();
  const { fullSizes, quickSizes } = await import("../dist/bench/suite/sizes.js");
  const { writeResults } = await import("../dist/bench/suite/results-pages.js");
  const { runBench } = await import("../dist/bench/suite/run-bench.js");
  const { cacheFolder } = await import("../dist/src/engine/installed.js");
  const { UserError } = await import("../dist/src/errors.js");

  const flags = process.argv.slice(2);
  const result = await runBench({
    sizes: quick ? quickSizes : fullSizes,
    places: { root: ROOT, data: join(cacheFolder(), "bench"), before: before && resolve(before) },
    againstTorch: against === "torch",
    all,
    only: only === undefined ? undefined : new RegExp(only),
    command: ["npm run bench", ...(flags.length > 0 ? ["--", ...flags] : [])].join(" "),
    // The tables alone go to standard output.
    note: (line) => console.error(line),
  }).catch((error) => {
    throw error instanceof UserError ? new InstallError(error.message) : error;
  });
  const { lines, ...record } = result;
  console.log(json ? JSON.stringify(record) : ["", ...lines].join("\n"));
  if (against !== undefined && only === undefined && !quick) {
    const page = await writeResults(ROOT, result.kind, lines);
    console.error(`Written to ${page}`);
  }
  return 0;
});
