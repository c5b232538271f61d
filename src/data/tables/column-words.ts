/** The words by which people name the columns of tables of images. */
import { type PartName, partOfWord } from "../parts/part-names.js";

/** A header's word without case, blanks, marks and what has no width: "Image_ID" and "image id" are one. */
export function columnWord(cell: string): string {
  return cell.toLowerCase().replace(/[\s_.\-/:\p{Cf}]+/gu, "");
}

const words = (text: string): readonly string[] => text.trim().split(/\s+/);

/** Of an image's file, the more certain first. */
export const PATH_WORDS = words(`
  path paths filepath filepaths imagepath imagepaths imgpath imgpaths relativepath relpath fullpath
  abspath filename filenames imagefilename imagefile imagefiles imgfile imagename imagenames imgname
  fname file files image images img imgs picture photo pic imageid imageids imgid fileid photoid idcode
  id uid uuid key imagegcsuri
`);

/** Of a class, whatever it is. */
export const LABEL_WORDS = words(`
  label labels labelname labelnames classlabel class classes classname classnames target targets
  targetname category categories categoryname categorylabel categorytitle groundtruth gt species
  speciesname breed breedname diagnosis dx choice choices tag tags labelid labelids labelidx labelindex labelnum
  classid classids classidx classindex classnumber classno categoryid targetid
  classificationannotation classificationannotations
`);

/** The words that mean nothing but the class. */
export const PLAIN_LABEL_WORDS: readonly string[] = ["label", "labels"];

/** Of a part of the dataset. Only a column `split` must name one in every row. */
const SPLIT_WORDS = words(`
  split splits set subset partition part phase dataset datasplit datasetsplit traintest traintestsplit
  trainvaltest usage mode fold
  dataitemresourcelabels
`);

/** Columns that say of each image whether it belongs to a part: what they mean when true, and false. */
const PART_FLAGS: ReadonlyMap<string, readonly [yes: PartName, no: PartName]> = new Map([
  ["isvalid", ["val", "train"]],
  ["isval", ["val", "train"]],
  ["isvalidation", ["val", "train"]],
  ["istest", ["test", "train"]],
  ["istrain", ["train", "test"]],
  ["istraining", ["train", "test"]],
  ["istrainingimage", ["train", "test"]],
]);

const TRUTH: ReadonlyMap<string, boolean> = new Map([
  ["true", true],
  ["1", true],
  ["1.0", true],
  ["yes", true],
  ["false", false],
  ["0", false],
  ["0.0", false],
  ["no", false],
]);

/** Whether a column of such a name may tell the parts. */
export function isPartColumn(word: string): boolean {
  return SPLIT_WORDS.includes(word) || PART_FLAGS.has(word);
}

/** The part that a cell of such a column means; undefined where it means none. */
export function partOfCell(word: string, cell: string): PartName | undefined {
  const flag = PART_FLAGS.get(word);
  if (flag === undefined) return partOfWord(cell);
  const isTrue = TRUTH.get(cell.trim().toLowerCase());
  return isTrue === undefined ? undefined : flag[isTrue ? 0 : 1];
}

/** What the column of the rows' numbers is called, as pandas and R write it. */
const INDEX_WORDS = ["", "unnamed0", "index", "idx", "rownames", "rownum", "no"];

/** Whether a column may hold the rows' numbers, by its name. */
export function isIndexWord(word: string): boolean {
  return INDEX_WORDS.includes(word);
}
