/** PJRT plugins that are set up: which, and where. Nothing here loads, fetches or changes them. */
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { PLUGINS, type PluginName, type PluginRecipe, pluginFolderName } from "./plugin-recipes.js";
import { cacheFolder, enginesFolder, MANIFEST_FILE } from "./recipe.js";

/** A plugin that `bit-setup` made. */
export interface InstalledPlugin {
  readonly name: PluginName;
  readonly title: string;
  readonly version: string;
  readonly folder: string;
  /** The library to open. */
  readonly path: string;
  /** Folders of the libraries that it opens itself; its own search path names them too. */
  readonly libraryFolders: readonly string[];
  /** Whether it has what several devices need to compute together. */
  readonly severalDevices: boolean;
  /** When it was made, in ISO 8601. */
  readonly made: string;
}

/** `engine.json` in a plugin's folder: written last, so its presence says that the folder is complete. */
export interface PluginManifest {
  readonly name: PluginName;
  readonly version: string;
  readonly source: string;
  readonly made: string;
  /** Sizes in bytes of what was unpacked, by path relative to the folder. */
  readonly files: Readonly<Record<string, number>>;
}

/**
 * The plugin that is set up, if it is; a few file reads.
 * @returns undefined where the folder is missing, has no manifest, or lacks a file of its manifest
 */
export function findPlugin(
  name: PluginName,
  cache: string = cacheFolder(),
  recipe: PluginRecipe = PLUGINS[name],
): InstalledPlugin | undefined {
  const folder = join(enginesFolder(cache), pluginFolderName(recipe));
  try {
    const manifest = JSON.parse(
      readFileSync(join(folder, MANIFEST_FILE), "utf8"),
    ) as PluginManifest;
    for (const [file, sizeBytes] of Object.entries(manifest.files))
      if (statSync(join(folder, file)).size !== sizeBytes) return undefined;
    return {
      name,
      title: recipe.title,
      version: recipe.version,
      folder,
      path: join(folder, recipe.library),
      libraryFolders: recipe.libraryFolders.map((path) => join(folder, path)).filter(isFolder),
      severalDevices: recipe.severalDevices.every((wheel) => isFolder(join(folder, wheel.folder))),
      made: manifest.made,
    };
  } catch {
    return undefined;
  }
}

/** Whether a folder is there. */
export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
