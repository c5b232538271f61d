/** 40 photos in the ways in which cameras, phones and programs write them, made once a run. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { repositoryRoot } from "../fixture-path.js";
import { once } from "./once.js";
import { python } from "./python.js";

/** The paths of the photos, sorted. scripts/make-photos.py says what they are. */
export async function photos(): Promise<string[]> {
  const script = join(repositoryRoot, "scripts", "make-photos.py");
  const folder = await once("photos", (path) => python("onnx", script, [path]));
  return (await readdir(folder)).sort().map((name) => join(folder, name));
}
