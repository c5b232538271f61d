/**
 * Tables as programs and people leave them: each dialect with what is read of it, or with why it is
 * refused. What pandas, R, Excel and numpy are named for was written as they write it.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { Faults } from "../../../src/data/faults.js";
import { readLabelTable } from "../../../src/data/tables/label-table.js";
import { findImages } from "../../../src/data/tables/table-images.js";
import { temporaryFolder, writeTree } from "../temporary-folder.js";

/** What `utf16` and the like make of a text. */
const utf16le = (text: string) => Buffer.from(`\uFEFF${text}`, "utf16le");
const utf16be = (text: string) => utf16le(text).swap16();
const latin1 = (text: string) => Buffer.from(text, "latin1");

/** What is read: `path=label` of each row, with `@part` where there is one. */
interface Read {
  readonly rows: string;
  /** What the notes say; by default there are none. */
  readonly notes?: RegExp;
  readonly file?: string;
}

async function tableOf(t: TestContext, contents: string | Uint8Array, file = "l.csv") {
  const root = await temporaryFolder(t);
  await writeTree(root, { [file]: contents });
  return readLabelTable(join(root, file));
}

const PLAIN = "1.jpg=cat 2.jpg=dog";

const READ: readonly (readonly [what: string, contents: string | Uint8Array, read: Read])[] = [
  [
    "MedMNIST's save: part, path and a number",
    "TRAIN,train0_0.png,0\nTRAIN,train1_1.png,1\nVALIDATION,val0_0.png,0\nTEST,test0_1.png,1\n",
    { rows: "train0_0.png=0@train train1_1.png=1@train val0_0.png=0@val test0_1.png=1@test" },
  ],
  [
    "no header, a number and a part",
    "1.jpg,0,train\n2.jpg,1,train\n3.jpg,0,test\n",
    { rows: "1.jpg=0@train 2.jpg=1@train 3.jpg=0@test" },
  ],
  [
    "SageMaker's list: a row's number, a class's and the path",
    "0\t1\timg/1.jpg\n1\t0\timg/2.jpg\n2\t0\timg/3.jpg\n",
    { rows: "img/1.jpg=1 img/2.jpg=0 img/3.jpg=0", file: "train.lst" },
  ],
  [
    "MXNet's list, im2rec.py",
    "0\t1.000000\timg/1.jpg\n1\t0.000000\timg/2.jpg\n",
    { rows: "img/1.jpg=1 img/2.jpg=0", file: "train.lst" },
  ],
  [
    "Label Studio's CSV",
    '"annotation_id","annotator","choice","created_at","id","image","lead_time","updated_at"\n' +
      '1,"a@b.c","cat","2026-01-01T00:00:00Z",1,"1.jpg",1.5,"2026-01-01T00:00:00Z"\n' +
      '2,"a@b.c","dog","2026-01-01T00:00:00Z",2,"2.jpg",1.5,"2026-01-01T00:00:00Z"\n',
    { rows: PLAIN, notes: /images from "image", labels from "choice"; passed over: annotation_id/ },
  ],
  [
    "lists of one, as pandas writes them",
    "path,label\n1.jpg,['cat']\n2.jpg,['dog']\n",
    { rows: PLAIN },
  ],
  [
    "lists of one, as numpy writes them",
    "path,label\n1.jpg,[3]\n2.jpg,[4]\n",
    { rows: "1.jpg=3 2.jpg=4" },
  ],
  [
    "lists of one, as JSON",
    'path,label\n1.jpg,"[""cat""]"\n2.jpg,"[""it\'s""]"\n',
    { rows: "1.jpg=cat 2.jpg=it's" },
  ],
  [
    "lists of one, as JSON escapes them",
    'path,label\n1.jpg,"[""caf\\u00e9""]"\n2.jpg,"[""\\ud83d\\udc31""]"\n3.jpg,"[""a\\\\b""]"\n',
    { rows: "1.jpg=café 2.jpg=🐱 3.jpg=a\\b" },
  ],
  [
    "lists of one, as numpy 2 writes its own values",
    "path,label\n1.jpg,[np.str_('cat')]\n2.jpg,[b'dog']\n3.jpg,[np.int64(3)]\n4.jpg,[4.]\n5.jpg,[[5]]\n",
    { rows: "1.jpg=cat 2.jpg=dog 3.jpg=3 4.jpg=4 5.jpg=5" },
  ],
  ["tuples and sets of one", "path,label\n1.jpg,\"('cat',)\"\n2.jpg,{'dog'}\n", { rows: PLAIN }],
  [
    "intervals, as pandas' cut names them",
    'path,label\n1.jpg,"(0, 10]"\n2.jpg,"[10, 20)"\n3.jpg,"(20, 30)"\n',
    { rows: "1.jpg=(0, 10] 2.jpg=[10, 20) 3.jpg=(20, 30)" },
  ],
  [
    "no header, numbers for the files' names and a part",
    "101,cat,train\n102,dog,train\n103,cat,val\n",
    { rows: "101=cat@train 102=dog@train 103=cat@val" },
  ],
  [
    "no header, each row of a class of its own, and a part",
    "0,1.jpg,train\n1,2.jpg,train\n",
    { rows: "1.jpg=0@train 2.jpg=1@train" },
  ],
  [
    "SageMaker's manifest",
    '{"source-ref": "1.jpg", "class": 1, "class-metadata": {"class-name": "cat"}}\n' +
      '{"source-ref": "2.jpg", "class": 0, "class-metadata": {"class-name": "dog"}}\n',
    {
      rows: "1.jpg=1 2.jpg=0",
      file: "train.manifest",
      notes: /images are those of the column "source-ref".*passed over: class-metadata \(lists\)/s,
    },
  ],
  [
    "a column of probabilities",
    "path,label,confidence\n1.jpg,cat,0\n2.jpg,dog,0.7\n",
    { rows: PLAIN, notes: /passed over: confidence/ },
  ],
  [
    "words in brackets",
    "path,label\n1.jpg,[other]\n2.jpg,{x}\n3.jpg,[a] or [b]\n",
    { rows: "1.jpg=[other] 2.jpg={x} 3.jpg=[a] or [b]" },
  ],
  [
    "JSON lines, lists of one",
    '{"file_name": "1.jpg", "label": ["cat"]}\n{"file_name": "2.jpg", "label": ["dog"]}\n',
    { rows: PLAIN, file: "t.jsonl" },
  ],
  ["a header", "path,label\n1.jpg,cat\n2.jpg,dog\n", { rows: PLAIN }],
  ["no header", "1.jpg,cat\n2.jpg,dog\n", { rows: PLAIN }],
  ["no newline at its end", "1.jpg,cat\n2.jpg,dog", { rows: PLAIN }],
  ["CRLF", "path,label\r\n1.jpg,cat\r\n2.jpg,dog\r\n", { rows: PLAIN }],
  ["CR alone", "path,label\r1.jpg,cat\r2.jpg,dog\r", { rows: PLAIN }],
  ["blank lines", "\n\npath,label\n\n1.jpg,cat\n,\n  \n2.jpg,dog\n\n", { rows: PLAIN }],
  ["a mark of UTF-8", "\uFEFFpath,label\n1.jpg,cat\n2.jpg,dog\n", { rows: PLAIN }],
  [
    "UTF-16, little endian",
    utf16le("path\tlabel\r\n1.jpg\tcat\r\n2.jpg\tdog\r\n"),
    { rows: PLAIN },
  ],
  ["UTF-16, big endian", utf16be("path,label\n1.jpg,cat\n2.jpg,dog\n"), { rows: PLAIN }],
  [
    "UTF-16 without a mark",
    utf16le("path,label\n1.jpg,cat\n2.jpg,dog\n").subarray(2),
    { rows: PLAIN },
  ],
  ["semicolons, as Excel in Europe", "path;label\n1.jpg;cat\n2.jpg;dog\n", { rows: PLAIN }],
  [
    "semicolons and commas in labels",
    "1.jpg;cat, tame\n2.jpg;dog, wild\n",
    { rows: "1.jpg=cat, tame 2.jpg=dog, wild" },
  ],
  ["tabs", "path\tlabel\n1.jpg\tcat\n2.jpg\tdog\n", { rows: PLAIN, file: "l.tsv" }],
  ["bars", "path|label\n1.jpg|cat\n2.jpg|dog\n", { rows: PLAIN }],
  ["Excel's sep=", "sep=;\r\npath;label\r\n1.jpg;cat\r\n2.jpg;dog\r\n", { rows: PLAIN }],
  [
    "blanks, as lists for Caffe",
    "1.jpg 3\na b/2.jpg 10\n",
    { rows: "1.jpg=3 a b/2.jpg=10", file: "train.txt" },
  ],
  ["delimiters at the end", "path,label,\n1.jpg,cat,\n2.jpg,dog,\n", { rows: PLAIN }],
  [
    "delimiters at the end of rows alone",
    "path,label\n1.jpg,cat,,\n2.jpg,dog,,\n",
    { rows: PLAIN },
  ],
  ["blanks about the cells", "path, label\n1.jpg, cat \n2.jpg,  dog\n", { rows: PLAIN }],
  ["blanks before quotes", 'path, label\n1.jpg, "cat"\n2.jpg, "dog"\n', { rows: PLAIN }],
  ["everything in quotes", '"path","label"\n"1.jpg","cat"\n"2.jpg","dog"\n', { rows: PLAIN }],
  ["doubled quotes", 'path,label\n"a ""b"", c.jpg",cat\n', { rows: 'a "b", c.jpg=cat' }],
  [
    "a newline in quotes",
    'path,label\n1.jpg,"big\ncat"\n2.jpg,dog\n',
    { rows: "1.jpg=big\ncat 2.jpg=dog" },
  ],
  ["DOS's end of file", "path,label\n1.jpg,cat\n2.jpg,dog\n\u001a", { rows: PLAIN }],
  [
    "a header with characters of no width",
    "\u00a0image\u00a0,\u200blabel\n1.jpg,cat\n2.jpg,dog\n",
    { rows: PLAIN },
  ],
  ["labels in other scripts", "path,label\n1.jpg,猫\n2.jpg,кот\n", { rows: "1.jpg=猫 2.jpg=кот" }],
  ["columns the other way about", "label,path\ncat,1.jpg\ndog,2.jpg\n", { rows: PLAIN }],
  ["the same without a header", "cat,1.jpg\ndog,2.jpg\n", { rows: PLAIN }],
  ["pandas' index", ",path,label\n0,1.jpg,cat\n1,2.jpg,dog\n", { rows: PLAIN }],
  [
    "pandas' index, saved twice",
    "Unnamed: 0.1,Unnamed: 0,path,label\n0,0,1.jpg,cat\n1,1,2.jpg,dog\n",
    { rows: PLAIN, notes: /passed over: Unnamed: 0\.1$/ },
  ],
  ["an index without a header", "0,1.jpg,cat\n1,2.jpg,dog\n", { rows: PLAIN }],
  ["R's row names", '"path","label"\n"1","1.jpg","cat"\n"2","2.jpg","dog"\n', { rows: PLAIN }],
  [
    "pandas' floats of whole numbers",
    "path,label\n1.jpg,1.0\n2.jpg,10.0\n",
    { rows: "1.jpg=1 2.jpg=10" },
  ],
  ["numpy's header", "# path,label\n1.jpg,cat\n2.jpg,dog\n", { rows: PLAIN }],
  [
    "comments",
    "# by me, 2024\n# path and label\npath,label\n1.jpg,cat\n#2.jpg,cow\n2.jpg,dog\n",
    { rows: "1.jpg=cat #2.jpg=cow 2.jpg=dog", notes: /^2 comments passed over$/ },
  ],
  ["Hugging Face's file_name", "file_name,label\n1.jpg,cat\n2.jpg,dog\n", { rows: PLAIN }],
  ["filename, class_name", "Filename,Class Name\n1.jpg,cat\n2.jpg,dog\n", { rows: PLAIN }],
  ["image_path, target", "image_path,target\n1.jpg,cat\n2.jpg,dog\n", { rows: PLAIN }],
  [
    "Kaggle's id, breed",
    "id,breed\n000bec18,cat\n001513df,dog\n",
    { rows: "000bec18=cat 001513df=dog" },
  ],
  ["Kaggle's image_id, label", "image_id,label\n1.jpg,0\n2.jpg,3\n", { rows: "1.jpg=0 2.jpg=3" }],
  ["img, category", "img,category\n1.jpg,cat\n2.jpg,dog\n", { rows: PLAIN }],
  ["image, species", "image,species\n1.jpg,cat\n2.jpg,dog\n", { rows: PLAIN }],
  [
    "a label of no known word",
    "id_code,level_of_it\n1,4\n2,0\n",
    { rows: "1=4 2=0", notes: /labels are those of the column "level_of_it"/ },
  ],
  [
    "a path of no known word",
    "photograph_at,label\n1.jpg,cat\n2.jpg,dog\n",
    { rows: PLAIN, notes: /images are those of the column "photograph_at"/ },
  ],
  [
    "ids in a column of no known word",
    "StudyInstance,Target\n12,cat\n13,dog\n",
    { rows: "12=cat 13=dog", notes: /images are those of the column "StudyInstance"/ },
  ],
  [
    "further columns",
    "image_id,label,variety,age\n1.jpg,cat,x,45\n2.jpg,dog,y,50\n",
    {
      rows: PLAIN,
      notes: /images from "image_id", labels from "label"; passed over: variety, age/,
    },
  ],
  [
    "numbers and names of the classes",
    "class id,filepaths,labels,data set\n0,1.jpg,cat,train\n1,2.jpg,dog,test\n",
    {
      rows: "1.jpg=cat@train 2.jpg=dog@test",
      notes: /labels from "labels", parts from "data set"; passed over: class id/,
    },
  ],
  [
    "names beside a label of numbers",
    "path,label,class_name\n1.jpg,0,cat\n2.jpg,1,dog\n3.jpg,0,cat\n",
    {
      rows: "1.jpg=cat 2.jpg=dog 3.jpg=cat",
      notes: /labels from "class_name"; passed over: label/,
    },
  ],
  [
    "a label and a coarser one",
    "path,label,category\n1.jpg,cat,pet\n2.jpg,dog,pet\n",
    { rows: PLAIN, notes: /labels from "label"; passed over: category/ },
  ],
  [
    "a split",
    "path,label,split\n1.jpg,cat,Train\n2.jpg,dog,VALIDATION\n3.jpg,dog,testing\n",
    { rows: "1.jpg=cat@train 2.jpg=dog@val 3.jpg=dog@test" },
  ],
  [
    "a split of only test rows",
    "path,label,split\n1.jpg,cat,test\n2.jpg,dog,test\n",
    { rows: "1.jpg=cat@test 2.jpg=dog@test" },
  ],
  [
    "a set, and no header",
    "1.jpg,cat,train\n2.jpg,dog,test\n",
    { rows: "1.jpg=cat@train 2.jpg=dog@test" },
  ],
  [
    "the set before the label",
    "1.jpg,train,cat\n2.jpg,test,dog\n",
    { rows: "1.jpg=cat@train 2.jpg=dog@test" },
  ],
  [
    "folds",
    "path,label,fold\n1.jpg,cat,0\n2.jpg,dog,4\n",
    { rows: PLAIN, notes: /passed over: fold/ },
  ],
  [
    "folds that are parts",
    "path,label,fold\n1.jpg,cat,train\n2.jpg,dog,val\n",
    { rows: "1.jpg=cat@train 2.jpg=dog@val" },
  ],
  [
    "fastai's is_valid",
    "name,fname,label,is_valid\nx,1.jpg,cat,False\ny,2.jpg,dog,True\n",
    { rows: "1.jpg=cat@train 2.jpg=dog@val", notes: /passed over: name/ },
  ],
  [
    "one-hot columns",
    "image,MEL,NV,BCC\n1.jpg,1.0,0.0,0.0\n2.jpg,0.0,0.0,1.0\n",
    { rows: "1.jpg=MEL 2.jpg=BCC", notes: /classes are the columns MEL, NV, BCC/ },
  ],
  [
    "pandas' get_dummies",
    "image,cat,dog\n1.jpg,True,False\n2.jpg,False,True\n",
    { rows: PLAIN, notes: /classes are the columns cat, dog/ },
  ],
  [
    "JSON lines",
    '{"file_name": "1.jpg", "label": "cat"}\n{"label": "dog", "file_name": "2.jpg", "more": [1, 2]}\n',
    { rows: PLAIN, file: "metadata.jsonl", notes: /passed over: more \(lists\)/ },
  ],
  [
    "JSON lines with numbers",
    '{"image": "1.jpg", "label": 3}\n\n{"image": "2.jpg", "label": 10}\n',
    { rows: "1.jpg=3 2.jpg=10", file: "train.jsonl" },
  ],
];

