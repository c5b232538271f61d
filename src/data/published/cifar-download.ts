/** Fetches the archive of CIFAR-10 or CIFAR-100, which is then read as it is. */
import { join } from "node:path";
import { acquireLock } from "../../disk/file-lock.js";
import { makeFolder } from "../../disk/make-folder.js";
import type { CifarName } from "./cifar.js";
import { CIFAR_LAYOUTS, DOWNLOAD_PAGE, isCifarThere } from "./cifar-layout.js";
import { type DataFetch, fetchPublished, type PublishedFile } from "./published-file.js";

const [cifar10, cifar100] = [CIFAR_LAYOUTS.cifar10[0]!, CIFAR_LAYOUTS.cifar100[0]!];

/** The archives that are fetched, of the form for Python. */
const CIFAR_ARCHIVES: Readonly<Record<CifarName, PublishedFile>> = {
  cifar10: {
    url: DOWNLOAD_PAGE + cifar10.archive,
    md5: "c58f30108f718f92721af3b95e74349a",
    sizeBytes: 170_498_071,
  },
  cifar100: {
    url: DOWNLOAD_PAGE + cifar100.archive,
    md5: "eb9058c3a382ffc7106e4002c42a8d85",
    sizeBytes: 169_001_437,
  },
};

/**
 * Fetches a dataset's archive into `datadir`, unless something of the dataset is there.
 * @throws UserError where it cannot be had; not where `offline`, which leaves that to the reader
 */
export async function fetchMissingCifar(
  name: CifarName,
  datadir: string,
  request: DataFetch,
): Promise<void> {
  if (request.offline || (await isCifarThere(name, datadir))) return;
  await makeFolder(datadir, "--datadir");
  const lock = await acquireLock(join(datadir, name), {
    purpose: `bringing ${name} there`,
    signal: request.signal,
    note: request.note,
  });
  try {
    if (await isCifarThere(name, datadir)) return;
    await fetchPublished(CIFAR_ARCHIVES[name], datadir, request);
  } finally {
    await lock.release();
  }
}
