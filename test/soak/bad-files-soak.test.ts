/** Damaged files for minutes on end, other ones in every run. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { tryBadFiles } from "./bad-files.js";
import { report, thorough } from "./table.js";

const seconds = 300;

test(`${seconds} s of damaged files`, {
  skip: thorough ? false : "it takes minutes: npm run test:soak",
}, async (t) => {
  const seed = Date.now() % 2 ** 31;
  t.diagnostic(`seed ${seed}`);
  const { tried, refused, readRight, crashed, crashes } = await tryBadFiles({ seconds, seed });
  report({ filesTried: tried, filesRefused: refused, filesCrashed: crashed });
  t.diagnostic(`${tried} tried, ${refused} refused, ${readRight} read as they were`);
  assert.deepEqual(crashes, []);
});
