// Readers: files and streams become rows. Nothing is downloaded.

export { type ConllOptions, conll, conllLayouts, type TaggedSentence } from "./conll.js";
export { csv, type DelimitedOptions, type NamedRow, tsv } from "./delimited.js";
export { jsonLines } from "./json-lines.js";
export { type LabelledText, type LabelledTextOptions, labelledText } from "./labelled-text.js";
export { type DatasetFormat, defineLineFormat, type LineParser, type Place } from "./line-format.js";
export { readParallelText, type SentencePair, type TextLinesOptions, textLines } from "./plain-text.js";
export { readText, type TextSource } from "./text-source.js";
export { type AnalogyQuestion, analogyQuestions, type WordPairScore, wordPairScores } from "./word-lists.js";
export {
  decodeWordVectors,
  encodeWordVectors,
  type WordVectorFormat,
  type WordVectorTable,
} from "./word-vector-file.js";
