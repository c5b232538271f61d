/** What is bounded: bytes, pixels, images in a form, what waits, time; and how the service ends. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { request } from "node:http";
import { connect } from "node:net";
import { text as textOf } from "node:stream/consumers";
import { test } from "node:test";
import type { Engine, Session } from "../../src/engine/session.js";
import { UserError } from "../../src/errors.js";
import { loadModel } from "../../src/library/loaded-model.js";
import { type AccessRecord, openService } from "../../src/serve/service.js";
import { engine } from "../engine-for-tests.js";
import { fixturePath } from "../fixture-path.js";
import { ask, dress, limits, post, raw, rowsOf, sampleModel, served } from "./served.js";

/** The tests' engine, whose runs of the network are counted, and wait until they are let go. */
function gated(): { readonly gate: Engine; readonly batches: number[]; open: () => void } {
  const batches: number[] = [];
  let open = () => {};
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const gate: Engine = Object.create(engine, {
    open: {
      value: (...graph: Parameters<Engine["open"]>): Session => {
        const session = engine.open(...graph);
        return {
          run: async (feeds, fetches) => {
            const size = /^predict_(\d+)\/logits$/.exec(fetches[0] ?? "")?.[1];
            if (size !== undefined) {
              batches.push(Number(size));
              await opened;
            }
            return session.run(feeds, fetches);
          },
          close: () => session.close(),
        };
      },
    },
  });
  return { gate, batches, open };
}

