/** PJRT plugins that are set up: which, and where. Nothing here loads, fetches or changes them. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { type Manifest, readManifest } from "./manifest.js";
import { PLUGINS, type PluginName, type PluginRecipe, pluginFolderName } from "./plugin-recipes.js";
import { cacheFolder, enginesFolder } from "./recipe.js";

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

/** A plugin's; its files are all that was unpacked. */
export interface PluginManifest extends Manifest {
  readonly name: PluginName;
}

/** The plugin that is set up; undefined where `readManifest` finds nothing whole. */
export function findPlugin(
  name: PluginName,
  cache: string = cacheFolder(),
  recipe: PluginRecipe = PLUGINS[name],
): InstalledPlugin | undefined {
  const folder = join(enginesFolder(cache), pluginFolderName(recipe));
  return readManifest(folder, ({ made }: PluginManifest) => ({
    name,
    title: recipe.title,
    version: recipe.version,
    folder,
    path: join(folder, recipe.library),
    libraryFolders: recipe.libraryFolders.map((path) => join(folder, path)).filter(isFolder),
    severalDevices: recipe.severalDevices.every((wheel) => isFolder(join(folder, wheel.folder))),
    made,
  }));
}

/** Whether a folder is there. */
export function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}
