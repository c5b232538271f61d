/**
 * Makes dist/page: the page of `bit-export --to page` without its model, the one of bit-serve, and the one of
 * reports without its runs. Each is one HTML file with its styles, program and policy; the first holds its
 * worker and TF.js's WebAssembly too.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Script } from "node:vm";

const ROOT = fileURLToPath(new URL("..", import.meta.url));
const WEB = join(ROOT, "web");
const OUT = join(ROOT, "dist/page");
const WASM = "@tensorflow/tfjs-backend-wasm";

/** What the code that pages share with Node uses of it, by packages that do the same in browsers. */
const withoutNode = {
  inject: [join(WEB, "node-buffer.ts")],
  alias: { "node:zlib": join(WEB, "node-zlib.ts") },
};

/** A page has one thread: what belongs to more of them is left out. */
const withoutThreads = {
  name: "without-threads",
  setup: ({ onResolve, onLoad }) => {
    onResolve({ filter: /tfjs-backend-wasm-threaded-simd/ }, ({ path }) => {
      return { path, namespace: "without-threads" };
    });
    onLoad({ filter: /.*/, namespace: "without-threads" }, () => {
      return { contents: 'export default undefined; export const wasmWorkerContents = "";' };
    });
  },
};

async function bundle(entry, plugins = []) {
  const esbuild = await import("esbuild");
  const { outputFiles } = await esbuild.build({
    entryPoints: [join(WEB, entry)],
    bundle: true,
    minify: true,
    write: false,
    format: "iife",
    platform: "browser",
    // The first browsers with WebAssembly's SIMD and what the page's styles need.
    target: ["chrome94", "firefox105", "safari16.4"],
    legalComments: "eof",
    // The worker's runtime looks for Node and then asks for its modules.
    external: ["fs", "path", "crypto", "worker_threads", "perf_hooks", "os", "util"],
    define: { "process.env.NODE_ENV": '"production"' },
    tsconfig: join(WEB, "tsconfig.json"),
    logLevel: "warning",
    plugins,
    ...withoutNode,
  });
  return outputFiles[0].text;
}

/** A program or a style as it may stand in an element of HTML, which some letters would end or change. */
function inHtml(text) {
  const escaped = text.replaceAll("<!--", "<\\!--");
  if (/<\/(script|style)/i.test(escaped)) throw new Error("a program ends its own element");
  return escaped;
}

/** @throws SyntaxError where it was not a string or a plain regular expression that was escaped */
function programInHtml(text) {
  const program = inHtml(text.trim());
  new Script(program);
  return program;
}

function hashOf(text) {
  return `'sha256-${createHash("sha256").update(text).digest("base64")}'`;
}

function versionOf(name) {
  return JSON.parse(readFileSync(join(ROOT, "node_modules", name, "package.json"), "utf8")).version;
}

const ownNotice = "bit-train: Apache License 2.0.";
const notices = [
  ownNotice,
  `TensorFlow.js ${versionOf("@tensorflow/tfjs-core")}, with XNNPACK and Emscripten's runtime: Copyright Google LLC,`,
  "  Apache License 2.0, https://www.apache.org/licenses/LICENSE-2.0; XNNPACK: Copyright Facebook, Inc. and Google LLC,",
  "  BSD 3-Clause; Emscripten: MIT.",
];
const reportNotices = [
  ownNotice,
  `uPlot ${versionOf("uplot")}: Copyright (c) 2022 Leon Sorokin, MIT License:`,
  ...readFileSync(join(ROOT, "node_modules/uplot/LICENSE"), "utf8").trim().split("\n"),
];

/** What the page of exports and that of a server are made of. */
const photoPage = {
  template: "page.html",
  title: "<title>Photo classifier</title>",
  styles: ["base.css", "page.css"],
  notices,
};
const reportPage = {
  template: "report.html",
  // Each report has its own.
  title: "<!-- title -->",
  styles: ["base.css", "../node_modules/uplot/dist/uPlot.min.css", "report.css"],
  notices: reportNotices,
};

/** Puts a page together, with the policy that lets it do no more than it needs. */
function assemble({ template, title, styles, notices }, program, { policy, data }) {
  const textOf = (file) => readFileSync(join(WEB, file), "utf8");
  const sheets = styles.map((file) => textOf(file).trim());
  const style = inHtml(sheets.join("\n"));
  const script = programInHtml(program);
  const allowed = {
    "default-src": "'none'",
    "script-src": `${hashOf(script)}${policy.script ?? ""}`,
    "style-src": hashOf(style),
    "img-src": "blob: data:",
    "base-uri": "'none'",
    "form-action": "'none'",
    ...policy.rest,
  };
  const text = Object.entries(allowed)
    .map((entry) => entry.join(" "))
    .join("; ");
  const parts = {
    "<!-- body -->": textOf(template).trim(),
    "<!-- title -->": title,
    "<!-- policy -->": `<meta http-equiv="Content-Security-Policy" content="${text}">`,
    "/* style */": style,
    ...(data === undefined ? {} : { "<!-- data -->": data }),
    "/* program */": script,
    "<!-- notices -->": `<!--\n${notices.join("\n")}\n-->`,
  };
  return Object.entries(parts).reduce((html, [place, part]) => {
    if (html.split(place).length !== 2) throw new Error(`${template} has not one ${place}`);
    return html.replace(place, () => part);
  }, textOf("frame.html"));
}

/** Builds the pages. */
export async function buildPages() {
  mkdirSync(OUT, { recursive: true });
  const worker = programInHtml(await bundle("worker.ts", [withoutThreads]));
  const wasm = readFileSync(
    join(ROOT, "node_modules", WASM, "dist/tfjs-backend-wasm-simd.wasm"),
  ).toString("base64");
  const filePage = assemble(photoPage, await bundle("file-page.ts"), {
    policy: {
      script: " 'wasm-unsafe-eval'",
      rest: { "worker-src": "blob:", "connect-src": "'none'" },
    },
    data: [
      `<script type="text/plain" id="worker">${worker}</script>`,
      `<script type="text/plain" id="runtime">${wasm}</script>`,
    ].join("\n"),
  });
  const serverPage = assemble(photoPage, await bundle("server-page.ts"), {
    policy: { rest: { "connect-src": "'self'" } },
    data: "",
  });
  const report = assemble(reportPage, await bundle("report/report.ts"), {
    policy: { rest: { "connect-src": "'none'" } },
  });
  writeFileSync(join(OUT, "file-page.html"), filePage);
  writeFileSync(join(OUT, "server-page.html"), serverPage);
  writeFileSync(join(OUT, "report-page.html"), report);
  return { filePage: filePage.length, serverPage: serverPage.length, report: report.length };
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const sizes = await buildPages();
  for (const [name, bytes] of Object.entries(sizes))
    console.log(`dist/page: ${name}, ${(bytes / 1e3).toFixed(0)} kB`);
}
