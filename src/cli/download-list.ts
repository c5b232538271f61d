/** What `bit-download --list` and `--dry-run` print. */
import { counted } from "../counted.js";
import { sizeText } from "../disk/size-text.js";
import { type DownloadPlan, type LocalModel, localModel } from "../zoo/local-models.js";
import { modelBytes, modelParameters, type ZooModel } from "../zoo/models.js";
import { inColumns } from "./columns.js";

/** A table of models: name, size, parameters, outputs, whether it is here, what it is trained on. */
export async function listing(models: readonly ZooModel[], folder: string): Promise<string> {
  const header = ["name", "size", "parameters", "classes", "here", "trained on"];
  const rows = [header];
  for (const model of models) {
    rows.push([
      model.name,
      sizeText(modelBytes(model)),
      `${(modelParameters(model) / 1e6).toFixed(1)} M`,
      String(model.classes),
      presenceText(await localModel(model, folder)),
      model.trainedOn,
    ]);
  }
  return inColumns(rows, [1, 2, 3]).join("\n");
}

/** The same for programs: a JSON array. */
export async function listingJson(models: readonly ZooModel[], folder: string): Promise<string> {
  const rows = [];
  for (const model of models) {
    const { path, presence, sizeBytes } = await localModel(model, folder);
    rows.push({
      name: model.name,
      path: model.path,
      sizeBytes: modelBytes(model),
      parameters: modelParameters(model),
      classes: model.classes,
      trainedOn: model.trainedOn,
      exact: model.exact,
      local: { path, presence, sizeBytes },
    });
  }
  return JSON.stringify(rows, null, 2);
}

/** What a download would fetch, and whether it fits. */
export function planText({ models, missing, missingBytes, freeBytes }: DownloadPlan): string {
  const lines = missing.map(({ model, path, presence, sizeBytes }) => {
    const size = sizeText(modelBytes(model));
    const part = presence === "partly" ? `, of which ${sizeText(sizeBytes)} are here` : "";
    return `${path}: ${size}${part}`;
  });
  for (const { path, model } of models.filter(({ presence }) => presence === "other"))
    lines.push(`${path}: something else than ${model.name} lies there`);
  const here = models.filter(({ presence }) => presence === "here").length;
  lines.push(
    `${missing.length} of ${counted(models.length, "model")} to fetch, ${sizeText(missingBytes)}; ${here} here`,
  );
  if (freeBytes === undefined) lines.push("the system does not tell how much room the disk has");
  else {
    const verdict = missingBytes <= freeBytes ? "enough" : "not enough";
    lines.push(`${sizeText(freeBytes)} free on the disk: ${verdict}`);
  }
  return lines.join("\n");
}

function presenceText({ presence, sizeBytes, model }: LocalModel): string {
  if (presence === "missing") return "-";
  if (presence !== "partly") return presence;
  return `${Math.floor((100 * sizeBytes) / modelBytes(model))} %`;
}
