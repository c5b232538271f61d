/** The registry of commands: a row each. */

import type { CommandName } from "../settings/table.js";
import type { Command } from "./command.js";
import { imageCommands } from "./image-commands.js";

/** Commands by the names that the table of settings has for them. */
export type Commands = { readonly [Name in CommandName | "completion"]: Command<Name> };

export const commands: Commands = {
  train: {
    program: "bit-train",
    summary: "fine-tunes a model, or continues a run",
    usage: "bit-train --model MODEL | --weights RUN --dataset DATASET [flags]",
    description:
      "Fine-tunes a Big Transfer model by the BiT-HyperRule. Schedule, resolution and mixup follow " +
      "from the dataset. Ctrl-C, SIGTERM or a closed terminal saves after the step; a second Ctrl-C stops " +
      "at once. The same command with the same --name continues, also after a crash. Exit codes: 0 done, " +
      "130 stopped by Ctrl-C, 143 by SIGTERM, 129 by SIGHUP, 2 something to put right (said on standard error), 1 a bug.",
    needsArguments: true,
    examples: [
      ["npx bit-train sample", "a first run, on an embedded model and embedded images"],
      ["npx bit-train --model BiT-M-R50x1 --dataset cifar10 --datadir data", "CIFAR-10, fetched"],
      ["npx bit-train --model BiT-M-R50x1 --dataset photos --batch 64", "your own image folder"],
      ["npx bit-train --model BiT-M-R50x1 --dataset cifar100 --examples_per_class 10", "few-shot"],
      ["npx bit-train --config run.yaml --seed 1", "settings from a file, and another seed"],
      ["npx bit-train --config run.yaml --name pets --seeds 3", "three seeds, mean and deviation"],
    ],
    load: () => import("./bit-train.js"),
  },
  sample: {
    program: "bit-train",
    verb: "sample",
    summary: "a first run, on an embedded model and embedded images",
    usage: "bit-train sample [flags]",
    description: "Fine-tunes the embedded model on the embedded images, and the same from scratch.",
    examples: [["npx bit-train sample --seed 1", "the same with another order of images"]],
    load: () => import("./sample.js"),
  },
  runs: {
    program: "bit-train",
    verb: "runs",
    summary: "lists the runs: how far each is, and its accuracy",
    usage: "bit-train runs [flags]",
    description:
      "Lists the runs below --logdir, by name: model, dataset, the steps of its newest checkpoint out of " +
      "all, top-1 at its end, or the best so far and after which step, and its --note; and whether it runs now. Runs of --seeds have a line together, with mean and deviation.",
    examples: [["npx bit-train runs --logdir bit_logs --json", "the same for a program"]],
    load: () => import("./runs.js"),
  },
  eval: {
    program: "bit-eval",
    summary: "top-1, top-5 and loss of a run, a checkpoint, an .npz or a published model",
    usage: "bit-eval RUN_FOLDER | FILE.npz | FILE.safetensors | MODEL [flags]",
    description:
      "Top-1 with its 95 % interval, top-5, loss, calibration, the worst classes, the most frequent and " +
      "the surest mistakes on the held-out part of a dataset (docs/evaluation.md). A run's folder says itself which " +
      "model, dataset and image size it was trained with; so does one of its checkpoints/<steps>. A " +
      "published model's name stands for its archive. Weights in safetensors may be a folder, too.",
    positional: true,
    examples: [
      ["npx bit-eval bit_logs/cifar10", "a run, on what it was trained for"],
      [
        "npx bit-eval bit_logs/cifar10 --crop 160 --json",
        "the same at another size, for a program",
      ],
      [
        "npx bit-eval bit_logs/pets --tta flip --csv predictions.csv",
        "mirrored, too; a row an image",
      ],
      [
        "npx bit-eval BiT-M-R50x1 --dataset photos --knn",
        "what its features are worth, before any training",
      ],
      [
        "npx bit-eval BiT-M-R50x1-ILSVRC2012 --dataset imagenet2012 --datadir imagenet",
        "a published model, downloaded where it is missing",
      ],
    ],
    load: () => import("./bit-eval.js"),
  },
  report: {
    program: "bit-report",
    summary: "report.html of a run, or of several side by side",
    usage: "bit-report RUN_FOLDER | NAME_seeds.json | train.log ... [flags]",
    description:
      "Writes a report that is one file and needs no network: of one run its curves, classes, confusion " +
      "matrix and calibration, and its worst mistakes as pictures, as bit-train does at the end of a run; of " +
      "several runs their curves over each other, their results, mean and deviation of those that differ in " +
      "their seeds alone, and the settings in which they differ. " +
      "A run without predictions.csv is evaluated first. A train.log of the official PyTorch code or of its " +
      "PaddlePaddle port is a run, too.",
    positional: true,
    examples: [
      ["npx bit-report bit_logs/pets", "one run, to bit_logs/pets/report.html"],
      [
        "npx bit-report bit_logs/a bit_logs/b official/train.log",
        "side by side, to comparison.html",
      ],
    ],
    load: () => import("./bit-report.js"),
  },
  predict: {
    program: "bit-predict",
    summary: "classes of images, folders, or an .npy batch, row by row",
    usage:
      "bit-predict IMAGE | FOLDER | 'PATTERN' | BATCH.npy | - ... --run RUN | --weights FILE [flags]",
    description:
      "The most probable classes of images, of folders of images, and of .npy batches (float32 " +
      "[N, H, W, 3] in [-1, 1], fed as they are). A pattern in quotes ('photos/**/*.jpg') stands for the " +
      "images that it means, - for paths on standard input, one a line or NUL-separated. A run's folder among the inputs is taken for --run. " +
      "--weights also takes safetensors of timm and transformers. " +
      "Rows are printed as they are made, in the order of the inputs. Where --bad_images is skip, an " +
      "image that cannot be decoded keeps its row, which says why (in --logits and --features: NaN), and is listed on " +
      "standard error. Exit codes: 0 done, also with skipped images; 2 something to put right, after " +
      "the rows before it, or, where images cannot be decoded and no file is to be written, after the rows of all others; 141 nobody reads the rows any more; 130, 143, 129 stopped by a signal.",
    positional: true,
    examples: [
      ["npx bit-predict photo.jpg --run bit_logs/cifar10", "one image"],
      ["npx bit-predict photos bit_logs/cifar10 --top 1 --json", "a folder, for a program"],
      [
        "find photos -name '*.jpg' | npx bit-predict - bit_logs/pets --csv classes.csv --features features.npy",
        "paths from another program; a table, and features",
      ],
      ["npx bit-predict photo.jpg --weights BiT-M-R50x1-ILSVRC2012", "by ImageNet's classes"],
      [
        "npx bit-predict photos --run bit_logs/pets --explain explained",
        "pictures of what on each image speaks for its class",
      ],
      [
        "npx bit-predict batch.npy --weights BiT-M-R50x1.npz --logits logits.npy",
        "logits of a batch made elsewhere",
      ],
    ],
    load: () => import("./bit-predict.js"),
  },
  export: {
    program: "bit-export",
    summary: "a model in another tool's format, verified; or an earlier export verified",
    usage:
      "bit-export RUN_FOLDER | FILE.npz | FILE.safetensors | MODEL --to FORMAT [flags], or --verify FOLDER",
    description:
      "Writes a model in another tool's format, with its labels and how images are prepared, reads it " +
      "back, and compares its logits of two photos with the network's own; only then the folder has its " +
      "name. --verify does the same with a copy, later and elsewhere. Exit codes: 0 done; 2 something to " +
      "put right; 130, 143, 129 stopped by a signal, and nothing is left.",
    positional: true,
    examples: [
      ["npx bit-export bit_logs/photos --to npz --f16", "an archive of half the size"],
      ["npx bit-export photos-npz --verify", "whether a copy is whole and computes the same"],
    ],
    load: () => import("./bit-export.js"),
  },
  launch: {
    program: "bit-launch",
    summary: "a training in several processes, on one machine or several",
    usage: "bit-launch --nproc N [flags] -- bit-train ...",
    description:
      "Starts the command after -- in processes that share every batch; where one is lost, all end. On several " +
      "machines it is started on each (docs/machines.md). Under srun, mpirun and others bit-train needs none of it.",
    needsArguments: true,
    positional: true,
    otherFlags: "flags of bit-launch; those of bit-train stand after it: -- bit-train --model ...",
    examples: [["npx bit-launch --nproc 2 -- bit-train --config run.yaml", "two processes here"]],
    load: () => import("./bit-launch.js"),
  },
  serve: {
    program: "bit-serve",
    summary: "a model behind HTTP: photos in, classes out",
    usage: "bit-serve RUN_FOLDER | FILE.npz | MODEL [flags]",
    description:
      "Loads a model and answers: POST /predict with a photo as the body, or a form of several, gives its " +
      "most probable classes as JSON; / is a page to try it, /health and /metrics are for machines. " +
      "Requests that come together are computed together. It listens for this machine alone unless --host " +
      "says more; there is no TLS and no authentication (docs/serve.md). Ctrl-C or SIGTERM answers what " +
      "has come and ends. Exit codes: 130, 143, 129 stopped by a signal; 2 something to put right, said " +
      "before it listens; 1 a bug.",
    positional: true,
    examples: [
      ["npx bit-serve bit_logs/pets", "a run, at http://127.0.0.1:8080/"],
      ["npx bit-serve BiT-M-R50x1-ILSVRC2012 --port 0", "a published model, at any free port"],
      [
        "curl -F image=@photo.jpg 'http://127.0.0.1:8080/predict?top=3'",
        "three classes of a photo",
      ],
    ],
    load: () => import("./bit-serve.js"),
  },
  ...imageCommands,
  download: {
    program: "bit-download",
    summary: "published models by name, resumable",
    usage: "bit-download MODEL ... [flags]",
    description:
      "Downloads pretrained models by name, or by patterns with * ? {a,b} in quotes. What was\n" +
      "interrupted goes on where it stopped. Proxies: HTTPS_PROXY, HTTP_PROXY, NO_PROXY. hf:OWNER/NAME\n" +
      "is a BiT of timm's or transformers' on the Hugging Face Hub (HF_ENDPOINT, HF_TOKEN).",
    positional: true,
    examples: [
      ["npx bit-download BiT-M-R50x1", "pretrained on ImageNet-21k, to ./BiT-M-R50x1.npz"],
      ["npx bit-download hf:timm/resnetv2_50x1_bit.goog_in21k", "the same from the Hub"],
      ["npx bit-download BiT-M-R101x3 BiT-S-R50x1 --bit_pretrained_dir models", "two models"],
      ["npx bit-download 'vtab/BiT-M-R50x1-run0-*' --dry_run", "how much 19 VTAB models are"],
      ["npx bit-download --list 'distill/*'", "the distilled models"],
      ["npx bit-download --verify", "checks all models that are here"],
    ],
    load: () => import("./bit-download.js"),
  },
  bench: {
    program: "bit-bench",
    summary: "speed of a training or evaluation step, and what memory one needs",
    usage: "bit-bench [flags]",
    description:
      "Times training or evaluation steps on random weights and on images that are already in the " +
      "engine, so that no input takes part. Reports images a second, step times and peak memory.",
    examples: [
      ["npx bit-bench --model BiT-M-R50x1", "training, 32 images of 128 x 128"],
      ["npx bit-bench --model R101x1 --mode eval --resolution 480 --batch 8", "evaluation"],
      ["npx bit-bench --memory --model R101x3 --resolution 480 --batch 8", "what a step needs"],
      ["npx bit-bench --devices 4 --batch 512", "on 1, 2 and 4 GPUs: how it scales"],
      [
        "npx bit-bench --nproc 8 --network 10Gb",
        "on 2, 4 and 8 machines: computed, by measured parts",
      ],
      ["npx bit-bench --implementation eager-textbook", "what plain TF.js code does"],
    ],
    load: () => import("./bit-bench.js"),
  },
  setup: {
    program: "bit-setup",
    summary: "prepares the native engine, or reports its state",
    usage: "bit-setup [flags]",
    description:
      "Prepares the native TensorFlow engine and, for a GPU, XLA; once for all clones and runs.\n" +
      "It is kept in $BIT_CACHE, else $XDG_CACHE_HOME/bit-train, else ~/.cache/bit-train.\n" +
      "Exit codes: 0 it is usable; 2 it is not, or lacks this version's own operations, and the\n" +
      "message says what to do; 1 a bug.",
    examples: [
      ["npx bit-setup", "TensorFlow for the CPU and, with an NVIDIA GPU, XLA for that"],
      ["npx bit-setup --check", "versions, devices, driver, its folder, what is wrong if anything"],
      ["npx bit-setup --gpu", "both, whatever was found"],
    ],
    load: () => import("./bit-setup.js"),
  },
  reproduce: {
    program: "bit-reproduce",
    summary: "repeats a published run and compares curves and top-1",
    usage: "bit-reproduce DATASET MODEL [flags]",
    description:
      "Fine-tunes as the PaddlePaddle port of BiT did (--recipe paddle), and prints the losses and " +
      "accuracies next to those that it published; where the official README has a result, tells whether top-1 is " +
      "within what is to be expected (docs/models.md). Model and dataset are fetched where they are missing.",
    positional: true,
    examples: [
      ["npx bit-reproduce cifar10 R50x1", "10,000 steps of 128 images: for a GPU"],
      ["npx bit-reproduce cifar100 R101x3 --stop_after 500", "its beginning"],
      ["npx bit-reproduce cifar10 R50x1 --examples_per_class 5 --seeds 5", "few-shot, five draws"],
    ],
    load: () => import("./reproduce.js"),
  },
  completion: {
    program: "bit-train",
    verb: "completion",
    summary: "a script by which bash, zsh or fish completes the flags of all commands",
    usage: "bit-train completion >> ~/.bashrc",
    description:
      "Prints what a shell must read to complete the flags of all commands of bit-train. They must be in its " +
      "PATH: words after npx are not completed. The shell is the one that $SHELL names.",
    examples: [
      ["npx bit-train completion >> ~/.bashrc", "for bash; a new shell has it"],
      ["npx bit-train completion >> ~/.zshrc", "for zsh"],
      ["npx bit-train completion > ~/.config/fish/completions/bit-train.fish", "for fish"],
    ],
    load: async () => {
      const { printCompletion } = await import("./completion.js");
      return { run: () => printCompletion(programs) };
    },
  },
};

/** The scripts of bin/. */
export const programs: readonly string[] = [
  ...new Set(Object.values(commands).map(({ program }) => program)),
];
