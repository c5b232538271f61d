/** Rows of metrics.jsonl: what is written is read, and what a killed run tore is none. */
import assert from "node:assert/strict";
import { test } from "node:test";
import {
  metricsLine,
  readMetrics,
  stepMetrics,
  validationMetrics,
} from "../../src/record/metrics.js";

test("rows are read as they were written", () => {
  const step = stepMetrics({ step: 3, loss: 0.5, lr: 0.003, elapsedMs: 12.34 });
  assert.deepEqual(step, { step: 3, loss: 0.5, lr: 0.003, step_ms: 12.3 });
  const end = validationMetrics("end", { loss: 0.1, top1: 0.9, top5: 1 });
  for (const row of [step, end]) {
    const line = metricsLine(row, new Date(0));
    assert.match(line, /^\{"time":"1970-01-01T00:00:00\.000Z",.*\}\n$/);
    assert.deepEqual(readMetrics(line), row);
  }
});

test("a torn row, another's row and an empty line are none", () => {
  for (const line of ["", '{"time":"1970', '{"step":"three","loss":1}', "[]", "null", '{"a":1}'])
    assert.equal(readMetrics(line), undefined, line);
  assert.deepEqual(readMetrics('{"step":1,"loss":null}'), { step: 1, loss: null });
});
