/** What the outputs of published models mean, where that is certain. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { packageRoot } from "../../package-root.js";
import { zooModel } from "../../zoo/models.js";
import { CIFAR_CLASSES } from "./cifar-classes.js";
import { FLOWER_NAMES } from "./flower-names.js";

/**
 * Names by task, in the order of the labels in TensorFlow Datasets, by which the published models
 * were trained.
 */
const namesByTask: Readonly<Record<string, readonly string[]>> = {
  ...CIFAR_CLASSES,
  oxford_flowers102: FLOWER_NAMES,
  svhn: words("0 1 2 3 4 5 6 7 8 9"),
  eurosat: words(`AnnualCrop Forest HerbaceousVegetation Highway Industrial Pasture PermanentCrop
    Residential River SeaLake`),
  dtd: words(`banded blotchy braided bubbly bumpy chequered cobwebbed cracked crosshatched crystalline
    dotted fibrous flecked freckled frilly gauzy grid grooved honeycombed interlaced knitted lacelike
    lined marbled matted meshed paisley perforated pitted pleated polka-dotted porous potholed scaly
    smeared spiralled sprinkled stained stratified striped studded swirly veined waffled woven wrinkled
    zigzagged`),
  resisc45: words(`airplane airport baseball_diamond basketball_court beach bridge chaparral church
    circular_farmland cloud commercial_area dense_residential desert forest freeway golf_course
    ground_track_field harbor industrial_area intersection island lake meadow medium_residential
    mobile_home_park mountain overpass palace parking_lot railway railway_station
    rectangular_farmland river roundabout runway sea_ice ship snowberg sparse_residential stadium
    storage_tank tennis_court terrace thermal_power_station wetland`),
  oxford_iiit_pet: words(`Abyssinian american_bulldog american_pit_bull_terrier basset_hound beagle
    Bengal Birman Bombay boxer British_Shorthair chihuahua Egyptian_Mau english_cocker_spaniel
    english_setter german_shorthaired great_pyrenees havanese japanese_chin keeshond leonberger
    Maine_Coon miniature_pinscher newfoundland Persian pomeranian pug Ragdoll Russian_Blue
    saint_bernard samoyed scottish_terrier shiba_inu Siamese Sphynx staffordshire_bull_terrier
    wheaten_terrier yorkshire_terrier`),
};

/**
 * The names of a published model's classes, in the order of its outputs: `n01440764 tench` for
 * ImageNet, where words alone are not unique.
 * @param model a name of the zoo, with or without its folder there: `vtab/`, `distill/`
 * @param classes outputs of its head
 * @returns undefined where the model is unknown, or what its outputs mean is not certain
 */
export async function modelClassNames(
  model: string,
  classes: number,
): Promise<readonly string[] | undefined> {
  const known = zooModel(model) ?? zooModel(`vtab/${model}`) ?? zooModel(`distill/${model}`);
  // Another head than the published one was trained on something else.
  if (known === undefined || classes !== known.classes) return undefined;
  const names = await namesOf(known.name, classes);
  return names?.length === classes ? names : undefined;
}

async function namesOf(name: string, classes: number): Promise<readonly string[] | undefined> {
  const [, task] = /^vtab\/.*-run\d-(.+)$/.exec(name) ?? [];
  if (task !== undefined) return namesByTask[task];
  if (name.endsWith("-CIFAR10")) return namesByTask["cifar10"];
  return classes === 1000 ? imageNetNames("imagenet-1k") : imageNetNames("imagenet-21k");
}

/** The classes of a list in assets/, as `n01440764 tench`. */
export async function imageNetNames(list: "imagenet-1k" | "imagenet-21k"): Promise<string[]> {
  const text = await readFile(join(packageRoot, "assets", `${list}.tsv`), "utf8");
  return text
    .trimEnd()
    .split("\n")
    .map((line) => line.replace("\t", " "));
}

function words(text: string): string[] {
  return text.trim().split(/\s+/);
}
