/** Which process this is, as each launcher says it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { UserError } from "../../src/errors.js";
import { type Environment, rankSettings } from "../../src/ranks/rank-sources.js";

const meeting = { MASTER_ADDR: "10.0.0.1", MASTER_PORT: "4000" };
const tfConfig = (type: string, index: number | string, cluster: unknown = twoWorkers) =>
  JSON.stringify({ cluster, task: { type, index } });
const twoWorkers = { worker: ["a:29400", "b:29401"] };

/** rank, ranks, host, port; undefined: by itself. */
type Expected = readonly [number, number, string, number] | undefined;

const found: readonly [string, Environment, Expected][] = [
  ["nobody", {}, undefined],
  ["torchrun", { RANK: "1", WORLD_SIZE: "2", ...meeting }, [1, 2, "10.0.0.1", 4000]],
  ["no port", { RANK: "1", WORLD_SIZE: "2", MASTER_ADDR: "a" }, [1, 2, "a", 29_400]],
  ["IPv6", { RANK: "1", WORLD_SIZE: "2", MASTER_ADDR: "fd00::1" }, [1, 2, "fd00::1", 29_400]],
  [
    "IPv6 in brackets",
    { RANK: "1", WORLD_SIZE: "2", MASTER_ADDR: "[FD00::0:1]" },
    [1, 2, "fd00::1", 29_400],
  ],
  ["one process", { RANK: "0", WORLD_SIZE: "1" }, undefined],
  [
    "SLURM, a step of srun",
    {
      ...{ SLURM_PROCID: "3", SLURM_STEP_NUM_TASKS: "4", SLURM_NTASKS: "4" },
      ...{ SLURM_STEP_NODELIST: "node[03-04,9]", SLURM_JOB_ID: "1234567" },
    },
    [3, 4, "node03", 24_567],
  ],
  [
    "SLURM, one node of a list",
    { SLURM_PROCID: "0", SLURM_STEP_NUM_TASKS: "2", SLURM_STEP_NODELIST: "gpu-7,gpu-9" },
    [0, 2, "gpu-7", 29_400],
  ],
  // The same process runs once, however many tasks the job has.
  ["SLURM, a batch script", { SLURM_PROCID: "0", SLURM_NTASKS: "4" }, undefined],
  [
    "Open MPI on one machine",
    {
      ...{ OMPI_COMM_WORLD_RANK: "1", OMPI_COMM_WORLD_SIZE: "2" },
      OMPI_COMM_WORLD_LOCAL_SIZE: "2",
    },
    [1, 2, "127.0.0.1", 29_400],
  ],
  [
    "Open MPI on several",
    {
      ...{ OMPI_COMM_WORLD_RANK: "1", OMPI_COMM_WORLD_SIZE: "2", ...meeting },
      OMPI_COMM_WORLD_LOCAL_SIZE: "1",
    },
    [1, 2, "10.0.0.1", 4000],
  ],
  ["PMI", { PMI_RANK: "0", PMI_SIZE: "3", MPI_LOCALNRANKS: "3" }, [0, 3, "127.0.0.1", 29_400]],
  ["TF_CONFIG", { TF_CONFIG: tfConfig("worker", 1) }, [1, 2, "a", 29_400]],
  [
    "TF_CONFIG with IPv6",
    { TF_CONFIG: tfConfig("worker", 1, { worker: ["[fd00::1]:29400", "[fd00::2]:29400"] }) },
    [1, 2, "fd00::1", 29_400],
  ],
  ["TF_CONFIG, text for a number", { TF_CONFIG: tfConfig("worker", "1") }, [1, 2, "a", 29_400]],
  [
    "TF_CONFIG with a chief, who is rank 0",
    { TF_CONFIG: tfConfig("worker", 0, { worker: ["b:2"], chief: ["a:1"] }) },
    [1, 2, "a", 1],
  ],
  ["TF_CONFIG without a cluster", { TF_CONFIG: "{}" }, undefined],
  [
    "Kubernetes, an indexed job",
    { JOB_COMPLETION_INDEX: "2", WORLD_SIZE: "3", MASTER_ADDR: "train-0.train" },
    [2, 3, "train-0.train", 29_400],
  ],
  ["Kubernetes, an indexed job of single runs", { JOB_COMPLETION_INDEX: "2" }, undefined],
  [
    "two that say the same",
    { RANK: "1", WORLD_SIZE: "2", PMI_RANK: "1", PMI_SIZE: "2", ...meeting },
    [1, 2, "10.0.0.1", 4000],
  ],
  [
    "one process of SLURM that starts others",
    { RANK: "1", WORLD_SIZE: "2", SLURM_PROCID: "0", SLURM_STEP_NUM_TASKS: "1", ...meeting },
    [1, 2, "10.0.0.1", 4000],
  ],
];

for (const [name, environment, expected] of found)
  test(`found: ${name}`, () => {
    const settings = rankSettings(environment);
    const got = settings && [settings.rank, settings.ranks, settings.host, settings.port];
    assert.deepEqual(got, expected);
  });

const refused: readonly [string, Environment, RegExp][] = [
  [
    "two that contradict each other",
    { RANK: "1", WORLD_SIZE: "2", PMI_RANK: "0", PMI_SIZE: "2", ...meeting },
    /RANK and WORLD_SIZE say 1 of 2; PMI \(PMI_RANK and PMI_SIZE\) say 0 of 2/,
  ],
  [
    "an index that is not the rank",
    { RANK: "1", WORLD_SIZE: "2", JOB_COMPLETION_INDEX: "0", ...meeting },
    /say 1 of 2; a Kubernetes indexed job .* say 0 of 2/,
  ],
  ["a rank alone", { RANK: "1" }, /WORLD_SIZE is not/],
  ["a size alone", { WORLD_SIZE: "2" }, /RANK is not/],
  ["a rank beyond", { RANK: "2", WORLD_SIZE: "2", ...meeting }, /rank 2 of 2/],
  ["more than can meet", { RANK: "1", WORLD_SIZE: "9999999", ...meeting }, /at most 4096/],
  ["a rank that is none", { RANK: "one", WORLD_SIZE: "2" }, /RANK: "one"/],
  ["no address", { RANK: "1", WORLD_SIZE: "2" }, /MASTER_ADDR/],
  ["a port that is none", { RANK: "1", WORLD_SIZE: "2", ...meeting, MASTER_PORT: "99999" }, /PORT/],
  [
    "an address with its port",
    { RANK: "1", WORLD_SIZE: "2", MASTER_ADDR: "10.0.0.1:29400" },
    /MASTER_ADDR: "10\.0\.0\.1:29400"\n.*without a port/,
  ],
  ["TF_CONFIG that is no JSON", { TF_CONFIG: "{" }, /no JSON/],
  ["TF_CONFIG of another task", { TF_CONFIG: tfConfig("ps", 0) }, /ps 0 is none/],
  ["TF_CONFIG without ports", { TF_CONFIG: tfConfig("worker", 0, { worker: ["a", "b"] }) }, /"a"/],
  ["TF_CONFIG without lists", { TF_CONFIG: tfConfig("worker", 0, { worker: "a:1" }) }, /no list/],
];

for (const [name, environment, message] of refused)
  test(`refused: ${name}`, () => {
    assert.throws(
      () => rankSettings(environment),
      (error) => error instanceof UserError && message.test(error.message),
    );
  });
