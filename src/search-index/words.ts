/** Splits a text into words, in the same way for the index, for queries and for snippets. */

/** A folded word, and its position in the text (in UTF-16 code units). */
export interface Word {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** Words are cut to this length, in UTF-16 code units. */
const wordLength = 64;

/**
 * Scripts without spaces between words: each character counts as a word, and a word as a phrase.
 */
const unspaced =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/v
    .source;

/** A Korean syllable written as separate jamo, as some systems do. */
const jamo = String.raw`[\u1100-\u115f][\u1160-\u11a7][\u11a8-\u11ff]?`;

/** Combining marks, and the Japanese ones that follow half-width letters as separate characters. */
const marks = String.raw`[\p{M}\uff9e\uff9f]*`;

/**
 * A character of an unspaced script with its marks, a run of other letters and digits, or an emoji.
 */
const word = new RegExp(
  String.raw`${jamo}|${unspaced}${marks}|[[\p{L}\p{N}\p{M}]--${unspaced}]+|\p{RI}{2}|\p{Extended_Pictographic}`,
  'gv',
);

/** Characters from compatibility forms that do not belong to a word: ⑴ becomes (1). */
const rest = /[^\p{L}\p{N}\p{M}\p{RI}\p{Extended_Pictographic}]/gu;

/**
 * Words in which folding changes only the case, as in most: Latin, Greek and Cyrillic without
 * accents, kana, Han and Hangul.
 */
const plain =
  /^[a-z0-9\u03b1-\u03c1\u03c3-\u03c9\u0430-\u0438\u043a-\u044f\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uac00-\ud7a3]+$/;

/**
 * Accents of Latin, Greek and Cyrillic, and points of Hebrew and Arabic; people search without
 * them.
 */
const accents =
  /[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670]/g;

/**
 * Letters that Unicode does not decompose, but for which people type others: letters with a stroke,
 * and letters that foreign keyboards lack. Taken from Lucene's ASCIIFoldingFilter and its
 * normalizers for Arabic and Persian; a tatweel only widens a word.
 */
const alike = new Map(
  [
    'ß:ss ł:l ø:o đ:d ð:d þ:th æ:ae œ:oe ħ:h ŧ:t ŋ:n ı:i ĸ:k ƀ:b ɨ:i ɫ:l ƚ:l ǥ:g ɉ:j ɍ:r ʉ:u ƶ:z ə:a',
    'ى:ي ی:ي ة:ه ک:ك ـ:',
  ]
    .flatMap((pairs) => pairs.split(' '))
    .map((pair) => pair.split(':') as [letter: string, others: string]),
);

const unlike = new RegExp(`[${[...alike.keys()].join('')}]`, 'g');

/** The words of a text in their order. */
export function wordsOf(text: string): Word[] {
  return Array.from(text.matchAll(word), ({ 0: raw, index }) => ({
    text: fold(raw),
    start: index,
    end: index + raw.length,
  })).filter((found) => found.text !== '');
}

/** The words without their positions, which takes half as long. */
export function foldedWords(text: string): string[] {
  return (text.match(word) ?? []).map(fold).filter((found) => found !== '');
}

/** A word without regard to case, accents and compatibility forms (Unicode 3.13, NFKD). */
function fold(raw: string): string {
  const lower = raw.toLowerCase();
  if (plain.test(lower)) return lower.slice(0, wordLength);
  return (
    raw
      .normalize('NFKD')
      .replace(accents, '')
      .replace(rest, '')
      .toUpperCase()
      .toLowerCase()
      // Final sigma becomes plain sigma: a typed prefix may end in the middle of a word.
      .replaceAll('ς', 'σ')
      .replace(unlike, (letter) => alike.get(letter) ?? letter)
      .normalize('NFC')
      .slice(0, wordLength)
      .toWellFormed()
  );
}