for (const [what, contents, { rows, notes, file }] of READ)
  test(`a table with ${what} is read`, async (t) => {
    const table = await tableOf(t, contents, file);
    const shown = table.rows.map(({ path, label, part }) => {
      return `${path.trim()}=${label}${part === undefined ? "" : `@${part}`}`;
    });
    assert.equal(shown.join(" "), rows);
    if (notes === undefined) assert.deepEqual(table.notes, []);
    else assert.match(table.notes.join("\n"), notes);
  });

const REFUSED: readonly (readonly [
  what: string,
  contents: string | Uint8Array,
  message: RegExp,
  file?: string,
])[] = [
  ["nothing", "", /l\.csv: no row in it/],
  ["a header alone", "path,label\n", /l\.csv: no row in it/],
  [
    "Latin-1",
    latin1("path,label\n1.jpg,caf\xe9\n"),
    /line 2: is not UTF-8; it looks like Windows-1252[\s\S]*iconv -f WINDOWS-1252/,
  ],
  [
    "another old encoding",
    latin1("path,label\n1.jpg,\x8d\x81\n"),
    /line 2: is not UTF-8, but of some older encoding/,
  ],
  ["a NUL", "path,label\n1.jpg,c\0t\n", /line 2: a NUL character/],
  [
    "damaged UTF-16",
    Buffer.concat([utf16le("path,label\n1.jpg,cat\n"), Buffer.from([0])]),
    /damaged UTF-16/,
  ],
  [
    "an unquoted comma",
    "1.jpg,cat\n2.jpg,dog, wild\n",
    /line 2: 3 columns\n.*2 columns, as in the first row/,
  ],
  ["one column", "1.jpg\n2.jpg\n", /1 column/],
  ["a row cut short", "path,label\n1.jpg,cat\n2.jpg\n", /line 3: 1 column\n/],
  [
    "an empty label",
    "path,label\n1.jpg,cat\n2.jpg,\n3.jpg, \n",
    /line 3: no label \(and 1 more row like it\)/,
  ],
  ["an empty path", "path,label\n,cat\n2.jpg,dog\n", /line 2: no path/],
  [
    "an unknown split",
    "path,label,split\n1.jpg,cat,train\n2.jpg,dog,hidden\n",
    /line 3: split "hidden"/,
  ],
  ["a quote that does not end", 'path,label\n1.jpg,cat\n"2.jpg,dog\n', /is no CSV/],
  ["quotes by backslashes", 'path,label\n"a\\"b.jpg",cat\n', /is no CSV/],
  [
    "Windows' drives",
    "path,label\nC:\\data\\1.jpg,cat\nC:\\data\\2.jpg,dog\n",
    /line 2: a path of Windows, C:\\data\\1\.jpg \(and 1 more row like it\)/,
  ],
  ["Windows' shares", "path,label\n\\\\nas\\1.jpg,cat\n", /line 2: a path of Windows/],
  ["addresses", "path,label\nhttps://x.org/1.jpg,cat\n", /line 2: an address, https/],
  [
    "several classes in a row",
    "image,a,b,c\n1.jpg,1,0,0\n2.jpg,1,1,0\n",
    /line 3: several classes in one row \(1 of 2 rows\): a, b/,
  ],
  ["no class in a row", "image,a,b,c\n1.jpg,1,0,0\n2.jpg,0,0,0\n", /line 3: no label/],
  [
    "labels by bars",
    "path,label\n1.jpg,cat\n2.jpg,cat|dog\n3.jpg,dog\n",
    /line 3: several classes for one image: cat\|dog/,
  ],
  [
    "labels that differ",
    "path,species,breed\n1.jpg,cat,x\n2.jpg,cat,y\n",
    /several columns that may be the label, and differ: species, breed/,
  ],
  [
    "no label among many",
    "path,width,height\n1.jpg,3,4\n2.jpg,3,5\n",
    /no column of labels among width, height/,
  ],
  ["landmarks", "image,x,y\n1.jpg,3,4\n2.jpg,3,5\n", /no column of labels among x, y/],
  ["no label at all", "id\n1\n2\n", /1 column/],
  [
    "two images in a row",
    "image,mask\n1.jpg,1.png\n2.jpg,2.png\n",
    /no column of labels among mask/,
  ],
  [
    "ids and labels in columns of no known word",
    "study,width,target\n1,2,x\n3,4,y\n",
    /no column of images among study, width, target/,
  ],
  [
    "no JSON",
    '{"file_name": "1.jpg", "label": "cat"}\n{file_name: 2}\n',
    /line 2: is no JSON/,
    "t.jsonl",
  ],
  [
    "a document of COCO's in one line",
    '{"images": [{"id": 1, "file_name": "1.jpg"}], "annotations": []}\n',
    /t\.json: is one JSON document, with lists in it, such as COCO's/,
    "t.json",
  ],
  ["a list a line", '["1.jpg", "cat"]\n', /line 1: a list/, "t.jsonl"],
  [
    "a list for a label",
    '{"file_name": "1.jpg", "label": ["cat", "dog"]}\n',
    /line 1: a list or an object as the label/,
    "t.jsonl",
  ],
  [
    "an empty list for a label",
    '{"file_name": "1.jpg", "label": []}\n',
    /line 1: no label/,
    "t.jsonl",
  ],
  [
    "a list for a label, as pandas writes it",
    "path,label\n1.jpg,['cat']\n2.jpg,\"['cat', 'dog']\"\n",
    /line 3: a list or an object as the label/,
  ],
  [
    "a list for a label, as numpy writes it",
    "path,label\n1.jpg,['cat' 'dog']\n2.jpg,[0 1 1]\n",
    /line 2: a list or an object as the label \(and 1 more row like it\)/,
  ],
  [
    "several values, as numpy 2, h5py, Postgres, DuckDB, tuples, sets and truth values have them",
    "path,label\n1.jpg,\"[np.str_('cat'), np.str_('dog')]\"\n2.jpg,\"[b'cat', b'dog']\"\n" +
      "3.jpg,\"{cat,dog}\"\n4.jpg,\"[cat, dog]\"\n5.jpg,\"('cat', 'dog')\"\n6.jpg,\"{'cat', 'dog'}\"\n" +
      "7.jpg,[True False]\n8.jpg,[0. 1. ... 0.]\n9.jpg,[[0 1]]\n10.jpg,[{'name': 'cat'}]\n11.jpg,{'name': 'cat'}\n" +
      '12.jpg,"tensor([0, 1])"\n',
    /line 2: a list or an object as the label \(and 11 more rows like it\)/,
  ],
  ["a list of nothing, as pandas writes it", "path,label\n1.jpg,[None]\n", /line 2: no label/],
  [
    "which image is of which part, without a header",
    "1.jpg,train\n2.jpg,train\n3.jpg,val\n",
    /2 columns, of which one is a part/,
  ],
  [
    "which image is of which part, by another word",
    "filename,role\n1.jpg,train\n2.jpg,train\n3.jpg,val\n",
    /no column of labels among role/,
  ],
  [
    "classes that rows deny, as in Open Images' labels",
    "ImageID,Source,LabelName,Confidence\n1,verification,cat,1\n2,verification,dog,0\n",
    /line 3: Confidence 0: the image is not of the class.*\(1 of 2 rows\).*\$4 != 0/s,
  ],
  [
    "several choices of Label Studio's",
    'image,choice\n1.jpg,"{""choices"":[""cat"",""dog""]}"\n',
    /line 2: a list or an object as the label/,
  ],
  [
    "a JSON document",
    '{"images": [], "annotations": []}\n',
    /is a JSON file[\s\S]*write it as \.jsonl/,
  ],
  ["a web page", "<!DOCTYPE html><html>", /is a web page/],
  [
    "an Excel sheet",
    Buffer.concat([
      Buffer.from("PK\x03\x04"),
      Buffer.alloc(22),
      Buffer.from([19, 0, 0, 0]),
      Buffer.from("[Content_Types].xml"),
    ]),
    /is an Office document[\s\S]*CSV UTF-8/,
  ],
  [
    "a ZIP archive",
    Buffer.concat([
      Buffer.from("PK\x03\x04"),
      Buffer.alloc(22),
      Buffer.from([5, 0, 0, 0]),
      Buffer.from("1.jpg"),
    ]),
    /is a ZIP archive[\s\S]*unzip/,
  ],
  [
    "a Git LFS pointer",
    "version https://git-lfs.github.com/spec/v1\n",
    /Git LFS pointer[\s\S]*git lfs pull/,
  ],
];

