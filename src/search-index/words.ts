/** How a text is split into words, the same for what is stored, what is asked for and what is shown. */

/** A word as it is compared, and where it stands in the text (in UTF-16 code units). */
export interface Word {
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/** Longer words are compared by their beginning, in UTF-16 code units. */
const wordLength = 64;

/** Scripts that put no spaces between words: each character is a word, and a word is a phrase. */
const unspaced =
  /[\p{sc=Han}\p{sc=Hiragana}\p{sc=Katakana}\p{sc=Hangul}\p{sc=Thai}\p{sc=Lao}\p{sc=Khmer}\p{sc=Myanmar}]/v
    .source;

/** A Korean syllable written in its parts, as some systems do. */
const jamo = String.raw`[\u1100-\u115f][\u1160-\u11a7][\u11a8-\u11ff]?`;

/** Marks, also the Japanese ones that stand for themselves beside half-width letters. */
const marks = String.raw`[\p{M}\uff9e\uff9f]*`;

/** A character of an unspaced script with its marks, a run of other letters and digits, or an emoji. */
const word = new RegExp(
  String.raw`${jamo}|${unspaced}${marks}|[[\p{L}\p{N}\p{M}]--${unspaced}]+|\p{RI}{2}|\p{Extended_Pictographic}`,
  'gv',
);

/** What compatibility forms bring along that is no part of a word: ⑴ is (1). */
const rest = /[^\p{L}\p{N}\p{M}\p{RI}\p{Extended_Pictographic}]/gu;

/**
 * Folding changes nothing in these but the case, and most words are such: Latin, Greek and Cyrillic
 * without accents, kana, Han and Hangul.
 */
const plain =
  /^[a-z0-9\u03b1-\u03c1\u03c3-\u03c9\u0430-\u0438\u043a-\u044f\u3041-\u3096\u30a1-\u30fa\u4e00-\u9fff\uac00-\ud7a3]+$/;

/** Accents of Latin, Greek and Cyrillic; points of Hebrew and Arabic: people search without them. */
const accents =
  /[\u0300-\u036f\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5\u05c7\u0610-\u061a\u064b-\u065f\u0670]/g;

/**
 * Letters that Unicode does not take apart and people search by others: those with a stroke, and
 * those of which keyboards elsewhere have only the parts. As in Lucene's ASCIIFoldingFilter and its
 * normalizers for Arabic and Persian; a tatweel only makes a word wider.
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

/** The words alone, which takes half as long. */
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
      // At the end of a beginning it is not at the end of the word.
      .replaceAll('ς', 'σ')
      .replace(unlike, (letter) => alike.get(letter) ?? letter)
      .normalize('NFC')
      .slice(0, wordLength)
      .toWellFormed()
  );
}
