/**
 * The 285 models fine-tuned on the 19 tasks of VTAB-1k: 5 variants, 3 runs each.
 * Source: the README of google-research/big_transfer; numbers of classes from
 * google-research/task_adaptation, scripts/run_all_tasks.sh and task_adaptation/data.
 */

/** The tasks as the files' names have them, and the outputs of their heads. */
export const vtabTasks: Readonly<Record<string, number>> = {
  caltech101: 102,
  diabetic_retinopathy: 5,
  dtd: 47,
  oxford_flowers102: 102,
  oxford_iiit_pet: 37,
  resisc45: 45,
  sun397: 397,
  cifar100: 100,
  eurosat: 10,
  patch_camelyon: 2,
  "smallnorb-elevation": 9,
  svhn: 10,
  "dsprites-orientation": 16,
  "smallnorb-azimuth": 18,
  "clevr-distance": 6,
  "clevr-count": 8,
  dmlab: 6,
  "kitti-distance": 4,
  "dsprites-xpos": 16,
};

/**
 * Tasks whose number of classes is the public dataset's own. Of the others task_adaptation made classes
 * out of numbers, or versions of the dataset differ.
 */
export const vtabTasksWithCertainClasses: ReadonlySet<string> = new Set([
  "diabetic_retinopathy",
  "dtd",
  "oxford_flowers102",
  "oxford_iiit_pet",
  "resisc45",
  "sun397",
  "cifar100",
  "eurosat",
  "patch_camelyon",
  "svhn",
]);

/** The variants that were fine-tuned on them. */
export const vtabVariants = ["R50x1", "R101x1", "R50x3", "R101x3", "R152x4"] as const;

/** Each model was fine-tuned as often, and every run is published. */
export const vtabRuns = [0, 1, 2] as const;
