/** Folders with tables, as Kaggle, Hugging Face and people lay them out. */
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join, relative } from "node:path";
import { type TestContext, test } from "node:test";
import type { Dataset, Split } from "../../../src/data/dataset.js";
import { loadPath } from "../../../src/data/files/dataset-at-path.js";
import type { BadImages } from "../../../src/data/files/readable-images.js";
import { fixturePath } from "../../fixture-path.js";
import { temporaryFolder, writeTree } from "../temporary-folder.js";

const PNG = await readFile(fixturePath("data", "images", "rgba.png"));

interface Layout {
  /** The same image under each of these paths. */
  readonly images: string;
  readonly files?: Readonly<Record<string, string | Uint8Array>>;
}

async function folderOf(t: TestContext, { images, files = {} }: Layout): Promise<string> {
  const root = await temporaryFolder(t);
  const paths = images.split(" ").filter((path) => path !== "");
  await writeTree(root, Object.fromEntries(paths.map((path) => [path, PNG])));
  await writeTree(root, files);
  return root;
}

interface Shown {
  readonly train: string;
  readonly val: string;
  readonly notes: string;
  readonly faults?: readonly string[] | undefined;
}

const given = { seed: 0 };

async function load(root: string, path = ".", badImages?: BadImages): Promise<Shown> {
  const dataset = await loadPath(join(root, path), { ...given, badImages });
  assert.ok(dataset !== undefined);
  return {
    train: shown(root, dataset.train, dataset),
    val: shown(root, dataset.val, dataset),
    notes: (dataset.notes ?? []).join("\n").replaceAll(`${root}/`, ""),
    faults: dataset.faults,
  };
}

function shown(root: string, { images, labels }: Split, { classNames }: Dataset): string {
  assert.ok(images.kind === "files");
  return images.paths
    .map((path, i) => `${relative(root, path)}=${classNames[labels[i]!]}`)
    .join(" ");
}

const rejects = (loading: Promise<unknown>, message: RegExp) =>
  assert.rejects(loading, { name: "UserError", message });

test("Kaggle's dogs: labels.csv of ids, images in train/, a test/ without labels", async (t) => {
  const root = await folderOf(t, {
    images: "train/0a.jpg train/0b.jpg train/0c.jpg train/0d.jpg test/0e.jpg",
    files: {
      "labels.csv": "id,breed\n0a,pug\n0b,pug\n0c,boxer\n0d,boxer\n",
      "sample_submission.csv": "id,boxer,pug\n0e,0.5,0.5\n",
    },
  });
  const found = await load(root);
  const all = `${found.train} ${found.val}`.split(" ").sort();
  assert.equal(
    all.join(" "),
    "train/0a.jpg=pug train/0b.jpg=pug train/0c.jpg=boxer train/0d.jpg=boxer",
  );
  assert.match(found.notes, /images and labels are those of labels\.csv/);
  assert.match(
    found.notes,
    /labels\.csv: 4 of 4 paths were found by looking in train\/, with \.jpg added/,
  );
  assert.equal((await load(root, "labels.csv")).train, found.train);
});

test("Kaggle's train.csv, with a test.csv that has no labels", async (t) => {
  const root = await folderOf(t, {
    images: "train_images/a.png train_images/b.png train_images/c.png test_images/a.png",
    files: {
      "train.csv": "id_code,diagnosis\na,0\nb,2\nc,0\n",
      "test.csv": "id_code\na\n",
    },
  });
  const found = await load(root);
  assert.match(`${found.train} ${found.val}`, /train_images\/b\.png=2/);
  assert.match(found.notes, /not used: test\.csv \(without labels\)/);
  await writeTree(root, { "test.csv": "id_code,age\na,33\n" });
  assert.match((await load(root)).notes, /not used: test\.csv \(without labels\)/);
});

test("skin lesions: one table of metadata, images in two folders that are no classes", async (t) => {
  const root = await folderOf(t, {
    images: "HAM_part_1/i1.jpg HAM_part_1/i2.jpg HAM_part_2/i3.jpg HAM_part_2/i4.jpg",
    files: {
      "HAM_metadata.csv":
        "lesion_id,image_id,dx,dx_type,age\nL1,i1,nv,histo,80.0\nL2,i2,mel,histo,\nL3,i3,nv,follow_up,70\nL4,i4,mel,x,60\n",
    },
  });
  const found = await load(root);
  assert.match(`${found.train} ${found.val}`, /HAM_part_2\/i4\.jpg=mel/);
  assert.match(found.notes, /labels from "dx"; passed over: lesion_id, dx_type, age/);
});