for (const [what, contents, message, file] of REFUSED)
  test(`a table with ${what} is refused`, async (t) => {
    await assert.rejects(tableOf(t, contents, file), { name: "UserError", message });
  });

test("rows that do not fit are findings where these are wanted, each kind once", async (t) => {
  const root = await temporaryFolder(t);
  const table = "path,label\n1.jpg,cat\n2.jpg,\nC:\\3.jpg,dog\n4.jpg,\n5.jpg,dog,wild\n6.jpg,dog\n";
  await writeTree(root, { "l.csv": table });
  const faults: Faults = [];
  const { rows } = await readLabelTable(join(root, "l.csv"), faults);
  assert.deepEqual(
    rows.map(({ path }) => path),
    ["1.jpg", "6.jpg"],
  );
  assert.equal(faults.length, 3);
  assert.match(faults[0]!, /line 6: 3 columns/);
  assert.match(faults[1]!, /line 3: no label \(and 1 more row like it\)/);
  assert.match(faults[2]!, /line 4: a path of Windows, C:\\3\.jpg/);
});

/** Where images are found, for a table of paths, and what is said of it. */
async function find(
  t: TestContext,
  files: readonly string[],
  paths: readonly string[],
  name = "l.csv",
) {
  const root = await temporaryFolder(t);
  await writeTree(root, Object.fromEntries(files.map((file) => [file, "x"])));
  const wanted = paths.map((path, i) => ({ path, label: "cat", part: undefined, line: i + 2 }));
  const found = await findImages(join(root, name), wanted);
  return { ...found, paths: found.paths.map((path) => path?.replace(`${root}/`, "")) };
}

