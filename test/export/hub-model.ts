/** The model of test/fixtures/safetensors, made anew: its weights are those of deterministic.ts. */
import { createHash } from "node:crypto";
import { copyFileSync, createReadStream, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeNpz } from "../../src/archive/npz-writer.js";
import { parseArchitecture, variableSpecs } from "../../src/model/architecture.js";
import { variableValues } from "../deterministic.js";
import { fixturePath } from "../fixture-path.js";

export const classNames = ["café", "eagle", "fox"];

/** What the library said of its file. */
export interface HubFacts {
  readonly sha256: string;
  readonly bytes: number;
  /** Of `imageValues(2, 64, 64)`, by the library. */
  readonly logits: readonly (readonly number[])[];
}

export type HubFixture = "transformers" | "timm" | "timm-small";

export function hubFacts(fixture: HubFixture): HubFacts {
  return JSON.parse(readFileSync(fixturePath("safetensors", fixture, "facts.json"), "utf8"));
}

/** Writes the official archive of a model with three classes. */
export async function writeDeterministic(path: string, model: string): Promise<void> {
  const arrays = variableSpecs(parseArchitecture(model), classNames.length).map((spec) => {
    return { name: spec.name, array: { shape: spec.shape, data: variableValues(spec) } };
  });
  await writeNpz(path, arrays);
}

/** Copies a fixture's JSON files into a folder. */
export function copyConfigs(fixture: HubFixture, folder: string): void {
  const files =
    fixture === "transformers" ? ["config.json", "preprocessor_config.json"] : ["config.json"];
  for (const file of files)
    copyFileSync(fixturePath("safetensors", fixture, file), join(folder, file));
}

export async function sha256Of(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