/** Waits for something to become true; ten seconds are far more than it takes. */
async function until(what: () => boolean | Promise<boolean>): Promise<void> {
  const limit = performance.now() + 10_000;
  while (!(await what())) {
    assert.ok(performance.now() < limit, "it never became true");
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("requests that come together are computed together; health and metrics answer meanwhile", async (t) => {
  const { gate, batches, open } = gated();
  const service = await served(t, { engine: gate });
  const waiting = async (count: number) => {
    const { text } = await ask(service, "metrics");
    return text.includes(`\nbit_serve_waiting_images ${count}\n`);
  };
  const first = post(service, dress);
  await until(() => batches.length === 1);
  const others = Array.from({ length: 16 }, () => post(service, dress, "predict?top=1"));
  await until(() => waiting(17));
  assert.equal(JSON.parse((await ask(service, "health")).text).waiting, 17);
  open();
  for (const answer of await Promise.all([first, ...others])) {
    assert.equal(answer.status, 200, answer.text);
    assert.equal(rowsOf(answer)[0]!.top[0]!.name, "trouser");
  }
  // One alone, then the 16 together, but for those that were not decoded yet when the network was free.
  assert.equal(batches[0], 1);
  assert.equal(
    batches.reduce((sum, size) => sum + size),
    17,
  );
  assert.ok(batches.length <= 6, batches.join());
  const { text } = await ask(service, "metrics");
  assert.match(text, /^bit_serve_predict_seconds_count 17$/m);
  assert.match(text, /^bit_serve_requests_total\{path="\/predict",status="200"\} 17$/m);
  assert.match(text, /^bit_serve_waiting_images 0$/m);
  assert.match(text, /^bit_serve_held_bytes 0$/m);
});

test("more than may wait: 503 and when to try again; a form that never fits: 413", async (t) => {
  const { gate, batches, open } = gated();
  const service = await served(t, { engine: gate, options: { maxWaiting: 3 } });
  const form = (count: number) => {
    const body = new FormData();
    for (let i = 0; i < count; i++) body.append("image", new Blob([dress]), `${i}.png`);
    return fetch(`${service.url}predict`, { method: "POST", body });
  };
  assert.equal((await form(4)).status, 413);
  const two = [post(service, dress), post(service, dress)];
  await until(async () => JSON.parse((await ask(service, "health")).text).waiting === 2);
  assert.equal((await form(2)).status, 503);
  const third = post(service, dress);
  await until(async () => JSON.parse((await ask(service, "health")).text).waiting === 3);
  const refused = await post(service, dress);
  assert.equal(refused.status, 503);
  assert.ok(Number(refused.headers["retry-after"]) >= 1);
  assert.match(JSON.parse(refused.text).error, /3 images wait already/);
  // A client that waits to be invited sends nothing.
  const asked = request(`${service.url}predict`, {
    method: "POST",
    headers: {
      expect: "100-continue",
      "content-length": dress.length,
      "content-type": "image/png",
    },
  });
  asked.on("continue", () => assert.fail("invited"));
  asked.flushHeaders();
  const [response] = await once(asked, "response");
  assert.equal(response.statusCode, 503);
  asked.destroy();
  open();
  for (const { status } of await Promise.all([...two, third])) assert.equal(status, 200);
  assert.ok(batches.length >= 1);
  assert.equal((await post(service, dress)).status, 200);
});

test("too many bytes, said at first or found out: 413, and the next request is served", async (t) => {
  const service = await served(t, { options: { maxBytes: 5000 } });
  assert.equal((await post(service, new Uint8Array(5001))).status, 413);
  const chunked = { "transfer-encoding": "chunked" };
  assert.equal((await post(service, new Uint8Array(8000), "predict", chunked)).status, 413);
  assert.equal((await post(service, dress, "predict", chunked)).status, 200);
  const { text } = await ask(service, "metrics");
  assert.match(text, /^bit_serve_held_bytes 0$/m);
  assert.match(text, /^bit_serve_errors_total\{status="413"\} 2$/m);
});

test("an image that stands for too many pixels is refused by its header", async (t) => {
  const { gate, batches } = gated();
  const service = await served(t, { engine: gate });
  // A PNG's header says its size. Nothing but the header is right.
  const huge = Buffer.from(dress);
  huge.writeUInt32BE(1100, 16);
  huge.writeUInt32BE(1000, 20);
  const { status, text } = await post(service, huge);
  assert.equal(status, 413);
  assert.match(JSON.parse(text).error, /has 1100 x 1000 pixels/);
  assert.equal(batches.length, 0);
});

test("a JPEG of very many scans is refused, as each costs a pass over all pixels", async (t) => {
  const service = await served(t);
  const jpeg = await readFile(fixturePath("data", "images", "progressive.jpg"));
  assert.equal((await post(service, jpeg)).status, 200);
  const scan = jpeg.lastIndexOf(Buffer.from([0xff, 0xda]));
  const scans = Array.from({ length: 100 }, () => jpeg.subarray(scan, -2));
  const slow = Buffer.concat([jpeg.subarray(0, -2), ...scans, jpeg.subarray(-2)]);
  const { status, text } = await post(service, slow);
  assert.equal(status, 413);
  assert.match(JSON.parse(text).error, /more than 100 scans/);
  // What follows the image's end, as a phone's film does, is none of it.
  const behind = Buffer.concat([jpeg, ...scans]);
  assert.notEqual((await post(service, behind)).status, 413);
});

test("a form whose boundary is slow to look for keeps nobody waiting", async (t) => {
  const service = await served(t, { options: { maxBytes: 2 ** 25 } });
  const type = { "content-type": `multipart/form-data; boundary=${"a".repeat(70)}` };
  let isOver = false;
  const slow = post(service, Buffer.alloc(2 ** 23, "a"), "predict", type).then((answer) => {
    isOver = true;
    return answer;
  });
  let answered = 0;
  for (; !isOver; answered++) assert.equal((await ask(service, "health")).status, 200);
  assert.equal((await slow).status, 400);
  assert.ok(answered > 3, `${answered}`);
});

test("an answer of very many numbers is refused before it is computed", async (t) => {
  const made = await loadModel(sampleModel, { engine });
  const large: typeof made = Object.create(made, { classes: { value: 2 ** 20 } });
  const service = await served(t, { made: large });
  const { status, text } = await post(service, dress, "predict?logits=true&top=1");
  assert.equal(status, 413, text);
  assert.equal((await post(service, dress, "predict?top=1")).status, 200);
});

test("a body that never ends is given up: 408; so are headers of too many bytes: 431", async (t) => {
  const service = await served(t, { options: { timeout: 1 } });
  const socket = connect(service.port, "127.0.0.1");
  socket.write("POST /predict HTTP/1.1\r\nhost: localhost\r\ncontent-length: 100\r\n\r\nabc");
  const answer = await textOf(socket);
  assert.match(answer, /^HTTP\/1.1 408 /);
  assert.match(answer, /"error":"Request Timeout/);
  const long = `GET / HTTP/1.1\r\nhost: localhost\r\nx: ${"x".repeat(20_000)}\r\n`;
  assert.match(await raw(service, long), /^HTTP\/1.1 431 /);
  assert.match(await raw(service, "nonsense\r\n"), /^HTTP\/1.1 400 /);
  assert.equal((await ask(service, "health")).status, 200);
});

test("an answer that takes too long is given up: 503", async (t) => {
  const { gate, open } = gated();
  const service = await served(t, { engine: gate, options: { timeout: 1 } });
  const first = post(service, dress);
  await until(async () => JSON.parse((await ask(service, "health")).text).waiting === 1);
  // What waits behind it is never begun.
  const second = await post(service, dress);
  assert.equal(second.status, 503, second.text);
  assert.match(JSON.parse(second.text).error, /too long/);
  open();
  await first;
});

test("for a client that has gone nothing is computed, and its room is free again", async (t) => {
  const records: AccessRecord[] = [];
  const { gate, batches, open } = gated();
  const observer = { answered: (record: AccessRecord) => void records.push(record) };
  const service = await served(t, { engine: gate, observer });
  const first = post(service, dress);
  await until(() => batches.length === 1);
  const gone = request(`${service.url}predict`, {
    method: "POST",
    headers: { "content-type": "image/png", "content-length": dress.length },
  });
  gone.on("error", () => undefined);
  gone.end(dress);
  await until(async () => JSON.parse((await ask(service, "health")).text).waiting === 2);
  gone.destroy();
  await until(() => records.some(({ status }) => status === 499));
  open();
  assert.equal((await first).status, 200);
  assert.deepEqual(batches, [1]);
  assert.equal(JSON.parse((await ask(service, "health")).text).waiting, 0);
});

test("what fails within is told to the server's log, and the client hears 500", async (t) => {
  const failures: unknown[] = [];
  const broken: Engine = Object.create(engine, {
    open: {
      value: (...graph: Parameters<Engine["open"]>): Session => {
        const session = engine.open(...graph);
        const run: Session["run"] = async (feeds, fetches) => {
          if (fetches[0]?.startsWith("predict_")) throw new Error("the secret reason");
          return session.run(feeds, fetches);
        };
        return { run, close: () => session.close() };
      },
    },
  });
  const failed = (error: unknown) => void failures.push(error);
  const service = await served(t, { engine: broken, observer: { failed } });
  const { status, text } = await post(service, dress);
  assert.equal(status, 500);
  assert.doesNotMatch(text, /secret/);
  assert.match(String(failures[0]), /the secret reason/);
});

test("stopping answers what has come, and takes nothing new", async () => {
  const { gate, batches, open } = gated();
  const model = await loadModel(sampleModel, { engine: gate });
  const service = await openService(model, limits, { failed: assert.ifError });
  const under = post(service, dress);
  await until(() => batches.length === 1);
  const late = request(`${service.url}predict`, {
    method: "POST",
    headers: { "content-type": "image/png", "content-length": dress.length },
  });
  late.write(dress.subarray(0, 100));
  await until(async () => {
    const { text } = await ask(service, "metrics");
    return text.includes(`\nbit_serve_held_bytes ${2 * dress.length}\n`);
  });
  const stopped = service.stop();
  await until(() =>
    ask(service, "health").then(
      () => false,
      () => true,
    ),
  );
  open();
  late.end(dress.subarray(100));
  assert.equal((await under).status, 200);
  const [response] = await once(late, "response");
  assert.equal(response.statusCode, 200);
  assert.equal(response.headers.connection, "close");
  response.resume();
  await stopped;
  await model.close();
});

test("a port that is taken, an address that is none", async (t) => {
  const service = await served(t);
  const model = await loadModel(sampleModel, { engine });
  t.after(() => model.close());
  const opened = (options: object) =>
    openService(model, { ...limits, ...options }, { failed: assert.ifError });
  await assert.rejects(opened({ port: service.port }), (error) => {
    return error instanceof UserError && /taken by another program/.test(error.got);
  });
  await assert.rejects(opened({ host: "192.0.2.1" }), UserError);
  await assert.rejects(opened({ port: 70_000 }), UserError);
});
