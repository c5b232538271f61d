/**
 * The tasks of VTAB that are not read here, and why. Of its 19 the others are: cifar100, dtd,
 * oxford_flowers102, oxford_iiit_pet, svhn, eurosat and resisc45.
 *
 * Source: Zhai et al., "A Large-scale Study of Representation Learning with the Visual Task
 * Adaptation Benchmark", and the data code of google-research/task_adaptation.
 */

const NOT_READ: Readonly<Record<string, string>> = {
  caltech101: "TFDS draws its parts by a random number generator of its own",
  sun397: "TFDS brings its own lists of the parts and shrinks the images",
  patch_camelyon: "its images come in HDF5 files",
  smallnorb: "its labels are made of angles, and its images come in a format of its own",
  dsprites: "its labels are made of positions and angles, and its images come in an HDF5 file",
  clevr: "its labels are made of descriptions of the scenes",
  dmlab: "it is published as TFRecords, packed by TFDS",
  kitti: "its labels are made of measured distances",
  diabetic_retinopathy: "it must be got from Kaggle, and TFDS crops the images",
};

/**
 * Why a task of VTAB is not read here; undefined for a name that is none of them.
 * @param name with or without the task: `clevr`, `clevr-count`, `kitti-distance`
 */
export function whyNotRead(name: string): string | undefined {
  const task = name.toLowerCase();
  const known = Object.keys(NOT_READ).find((dataset) =>
    new RegExp(`^${dataset}([-_/]|$)`).test(task),
  );
  return known === undefined ? undefined : NOT_READ[known];
}
