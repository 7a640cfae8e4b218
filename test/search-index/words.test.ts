/** Splitting texts and queries into words, and the snippets of hits. */
import fc from 'fast-check';
import t from 'tap';
import { snippetOf } from '../../src/search/snippet.ts';
import { senderInBlock, wordsInBlock } from '../../src/search-index/blocks.ts';
import { matchExpression, parseQuery } from '../../src/search-index/fts-query.ts';
import { foldedWords, wordsOf } from '../../src/search-index/words.ts';
import { seedOf } from '../helpers/random.ts';

const texts = (text: string) => wordsOf(text).map((word) => word.text);

t.test('words that look or sound alike are one word', async (t) => {
  const alike = [
    ['Grüße', 'GRÜSSE', 'grusse', 'Gru\u0308ße'],
    ['café', 'CAFE', 'cafe\u0301'],
    ['Ångström', 'angstrom', '\u212bNGSTRÖM'],
    ['İstanbul', 'istanbul', 'ISTANBUL', 'ıstanbul'],
    ['Σίσυφος', 'ΣΊΣΥΦΟΣ', 'σισυφοσ'],
    ['й', 'Й', 'и', 'и\u0306'],
    ['ёлка', 'елка'],
    ['كِتَاب', 'كتاب'],
    ['שָׁלוֹם', 'שלום'],
    ['ﬁn', 'FIN'],
    ['ｆｕｌｌ', 'full'],
    ['⑴', '1'],
    ['가각', '가각'.normalize('NFD')],
    ['が', 'か\u3099'],
    ['ガ', 'ｶﾞ'],
    ['tiếng', 'tieng'],
    ['Łódź', 'lodz', 'ŁÓDŹ'],
    ['smørrebrød', 'smorrebrod', 'SMØRREBRØD'],
    ['Đorđe', 'dorde', 'đorđe'],
    ['Đặng', 'dang'],
    ['encyclopædia', 'encyclopaedia', 'ENCYCLOPÆDIA', 'encyclopǽdia'],
    ['œuvre', 'oeuvre', 'ŒUVRE'],
    ['Þórður', 'thordur'],
    ['Ħamrun', 'hamrun'],
    ['ırmak', 'irmak', 'IRMAK'],
    ['Straße', 'strasse', 'STRAẞE'],
    ['أحمد', 'احمد'],
    ['مدرسة', 'مدرسه'],
    ['على', 'علي'],
    ['کتاب', 'كتاب'],
    ['مـرحـبا', 'مرحبا'],
  ];
  for (const [first = '', ...others] of alike) {
    for (const other of others) t.strictSame(texts(other), texts(first), `${other} is ${first}`);
  }
  t.notSame(texts('бык'), texts('бик'), 'other letters are other words');
});

t.test('words that need little folding equal fully folded ones', async (t) => {
  // A trailing accent sends a word through the full folding.
  const isAsAccented = (char: string) =>
    foldedWords(char).join() === foldedWords(`${char}\u0301`).join();
  const chars = Array.from({ length: 0x1_0000 }, (_, code) => String.fromCharCode(code));
  t.strictSame(
    chars.filter((char) => !isAsAccented(char)),
    [],
  );
});

t.test('a text is split as its script separates words', async (t) => {
  t.strictSame(texts('Shall we, at 9:30?'), ['shall', 'we', 'at', '9', '30']);
  t.strictSame(texts('山に登る'), ['山', 'に', '登', 'る']);
  t.strictSame(texts('한국'), ['한', '국']);
  t.strictSame(texts('น้ำ'), ['น้', 'ํา']);
  t.strictSame(texts('abc山x'), ['abc', '山', 'x']);
  t.strictSame(texts('👍🏽 🇩🇪'), ['👍', '🇩🇪']);
  t.strictSame(texts(' -- "*" ﹰ \u200b'), []);
});

t.test('words have correct positions and fit the index, in any text', async (t) => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (text) => {
      let last = 0;
      if (texts(text).join(' ') !== foldedWords(text).join(' ')) return false;
      for (const { text: word, start, end } of wordsOf(text)) {
        // The tokenizer of the index splits at ASCII that is no letter and no digit.
        if (/[^a-z0-9\u0080-\u{10ffff}]/u.test(word) || !word.isWellFormed()) return false;
        if (word.length > 64 || start < last || end <= start || end > text.length) return false;
        last = end;
      }
      return true;
    }),
    { seed: seedOf(t), numRuns: 1_000 },
  );
  t.equal(texts('a'.repeat(100))[0]?.length, 64, 'a long word counts by its first 64 characters');
});

