/** A service in this process, as tests need it: the sample's model on the tests' engine, at a free port. */
import { readFile } from "node:fs/promises";
import { type IncomingHttpHeaders, request } from "node:http";
import { connect } from "node:net";
import { join } from "node:path";
import { text as textOf } from "node:stream/consumers";
import type { TestContext } from "node:test";
import { sampleFolder } from "../../src/data/known-datasets.js";
import type { Engine } from "../../src/engine/session.js";
import { loadModel } from "../../src/library/loaded-model.js";
import type { LoadModelOptions, Model } from "../../src/library/model.js";
import {
  openService,
  type Service,
  type ServiceObserver,
  type ServiceOptions,
} from "../../src/serve/service.js";
import { engine as testEngine } from "../engine-for-tests.js";

export const sampleModel = "sample-R14x0.5";

export const limits: ServiceOptions = {
  host: "127.0.0.1",
  port: 0,
  allowHost: [],
  top: 5,
  maxBytes: 2 ** 20,
  maxPixels: 2 ** 20,
  maxWaiting: 64,
  timeout: 20,
};

export interface Wishes {
  readonly engine?: Engine;
  readonly options?: Partial<ServiceOptions>;
  readonly model?: LoadModelOptions;
  /** In place of the sample's. */
  readonly made?: Model;
  readonly observer?: Partial<ServiceObserver>;
}

/** Serves until the test ends. What fails within is thrown then. */
export async function served(t: TestContext, wishes: Wishes = {}): Promise<Service> {
  const { engine = testEngine, options, observer } = wishes;
  const model = wishes.made ?? (await loadModel(sampleModel, { engine, ...wishes.model }));
  const failures: unknown[] = [];
  const failed = (error: unknown) => failures.push(error);
  const service = await openService(model, { ...limits, ...options }, { failed, ...observer });
  t.after(async () => {
    await service.stop();
    await model.close();
    if (failures.length > 0) throw failures[0];
  });
  return service;
}

export interface Answered {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

interface Asked {
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array | string;
}

/** Asks as no browser does: every header as it is given, `Host` and `Origin` too. */
export function ask(
  { url }: Pick<Service, "url">,
  path: string,
  { method = "GET", headers = {}, body }: Asked = {},
): Promise<Answered> {
  return new Promise((resolve, reject) => {
    const asked = request(new URL(path, url), { method, headers, agent: false }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, text });
      });
      response.on("error", reject);
    });
    asked.on("error", reject);
    asked.end(body);
  });
}

/** Posts an image as the body. */
export function post(
  service: Pick<Service, "url">,
  body: Uint8Array,
  path = "predict",
  headers: Readonly<Record<string, string>> = {},
): Promise<Answered> {
  const type = { "content-type": "image/png" };
  return ask(service, path, { method: "POST", body, headers: { ...type, ...headers } });
}

/** Says some lines, an empty one after them, and hears all that comes until the connection is closed. */
export function raw({ port }: Pick<Service, "port">, lines: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  socket.write(`${lines}connection: close\r\n\r\n`);
  return textOf(socket);
}

export interface Row {
  readonly source: string;
  readonly top: readonly {
    readonly class: number;
    readonly probability: number;
    readonly name: string;
  }[];
  readonly logits?: readonly number[];
  readonly skipped?: string;
}

/** The rows of an answer to `/predict`. */
export function rowsOf({ text }: Answered): readonly Row[] {
  return (JSON.parse(text) as { readonly predictions: readonly Row[] }).predictions;
}

export const samplePath = (part: string) => join(sampleFolder(), "val", part);

/** A sample image's bytes. */
export const dress: Uint8Array = await readFile(samplePath("dress/000.png"));