test("images are found where the table's words lead to", async (t) => {
  const plain = await find(t, ["a/1.jpg", "b\\2.jpg"], ["a/1.jpg", "b\\2.jpg", "none.jpg"]);
  assert.deepEqual(plain, { paths: ["a/1.jpg", "b\\2.jpg", "none.jpg"], found: 2, notes: [] });
});

test("Windows' separators, other folders, endings and case are found by looking, and said", async (t) => {
  const slashes = await find(t, ["a/1.jpg", "a/2.jpg"], ["a\\1.jpg", ".\\a\\2.jpg"]);
  assert.deepEqual(slashes.paths, ["a/1.jpg", "a/2.jpg"]);
  assert.match(slashes.notes.join(), /2 of 2 paths are read with \/ for Windows' \\/);

  const kaggle = await find(t, ["train/ab.jpg", "train/cd.jpg", "test/ef.jpg"], ["ab", "cd", "zz"]);
  assert.deepEqual(kaggle.paths, ["train/ab.jpg", "train/cd.jpg", "zz"]);
  assert.match(
    kaggle.notes.join(),
    /^2 of 3 paths were found by looking in train\/, with \.jpg added$/,
  );

  const skin = await find(t, ["part_1/a.jpg", "part_2/b.jpg"], ["a", "b"]);
  assert.deepEqual(skin.paths, ["part_1/a.jpg", "part_2/b.jpg"]);
  assert.match(skin.notes.join(), /in part_1\/, part_2\//);

  const cased = await find(
    t,
    ["Images/IMG_1.JPG", "caf\u00e9.jpg"],
    ["images/img_1.jpg", "cafe\u0301.jpg"],
  );
  assert.deepEqual(cased.paths, ["Images/IMG_1.JPG", "caf\u00e9.jpg"]);
  assert.match(cased.notes.join(), /2 of them by another case/);

  const dotted = await find(t, ["images/a.b.png"], ["a.b"]);
  assert.deepEqual(dotted.paths, ["images/a.b.png"]);
  const nested = await find(t, ["imgs/cat/1.jpg", "imgs/dog/1.jpg"], ["1.jpg"]);
  assert.deepEqual(nested.paths, ["imgs/cat/1.jpg"]);
});

test("a table of one part looks into that part's folder first", async (t) => {
  const files = ["train_images/1.jpg", "test_images/1.jpg"];
  assert.deepEqual((await find(t, files, ["1"], "train.csv")).paths, ["train_images/1.jpg"]);
  assert.deepEqual((await find(t, files, ["1"], "Testing_set.csv")).paths, ["test_images/1.jpg"]);
});

test("a folder of an id's name is no image, beside the table or above it", async (t) => {
  const files = ["img/7.jpg", "7/other.jpg"];
  assert.deepEqual((await find(t, files, ["7"])).paths, ["img/7.jpg"]);
});

test("nor is a file of an id's name above the table, of which nobody knows what it is", async (t) => {
  const inParts = ["7", "8.jpg", "parts/img/7.jpg"];
  const { paths } = await find(t, inParts, ["7", "8.jpg"], "parts/l.csv");
  assert.deepEqual(paths, ["parts/img/7.jpg", "8.jpg"]);
  // A path that names its folder is found there without an ending, too.
  const inFolder = await find(t, ["img/7", "img/8"], ["img/7", "img\\8"], "parts/l.csv");
  assert.deepEqual(inFolder.paths, ["img/7", "img/8"]);
});

test("nothing is chosen among several files, nor found outside", async (t) => {
  await assert.rejects(find(t, ["a/1.jpg", "b/1.jpg"], ["1.jpg"]), {
    name: "UserError",
    message: /line 2: 1\.jpg may be a\/1\.jpg, b\/1\.jpg/,
  });
  await assert.rejects(find(t, ["1.jpg", "1.png"], ["1"]), /1 may be 1\.jpg, 1\.png/);
  const { paths } = await find(t, ["a/1.jpg"], ["/nowhere/1.jpg", "../x/1.jpg", "b/1.jpg"]);
  assert.deepEqual(paths.slice(0, 1), ["/nowhere/1.jpg"]);
  assert.equal(paths[2], "b/1.jpg");
});

test("a table cut or changed anywhere is read or refused, and nothing else", async (t) => {
  const root = await temporaryFolder(t);
  const tables: readonly (readonly [string, string | Buffer])[] = [
    ["a.csv", 'path,"label",split\r\n1.jpg,"a ""b""",train\n2.jpg,"c\nd",val\n'],
    ["b.csv", "image,a,b\n1.jpg,1,0\n2.jpg,0,1\n"],
    ["c.jsonl", '{"file_name": "1.jpg", "label": 3}\n{"file_name": "2.jpg", "label": "x"}\n'],
    ["d.txt", "# list\n1.jpg 3\n2.jpg 4\n"],
    ["e.csv", utf16le("path;label\n1.jpg;a\n2.jpg;b\n")],
  ];
  for (const [name, contents] of tables) {
    const whole = Buffer.from(contents);
    for (let at = 0; at < whole.length; at++)
      for (const byte of [0, 0x0a, 0x22, 0x2c, 0xff]) {
        const changed = Buffer.from(whole);
        changed[at] = byte;
        for (const bytes of [whole.subarray(0, at), changed]) {
          await writeTree(root, { [name]: bytes });
          await readLabelTable(join(root, name)).catch((error: unknown) => {
            assert.ok(error instanceof Error && error.name === "UserError", String(error));
          });
        }
      }
  }
});