test("class folders stay what they are beside a table that describes them", async (t) => {
  const root = await folderOf(t, {
    images: "cat/1.png cat/2.png dog/3.png dog/4.png",
    files: { "index.csv": "path,label\ncat/1.png,cat\ndog/3.png,dog\n" },
  });
  const { train, val } = await load(root);
  assert.equal(`${train} ${val}`.split(" ").length, 4);
});

test("tables of parts by other words and endings, the rest named", async (t) => {
  const root = await folderOf(t, {
    images: "train/1.jpg train/2.jpg test/1.jpg test/3.jpg",
    files: {
      "Training_set.csv": "filename,label\n1.jpg,cat\n2.jpg,dog\n",
      "Testing_set.tsv": "filename\tlabel\n1.jpg\tcat\n3.jpg\tdog\n",
    },
  });
  const found = await load(root);
  assert.equal(found.train, "train/1.jpg=cat train/2.jpg=dog");
  assert.equal(found.val, "test/1.jpg=cat test/3.jpg=dog");
  await writeTree(root, { "train.csv": "filename,label\n2.jpg,cat\n1.jpg,dog\n" });
  const plain = await load(root);
  assert.equal(plain.train, "train/2.jpg=cat train/1.jpg=dog");
  assert.match(plain.notes, /not used: Training_set\.csv/);
  assert.match(
    (await load(root, "train.csv", "report")).notes,
    /not used, beside train\.csv: Testing_set\.tsv/,
  );
});

test("Hugging Face's metadata.csv in each part counts before folders", async (t) => {
  const root = await folderOf(t, {
    images: "train/a/1.png train/b/2.png test/1.png",
    files: {
      "train/metadata.csv": "file_name,label,caption\na/1.png,cat,one cat\nb/2.png,dog,one dog\n",
      "test/metadata.jsonl": '{"file_name": "1.png", "label": "dog"}\n',
    },
  });
  const found = await load(root);
  assert.equal(found.train, "train/a/1.png=cat train/b/2.png=dog");
  assert.equal(found.val, "test/1.png=dog");
  assert.match(found.notes, /labels are those of train\/metadata\.csv, test\/metadata\.jsonl/);
});

test("Roboflow's _classes.csv of one-hot columns in each part", async (t) => {
  const root = await folderOf(t, {
    images: "train/1.jpg train/2.jpg valid/3.jpg test/4.jpg",
    files: {
      "train/_classes.csv": "filename, cat, dog\n1.jpg, 1, 0\n2.jpg, 0, 1\n",
      "valid/_classes.csv": "filename, cat, dog\n3.jpg, 0, 1\n",
      "test/_classes.csv": "filename, cat, dog\n4.jpg, 1, 0\n",
    },
  });
  const found = await load(root);
  assert.equal(found.train, "train/1.jpg=cat train/2.jpg=dog");
  assert.equal(found.val, "valid/3.jpg=dog");
});

test("a folder of class folders is not overruled by whatever table lies there", async (t) => {
  const images = "cat/1.png cat/2.png dog/3.png dog/4.png cow/5.png cow/6.png";
  const tables = [
    "filename,licence\n1.png,CC0\n3.png,CC0\n5.png,MIT\n",
    "path,label\ncat/1.png,cat\ndog/3.png,dog\n",
    "name,age\nx,3\n",
  ];
  for (const table of tables) {
    const root = await folderOf(t, { images, files: { "about.csv": table } });
    const { train, val } = await load(root);
    assert.equal(`${train} ${val}`.split(" ").length, 6, table);
  }
});

test("several tables that lead to images are named, and tables to evaluate alone not trained on", async (t) => {
  const table = "path,label\nimages/1.png,a\nimages/2.png,b\n";
  const images = "images/1.png images/2.png";
  const two = await folderOf(t, { images, files: { "a.csv": table, "b.csv": table } });
  await rejects(load(two), /several tables that lead to images: a\.csv, b\.csv/);
  const test = await folderOf(t, { images, files: { "test.csv": table } });
  await rejects(load(test), /a part test, but none to train on/);
});