t.test('a query consists of words, phrases, and perhaps a prefix', async (t) => {
  const term = (isPrefix: boolean, ...words: string[]) => ({ words, isPrefix });
  t.strictSame(parseQuery('Hike nin'), [term(false, 'hike'), term(true, 'nin')]);
  t.strictSame(parseQuery('hike nine '), [term(false, 'hike'), term(false, 'nine')]);
  t.strictSame(parseQuery('"at nine" x'), [term(false, 'at', 'nine'), term(false, 'x')]);
  t.strictSame(parseQuery('x "at nine"'), [term(false, 'x'), term(false, 'at', 'nine')]);
  t.strictSame(parseQuery('"at ni'), [term(false, 'at', 'ni')], 'an open quotation');
  t.strictSame(parseQuery('x-ray'), [term(true, 'x', 'ray')]);
  t.strictSame(parseQuery('登山'), [term(false, '登', '山')]);
  t.strictSame(parseQuery(' "" * - '), []);
  t.equal(parseQuery('a '.repeat(100)).length, 16, 'a pasted text counts by its first words');
  t.strictSame(parseQuery('一'.repeat(200)), [term(false, ...Array<string>(16).fill('一'))]);
  const long = parseQuery(`${'ab '.repeat(15)}cd-ef`);
  t.strictSame(long.at(-1), term(false, 'cd'), 'a word that was cut off is no prefix');
});

t.test('nothing typed becomes query syntax', async (t) => {
  t.equal(
    matchExpression(parseQuery('a" OR scope : "c1'), [1, 36], 7),
    '("1·a" AND "1·or 1·scope" AND "1·c1" * AND "1†7") OR ("10·a" AND "10·or 10·scope" AND "10·c1" * AND "10†7")',
  );
});

t.test('a word of one block is no prefix of a word in another', (t) => {
  const block = fc.integer({ min: 1, max: 999_999_999_999_999 });
  const text = fc.string({ unit: 'grapheme', maxLength: 20 });
  fc.assert(
    fc.property(block, block, text, text, (one, other, here, there) => {
      const term = (block: number, text: string) =>
        wordsInBlock(block, foldedWords(text).slice(0, 1));
      const [asked, inOther] = [term(one, here), term(other, there)];
      if (one !== other && asked !== '' && inOther !== '') t.notOk(inOther.startsWith(asked));
      if (asked !== '') t.notOk(senderInBlock(one, other).startsWith(asked));
    }),
    { seed: seedOf(t) },
  );
  t.end();
});

const found = (content: string, query: string) => {
  const { text, marks } = snippetOf(content, parseQuery(query));
  return { text, marked: marks.map(([start, end]) => text.slice(start, end)) };
};

t.test('a snippet shows and marks the search words', async (t) => {
  t.strictSame(found('Viele Grüße aus Köln', 'koln grus').marked, ['Grüße', 'Köln']);
  t.strictSame(found('the cat, the hat', '"the hat"').marked, ['the', 'hat']);
  t.strictSame(found('明日は山に登る', '山に').marked, ['山', 'に']);
  t.strictSame(found('a b a b', 'a').marked, ['a', 'a']);
  const late = found(`${'x '.repeat(500)}hike ${'y '.repeat(500)}hike`, 'hike');
  t.strictSame(late.marked, ['hike']);
  t.match(late.text, /^…[x ]{40}hike [y ]{115}…$/);
});

t.test('a snippet is part of its message, with no split character or wrong mark', async (t) => {
  const alphabet = fc.constantFrom('a', 'b', ' ', '👍', '山', 'é', 'e\u0301', '𝒳', 'ß', '"', '-');
  const text = (maxLength: number) => fc.string({ unit: alphabet, minLength: 1, maxLength });
  fc.assert(
    fc.property(text(600), text(5), (content, query) => {
      const { text, marks } = snippetOf(content, parseQuery(query));
      const piece = text.replace(/^…|…$/g, '');
      const wanted = new Set(parseQuery(query).flatMap(({ words }) => words));
      const isWanted = (word: string) => [...wanted].some((prefix) => word.startsWith(prefix));
      const marked = marks.map(([start, end]) => texts(text.slice(start, end)).join());
      return text.isWellFormed() && content.includes(piece) && marked.every(isWanted);
    }),
    { seed: seedOf(t), numRuns: 1_000 },
  );
  t.pass('1000 texts');
});