test("a table in a folder of its own goes by the folder above", async (t) => {
  const root = await folderOf(t, {
    images: "images/1.png images/2.png images/3.png",
    files: { "annotations/l.csv": "path,label\nimages/1.png,a\nimages\\2.png,b\nimages/3.png,a\n" },
  });
  assert.equal((await load(root)).train, "images/1.png=a images/2.png=b");
  assert.match((await load(root)).notes, /those of the tables in annotations$/m);
  const found = await load(root, "annotations/l.csv");
  assert.equal(found.train, "images/1.png=a images/2.png=b");
  assert.match(found.notes, /3 of 3 paths go by the folder above the table's/);
});

test("Hugging Face's metadata.jsonl at the root, for parts in folders", async (t) => {
  const line = (file: string, label: number) => `${JSON.stringify({ file_name: file, label })}\n`;
  const root = await folderOf(t, {
    images: "train/1.png train/2.png validation/3.png",
    files: {
      "metadata.jsonl":
        line("train/1.png", 0) + line("train/2.png", 1) + line("validation/3.png", 1),
    },
  });
  const found = await load(root);
  assert.equal(found.train, "train/1.png=0 train/2.png=1");
  assert.equal(found.val, "validation/3.png=1");
  assert.match(found.notes, /divided by the folders of its paths: train, validation/);
});

test("metadata without labels, as for captions, leaves class folders what they are", async (t) => {
  const root = await folderOf(t, {
    images: "train/cat/1.png train/dog/2.png test/cat/3.png test/dog/4.png",
    files: { "train/metadata.csv": "file_name,text\ncat/1.png,a cat\ndog/2.png,a dog\n" },
  });
  assert.equal((await load(root)).train, "train/cat/1.png=cat train/dog/2.png=dog");
});

test("JSON lines for each part, and their paths as Windows writes them", async (t) => {
  const root = await folderOf(t, {
    images: "img/1.png img/2.png img/3.png",
    files: {
      "train.jsonl":
        '{"image": "img\\\\1.png", "label": "a"}\n{"image": "img\\\\2.png", "label": "b"}\n',
      "val.jsonl": '{"image": "img/3.png", "label": "b"}\n',
    },
  });
  const found = await load(root);
  assert.equal(found.train, "img/1.png=a img/2.png=b");
  assert.match(found.notes, /train\.jsonl: 2 of 2 paths are read with \/ for Windows' \\/);
});

test("Vertex AI's import files are read where the bucket's images lie here, by their paths", async (t) => {
  const use = "aiplatform.googleapis.com/ml_use";
  const row = (path: string, label: string, part: string) =>
    JSON.stringify({
      imageGcsUri: `gs://my-bucket/${path}`,
      classificationAnnotation: {
        displayName: label,
        annotationResourceLabels: { "aiplatform.googleapis.com/annotation_set_name": "1" },
      },
      dataItemResourceLabels: part === "" ? {} : { [use]: part },
    });
  const parts = ["training", "training", "validation", "validation"];
  const lines = (part: (i: number) => string) =>
    [0, 1, 2, 3].map((i) => row(`f/${i}.jpg`, ["cat", "dog"][i % 2]!, part(i))).join("\n");
  const root = await folderOf(t, {
    images: "f/0.jpg f/1.jpg f/2.jpg f/3.jpg",
    files: {
      "import.jsonl": lines((i) => parts[i]!),
      "whole.jsonl": lines(() => ""),
      "import.csv":
        "training,gs://b/f/0.jpg,cat\ntraining,gs://b/f/1.jpg,dog\n" +
        "test,gs://b/f/2.jpg,cat\ntest,gs://b/f/3.jpg,dog\n",
      "gone.jsonl": `${lines(() => "")}\n${row("f/7.jpg", "cat", "")}\n`,
      "several.jsonl": [["cat"], ["cat", "dog"]]
        .map((labels, i) =>
          JSON.stringify({
            imageGcsUri: `gs://b/f/${i}.jpg`,
            classificationAnnotations: labels.map((displayName) => ({ displayName })),
          }),
        )
        .join("\n"),
    },
  });
  const { train, val, notes } = await load(root, "import.jsonl");
  assert.equal(train, "f/0.jpg=cat f/1.jpg=dog");
  assert.equal(val, "f/2.jpg=cat f/3.jpg=dog");
  assert.match(notes, /paths go by what follows gs:\/\/my-bucket\//);
  const csv = await load(root, "import.csv");
  assert.deepEqual([csv.train, csv.val], [train, val]);
  const whole = await load(root, "whole.jsonl");
  assert.equal(`${whole.train} ${whole.val}`.split(" ").length, 4);
  await rejects(
    load(root, "gone.jsonl"),
    /line 5: an address, gs:\/\/my-bucket\/f\/7\.jpg, and no f\/7\.jpg below .*gcloud storage cp -r 'gs:\/\/my-bucket\/\*'/s,
  );
  assert.match(
    (await load(root, "gone.jsonl", "report")).faults?.join() ?? "",
    /line 5: an address/,
  );
  await rejects(load(root, "several.jsonl"), /a list or an object as the label/);
  const elsewhere = await folderOf(t, {
    images: "",
    files: { "a.csv": "path,label\ns3://b/1.jpg,cat\ns3://b/2.jpg,dog\n" },
  });
  await rejects(
    load(elsewhere, "a.csv"),
    /line 2: an address, s3:\/\/b\/1\.jpg \(and 1 more row like it\).*aws s3 cp --recursive 's3:\/\/b\/'/s,
  );
});

test("repeated rows count once, and are said; in two parts they are told of", async (t) => {
  const root = await folderOf(t, {
    images: "1.png 2.png 3.png",
    files: {
      "l.csv":
        "path,label,split\n1.png,a,train\n./1.png,a,train\n2.png,b,train\n3.png,b,val\n2.png,b,val\n",
    },
  });
  const found = await load(root, "l.csv");
  assert.equal(found.train, "1.png=a 2.png=b");
  assert.equal(found.val, "3.png=b 2.png=b");
  assert.match(found.notes, /l\.csv: 1 image is in train and val, which flatters results/);
  assert.match(found.notes, /l\.csv: 1 row repeats another, and is left out/);
});

test("an image of two classes is refused", async (t) => {
  const root = await folderOf(t, {
    images: "1.png 2.png",
    files: { "l.csv": "path,label\n1.png,a\n2.png,b\n./1.png,b\n" },
  });
  await rejects(load(root, "l.csv"), /line 4: .*1\.png is of the class b, and of a in line 2/);
});

test("labels that may mean none, or several, are told of", async (t) => {
  const root = await folderOf(t, {
    images: "1.png 2.png 3.png 4.png 5.png 6.png",
    files: {
      "l.csv": "1.png,scab\n2.png,rust\n3.png,scab rust\n4.png,New York\n5.png,NaN\n6.png,rust\n",
    },
  });
  const { notes } = await load(root, "l.csv", "report");
  assert.match(
    notes,
    /l\.csv: counted as a class, though it may mean that there is none: "NaN" \(1\)/,
  );
  assert.match(notes, /though they may be several: "scab rust" \(1\)$/m);
});

test("what is wrong with a table is among the findings, whatever comes later", async (t) => {
  const root = await folderOf(t, {
    images: "1.png 2.png",
    files: {
      "l.csv": "path,label\n1.png,a\n2.png,b\nC:\\x\\3.png,b\n4.png,\n5.png,a\n./1.png,b\n",
      "windows.csv": "path,label\nC:\\x\\1.png,a\nC:\\x\\2.png,b\n",
    },
  });
  const { faults } = await load(root, "l.csv", "report");
  const all = (faults ?? []).join("\n");
  assert.match(all, /line 4: a path of Windows, C:\\x\\3\.png/);
  assert.match(all, /line 5: no label/);
  assert.match(all, /line 7: .*1\.png is of the class b/);
  await rejects(
    load(root, "windows.csv", "report"),
    /line 2: a path of Windows.*1 more row like it/,
  );
});

test("a dataset that is no table is named by what it is", async (t) => {
  const zip = (name: string) =>
    Buffer.concat([
      Buffer.from("PK\x03\x04"),
      Buffer.alloc(22),
      Buffer.from([name.length, 0, 0, 0]),
      Buffer.from(name),
    ]);
  const binary = (text: string) => Buffer.from(text, "latin1");
  const cases: Readonly<Record<string, readonly [Buffer, RegExp]>> = {
    "photos.zip": [zip("cat/1.jpg"), /is a ZIP archive\n.*\n.*unzip/],
    "weights.npz": [zip("a.npy"), /is an \.npz of arrays\n.*\n.*--weights/],
    "model.pth": [zip("archive/data.pkl"), /is a PyTorch checkpoint.*\n.*\n.*--weights/],
    "x.npy": [binary("\x93NUMPY\x01\x00"), /is a single array \(\.npy\)\n.*\n.*class folders/],
    "train-images-idx3-ubyte": [
      binary("\x00\x00\x08\x03\x00\x00\xea\x60\x00\x00\x00\x1c\x00\x00\x00\x1c"),
      /is an IDX file, as of MNIST\n.*\n.*PNG into class folders/,
    ],
    "a.h5": [binary("\x89HDF\r\n\x1a\n"), /is an HDF5 file/],
    "a.arrow": [binary("ARROW1\x00\x00"), /is an Arrow file.*\n.*\n.*to_parquet/],
    "a.xlsx": [zip("[Content_Types].xml"), /is an Office document.*\n.*\n.*CSV UTF-8/],
    "a.7z": [binary("7z\xbc\xaf\x27\x1c"), /is a 7-Zip archive\n.*\n.*7z x/],
    "a.csv": [binary("<!doctype html><html>"), /is a web page/],
    "lfs.csv": [binary("version https://git-lfs.github.com/spec/v1\n"), /git lfs pull/],
    "empty.csv": [Buffer.alloc(0), /no row in it/],
    "zeros.csv": [Buffer.alloc(64), /a file of zero bytes/],
  };
  const files = Object.fromEntries(Object.entries(cases).map(([name, [bytes]]) => [name, bytes]));
  const root = await folderOf(t, { images: "", files });
  for (const [name, [, message]] of Object.entries(cases)) {
    await rejects(load(root, name), message);
    await assert.rejects(load(root, name), ({ message }) => !/save it as UTF-8/.test(message));
  }
});

test("labels in a metadata.parquet are refused: the folders would say others", async (t) => {
  const files = {
    "metadata.parquet": await readFile(
      fixturePath("data", "shards", "parquet-paths", "metadata.parquet"),
    ),
  };
  const root = await folderOf(t, { images: "a/1.png a/2.png b/3.png b/4.png", files });
  await rejects(
    load(root),
    /metadata\.parquet: labels of images.*read_parquet\('.*metadata\.csv'/s,
  );
  await writeTree(root, {
    "metadata.csv": "file_name,label\na/1.png,x\na/2.png,x\nb/3.png,y\nb/4.png,y\n",
  });
  assert.match((await load(root)).notes, /labels are those of metadata\.csv/);
});

test("labels in a metadata.parquet are known by any word that a table's are", async (t) => {
  const bytes = await readFile(fixturePath("data", "shards", "parquet-paths", "metadata.parquet"));
  // The column's name, wherever it stands, in as many bytes.
  const named = Buffer.from(bytes.toString("latin1").replaceAll("label", "breed"), "latin1");
  const root = await folderOf(t, {
    images: "a/1.png a/2.png b/3.png b/4.png",
    files: { "metadata.parquet": named },
  });
  await rejects(load(root), /metadata\.parquet: labels of images/);
});

test("a Parquet file of images' paths says how it becomes a table", async (t) => {
  const files = {
    "train.parquet": await readFile(
      fixturePath("data", "shards", "parquet-paths", "metadata.parquet"),
    ),
  };
  const root = await folderOf(t, { images: "", files });
  await rejects(load(root), /no column is the image.*where it holds their paths, write it as CSV/s);
});

test("images that lie together name the annotations beside them, and what to do", async (t) => {
  const json = '{"images": [{"id": 1, "file_name": "1.jpg"}], "annotations": [], "categories": []}';
  const layouts: readonly (readonly [
    images: string,
    file: string,
    text: string,
    message: RegExp,
  ])[] = [
    ["images/1.jpg images/2.jpg", "annotations/a.json", json, /annotations as JSON.*has a script/s],
    [
      "images/train/1.jpg images/val/2.jpg",
      "annotations/a.json",
      json,
      /as JSON, .*: annotations\/a\.json/,
    ],
    [
      "train/1.jpg valid/2.jpg",
      "train/_annotations.coco.json",
      json,
      /as JSON, .*: train\/_annotations/,
    ],
    ["train2017/1.jpg val2017/2.jpg", "annotations/a.json", json, /as JSON, .*: annotations\/a/],
    [
      "images/1.jpg annotations/trimaps/1.png",
      "annotations/xmls/1.xml",
      "<annotation/>",
      /as XML.*: annotations\/xmls\/1\.xml/,
    ],
    ["1.jpg 2.jpg", "a.json", json, /annotations as JSON/],
    ["1.jpg 2.jpg", "annotations/a.json", json, /annotations as JSON/],
    [
      "JPEGImages/1.jpg",
      "Annotations/1.xml",
      "<annotation/>",
      /annotations as XML.*Annotations\/1\.xml/,
    ],
    ["images/1.jpg", "annotations.xml", "<annotations/>", /annotations as XML/],
    [
      "train/data/1.jpg validation/data/2.jpg",
      "train/labels.json",
      '{"classes": ["cat"], "labels": {"1": 0}}',
      /train: images that lie together, and annotations as JSON.*labels\.json.*has a script/s,
    ],
    [
      "images/1.jpg",
      "train.txt",
      "1.jpg 0\n",
      /a list of paths and labels.*--dataset '.*train\.txt'/s,
    ],
    ["1.jpg 2.jpg", "odd.csv", "a,b,c\n1,2,3\n", /a table: odd\.csv.*--dataset '.*odd\.csv'/s],
  ];
  for (const [images, file, text, message] of layouts) {
    const root = await folderOf(t, { images, files: { [file]: text } });
    await rejects(load(root), message);
  }
});

test("a list named by its path names the lists of other parts", async (t) => {
  const lines = "1.jpg 0\n2.jpg 0\n3.jpg 1\n4.jpg 1\n";
  const files = { "train.txt": lines, "val.txt": "5.jpg 0\n", "synsets.txt": "cat\ndog\n" };
  const images = [1, 2, 3, 4, 5].map((i) => `images/${i}.jpg`).join(" ");
  const root = await folderOf(t, { images, files });
  assert.match(
    (await load(root, "train.txt")).notes,
    /not used, beside train\.txt: val\.txt \(written as train\.csv and val\.csv, each is a part/,
  );
});

test("annotations beside class folders change nothing", async (t) => {
  const files = { "annotations.json": "{}", "notes/a.json": "{}", "cat/1.xml": "<a/>" };
  const images = "cat/1.jpg cat/2.jpg images/1.jpg images/2.jpg notes/1.jpg notes/2.jpg";
  const root = await folderOf(t, { images, files });
  assert.match(
    (await load(root)).train,
    /cat\/\d\.jpg=cat images\/\d\.jpg=images notes\/\d\.jpg=notes/,
  );
  for (const more of ["labels/1.jpg labels/2.jpg", "train/1.jpg train/2.jpg"]) {
    const named = await folderOf(t, {
      images: `images/1.jpg images/2.jpg ${more}`,
      files: { "a.json": "{}" },
    });
    assert.match((await load(named)).train, /images\/\d\.jpg=images (labels|train)\/\d\.jpg=\1/);
  }
  const deeper = await folderOf(t, {
    images: "1.jpg cat/a/b/1.jpg cat/a/b/2.jpg dog/a/b/1.jpg dog/a/b/2.jpg",
    files: { "a.json": "{}" },
  });
  assert.match((await load(deeper)).train, /^cat.*=cat dog.*=dog/);
  const deep = await folderOf(t, {
    images: "data/1.jpg data/2.jpg cat/a/1.jpg cat/a/2.jpg",
    files: { "a.json": "{}" },
  });
  assert.match((await load(deep)).train, /=cat .*=data/);
});
