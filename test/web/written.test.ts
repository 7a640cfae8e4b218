/** People's texts are shown as written, and their keys do what they mean. */

import { readFileSync } from 'node:fs';
import tap from 'tap';
import { Refusal, type RefusalCode } from '../../src/errors.ts';
import { plainPieces, plainText, readMarkdown } from '../../src/web/lib/markdown.ts';
import { beingTyped, isCalled, MentionFinder, namesLike } from '../../src/web/lib/mentions.ts';
import { en } from '../../src/web/texts/en.ts';
import { fields, refusals } from '../../src/web/texts/refusals-de.ts';
import { post, signIn, startChat, startTalk, Visitor, webTest } from '../helpers/browser.ts';
import { withCode } from '../helpers/code.ts';
import { randomNumbers, seedOf } from '../helpers/random.ts';
import { routesOf } from '../helpers/routes.ts';
import { startWorld } from '../helpers/world.ts';

type Tokens = ReturnType<typeof readMarkdown>;

/** A text as its tokens: marks as tags, a line break as ⏎. */
function outline(tokens: Tokens): string {
  return tokens.map(outlineOf).join('');
}

function outlineOf(token: Tokens[number]): string {
  if (token.type === 'br') return '⏎';
  if (token.type === 'space') return '¶';
  if (token.type === 'hr') return '<hr>';
  if (token.type === 'checkbox') return token.checked ? '[x]' : '[ ]';
  if (token.type === 'list') return `<list${(token.items as Tokens).map(outlineOf).join('')}>`;
  if (token.type === 'table') return `<table ${token.header.length}×${token.rows.length}>`;
  if (token.type === 'link') return `<${token.href}>`;
  if (token.type === 'code') return `<code ${token.lang ?? ''}|${token.text}>`;
  const { tokens, text = '' } = token as { tokens?: Tokens; text?: string };
  const inner = tokens === undefined ? text : outline(tokens);
  return ['text', 'escape', 'paragraph'].includes(token.type) ? inner : `<${token.type} ${inner}>`;
}

/** Texts that are shown unchanged, line by line. */
const untouched = [
  'a  b   c',
  '\\\\server\\share',
  'C:\\_temp\\*.txt and D:\\*',
  '¯\\_(ツ)_/¯',
  '>_< and >.<',
  '>100 people',
  'hi\n>_<\nbye',
  '2*3*4 = 24',
  'x**2 + y**2',
  'a*b*c',
  'import __init__.py, __init__(self)',
  'snake_case_name',
  '*.txt and *.doc',
  'f(*args)(*more)',
  'def f(*args, **kwargs)',
  '10~20, 30~40',
  'Title\n===\nrest',
  '<div>\n<b>bold</b>\n</div>',
  '&amp; &lt;',
  'ends with \\\nand goes on',
  '[x]: y',
  '-',
  '#channel',
  '```\n```',
  '| no | table |',
  '|a|b|\n|-|-|\n|1|2|3|',
  ']\n#\n---b',
  '  two spaces first',
];

/** Texts with marks, and the tokens made of them. */
const marked: Record<string, string> = {
  '**bold** *em* ***both*** ~~del~~ _it_':
    '<strong bold> <em em> <em <strong both>> <del del> <em it>',
  '**a *b* c**': '<strong a <em b> c>',
  '*a **b** c*': '<em a <strong b> c>',
  '**「重要」**です': '<strong 「重要」>です',
  'これは**重要。**です': 'これは<strong 重要。>です',
  'これは**「重要」**です': 'これは<strong 「重要」>です',
  '이것은 **중요**한': '이것은 <strong 중요>한',
  '**注意：**请看': '<strong 注意：>请看',
  '🎉**party**': '🎉<strong party>',
  '("**x**")': '("<strong x>")',
  '\\*no\\* \\`code\\`': '*no* `code`',
  '\\# no heading': '# no heading',
  '\\> no quote': '> no quote',
  '\\[no](https://example.org) link': '[no](<https://example.org>) link',
  '> quote\nmy reply': '<blockquote quote>my reply',
  '> a\n>\n> b': '<blockquote a¶b>',
  '>> deep\n> less': '<blockquote <blockquote deep>less>',
  '- a\n- b\nand on': '<list<list_item a><list_item b>>and on',
  '- [x] done\n- [ ] open': '<list<list_item [x]done><list_item [ ]open>>',
  '# Head\ntext': '<heading Head>text',
  'text\n---\nmore': 'text<hr>more',
  '| a | b |\n|---|---|\n| 1 | 2 |': '<table 2×1>',
  '```js\nx = 1\n```': '<code js|x = 1>',
  '```\nx = 1```\nafter': '<code |x = 1>after',
  '```const a = 1;\nb```': '<code |const a = 1;\nb>',
  '    if x:\n        y': '<code |    if x:\n        y>',
  'https://example.org/foo，后面': '<https://example.org/foo>，后面',
  '见https://example.org/路径。然后': '见<https://example.org/路径>。然后',
  'https://例え.jp/ x': '<https://例え.jp/> x',
  'http://[::1]:3000/x': '<http://[::1]:3000/x>',
  '(https://example.org/a_(b)).': '(<https://example.org/a_(b)>).',
  'https://example.org/a_b_, x': '<https://example.org/a_b_>, x',
  '**https://example.org**': '<strong <https://example.org>>',
  '“https://example.org”': '“<https://example.org>”',
  'www.example.org/a.': '<http://www.example.org/a>.',
};

tap.test('only real Markdown becomes markup, and all other text is unchanged', async (t) => {
  for (const text of untouched) {
    t.equal(outline(readMarkdown(text)).replaceAll('⏎', '\n'), text, JSON.stringify(text));
  }
  for (const [text, shown] of Object.entries(marked)) {
    t.equal(outline(readMarkdown(text)), shown, JSON.stringify(text));
  }
  const large = ['Prices', '|a|b|', '|-|-|', ...Array<string>(200).fill('|1|2|')].join('\n');
  const wide = ['Prices', `|${'a|'.repeat(30)}`, `|${'-|'.repeat(30)}`, '|1|'].join('\n');
  for (const text of [large, wide])
    t.equal(outline(readMarkdown(text)).replaceAll('⏎', '\n'), text);
});

const atoms =
  '* ** _ __ ~ ~~ ` ``` [ ] ( ) < > > - 1. \\ ! | |-| # --- === & http:// www. @ . , 。 「 漢 é a b 0'
    .split(' ')
    .concat(' ', '\n', '\n\n', '    ', '\n#\n', '\n|a|b|\n|-|-|\n', '|é|b|\n');

tap.test('no letter is lost, and no preview is empty', async (t) => {
  const random = randomNumbers(seedOf(t));
  const pick = () => atoms[Math.floor(random() * atoms.length)] ?? '';
  const letters = (text: string) => text.match(/[\p{L}。「]/gu)?.join('') ?? '';
  for (let i = 0; i < 3_000; i++) {
    const text = Array.from({ length: 1 + Math.floor(random() * 14) }, pick)
      .join('')
      .trim();
    if (text === '') continue;
    const preview = plainText(text);
    t.ok(preview !== '', JSON.stringify(text)) || t.comment(preview);
    const [had, has] = [letters(text), letters(preview)];
    // The address of a link, and the language of code, are not in the preview.
    if (!/\]\(|(?:```|~~~).*\p{L}/u.test(text) && had !== has)
      t.equal(has, had, JSON.stringify(text));
  }
});

tap.test('a hit is shown without Markdown, with its words still marked', (t) => {
  const shown = (text: string, ...words: string[]) => {
    const places = words.map((word) => [text.indexOf(word), text.indexOf(word) + word.length]);
    return plainPieces(text, places)
      .map((piece) => (piece.isFound ? `<${piece.text}>` : piece.text))
      .join('');
  };
  for (const [text, word, expected] of [
    ['a **bold word** here', 'word', 'a bold <word> here'],
    ['**word**', 'word', '<word>'],
    ['## Title\n\n- one\n- two', 'two', 'Title one <two>'],
    ['see [the map](https://example.org/map)', 'map', 'see the <map>'],
    ['see https://example.org/map', 'map', 'see https://example.org/<map>'],
    ['`npm test` and 2*3*4', 'test', 'npm <test> and 2*3*4'],
    ['你**好**吗', '好', '你<好>吗'],
    ['| a | b |\n|---|---|\n| tea | 2 |', 'tea', 'a | b · <tea> | 2'],
    ['…half **cut** off** and a *word…', 'word', '…half cut off and a <word>…'],
    ['…end of code`\n```\nsnake_case 2 * 3', 'case', '…end of code snake_<case> 2 * 3'],
    ['no word', 'absent', 'no word'],
  ] as const) {
    t.equal(text.includes(word) ? shown(text, word) : shown(text), expected, text);
  }
  t.equal(shown('one **two** three', 'one', 'three'), '<one> two <three>');
  t.equal(shown('***', '*'), '<*>**', 'never empty');
  t.end();
});

webTest('tables, tasks, headings and code are formatted', async (t, stage) => {
  const { alice, bob, chat } = await startTalk(stage);
  await post(
    bob,
    chat,
    '# Shopping\n\n| Fruit | Qty |\n|---|--:|\n| pears | 2 |\n\n---\n\n- [x] bread',
  );
  const long = `const list = [${'"a", '.repeat(80)}];`;
  await post(bob, chat, `\`\`\`ts\n${long}\n\`\`\``);
  await post(bob, chat, 'a  b   c\n\n\n\nd');
  await post(
    bob,
    chat,
    'שלום, מה שלומך?\n\n> ציטוט\n\n- one\n- אחת\n\n1. one\n\n2. שתיים\n\n|שם|n|\n|-|-|\n|אחת|one|',
  );
  const reader = await stage.visitorAs(alice, {
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  await reader.openChat('Sunday hike');
  const list = reader.message('Shopping');
  await list.locator('th', { hasText: 'Fruit' }).waitFor();
  t.equal(
    await list
      .locator('td')
      .last()
      .evaluate((cell) => getComputedStyle(cell).textAlign),
    'right',
  );
  await list.locator('.heading', { hasText: 'Shopping' }).waitFor();
  await list.locator('hr').waitFor();
  t.ok(await list.getByLabel(en.taskDone).isChecked());
  const spaced = reader.message('b   c').locator('.text');
  t.match(await spaced.innerText(), /^a {2}b {3}c\n+d$/);
  const height = (await spaced.boundingBox())?.height ?? 0;
  t.ok(height > 4 * 22, `${height} px are at least four lines`);
  const code = reader.message('const list').locator('pre');
  t.ok(await code.evaluate((pre) => pre.scrollWidth > pre.clientWidth), 'code scrolls sideways');
  await code.hover();
  await reader.message('const list').getByRole('button', { name: en.copy }).click();
  await reader.button(en.copied).waitFor();
  t.equal(await reader.page.evaluate(() => navigator.clipboard.readText()), long);
  const hebrew = reader.message('שלום');
  const parts = 'p:first-child, blockquote, li, .table, th, td';
  const directions = await hebrew
    .locator('.text')
    .locator(parts)
    .evaluateAll((found) =>
      found.map((part) => `${part.localName} ${getComputedStyle(part).direction}`),
    );
  const own = ['p rtl', 'blockquote rtl', 'p rtl', 'li ltr', 'li rtl'];
  const loose = ['li ltr', 'p ltr', 'li rtl', 'p rtl'];
  const cells = ['div rtl', 'th rtl', 'th ltr', 'td rtl', 'td ltr'];
  t.strictSame(directions, [...own, ...loose, ...cells], 'each item and cell has its own');
});

/** Presses Enter as Safari does at the end of a composition: only the old key code shows it. */
async function confirmComposition({ page }: Visitor): Promise<void> {
  const devtools = await page.context().newCDPSession(page);
  const key = { key: 'Enter', code: 'Enter', windowsVirtualKeyCode: 229 };
  await devtools.send('Input.dispatchKeyEvent', { type: 'keyDown', text: '\r', ...key });
  await devtools.send('Input.dispatchKeyEvent', { type: 'keyUp', ...key });
}

webTest('the Enter that ends a composition does nothing else', async (t, stage) => {
  const { alice } = await startTalk(stage);
  const writer = await stage.visitorAs(alice);
  await writer.openChat('Sunday hike');
  await writer.composer.fill('にほん');
  const isUnsent = async (text: string) => {
    t.equal((await writer.composer.inputValue()).trimEnd(), text, 'the text stays');
    t.equal((await writer.messages.count()) + (await writer.drafts.count()), 0, 'nothing is sent');
  };
  await confirmComposition(writer);
  await isUnsent('にほん');
  await writer.composer.fill('@bo');
  const offer = writer.page.getByRole('option', { name: '@bob' });
  await offer.waitFor();
  await confirmComposition(writer);
  await isUnsent('@bo');
  await writer.composer.fill('にほん');
  await writer.button(en.emoji).click();
  const search = writer.page.getByLabel(en.emojiSearch);
  await search.fill('にほん');
  await search.fill('thumbs up');
  await confirmComposition(writer);
  t.equal(await writer.page.locator('dialog').count(), 1, 'no emoji is picked');
  await writer.page.getByRole('dialog').getByRole('button', { name: en.close }).click();
  await isUnsent('にほん');
  await writer.composer.press('Enter');
  await writer.message('にほん').waitFor();
  t.equal(await writer.messages.count(), 1, 'the composer sends by its own Enter');
  await writer.page.keyboard.press('Control+k');
  await writer.page.keyboard.type('hike');
  await confirmComposition(writer);
  t.equal(await writer.page.locator('dialog').count(), 1, 'the switcher stays open');
  await writer.page.keyboard.press('Escape');
  await writer.button(en.newChat).click();
  await writer.field(en.title).fill('東京');
  await confirmComposition(writer);
  t.equal(await writer.page.locator('dialog').count(), 1, 'a form is not sent');
  await writer.page.keyboard.press('Enter');
  await writer.page.locator('dialog').waitFor({ state: 'detached' });
});

const phone = { viewport: { width: 390, height: 780 }, isMobile: true, hasTouch: true };

webTest('on a touch screen Enter inserts a line break, and the button sends', async (t, stage) => {
  const { alice, bob } = await startTalk(stage);
  const writer = await stage.visitorAs(alice, phone);
  await writer.openChat('Sunday hike');
  t.equal(await writer.composer.getAttribute('enterkeyhint'), 'enter');
  await writer.composer.pressSequentially('    if x:');
  await writer.composer.press('Enter');
  await writer.composer.pressSequentially('        y');
  await writer.composer.press('Enter');
  t.equal(await writer.messages.count(), 0);
  await writer.button(en.send).tap();
  await writer.message('if x').waitFor();
  t.equal(await writer.message('if x').locator('pre').innerText(), '    if x:\n        y');
  t.ok(
    await writer.composer.evaluate((area) => area === document.activeElement),
    'the keyboard stays',
  );
  await writer.composer.fill('```sh\nnpm run build && npm test -- --only web && git push\n```');
  await writer.button(en.send).tap();
  const code = writer.message('git push');
  const [button, line] = await Promise.all(
    ['.copy', 'pre'].map((part) => code.locator(part).boundingBox()),
  );
  t.ok(Number(button?.y) + Number(button?.height) <= Number(line?.y), 'Copy covers no code');
  const desktop = await stage.visitorAs(bob);
  await desktop.openChat('Sunday hike');
  t.equal(await desktop.composer.getAttribute('enterkeyhint'), 'send');
  // Some phones claim that their finger can hover.
  await desktop.page.addInitScript(() => {
    const claims = ['(pointer: coarse)', '(hover: hover)'];
    const isTrue = (query: string) => query.split(' and ').every((one) => claims.includes(one));
    window.matchMedia = (query) => ({ matches: isTrue(query) }) as MediaQueryList;
  });
  await desktop.page.reload();
  await desktop.composer.waitFor();
  t.equal(await desktop.composer.getAttribute('enterkeyhint'), 'enter');
});

const numbers = (text: string) => text.match(/\d+/g) ?? [];

/** The settings, commands and methods that a sentence names. */
const identifiers = (text: string) =>
  [...new Set(text.match(/\b[A-Z]{2}[A-Z_]+\b|\bnpm run [a-z]+|\bsnug [a-z-]+/g))].sort();

tap.test('each refusal has a German sentence, with the same numbers', async (t) => {
  const source = readFileSync(new URL('../../src/errors.ts', import.meta.url), 'utf8');
  const codes = Array.from(source.matchAll(/^ {2}(\w+): \[/gm), ([, code]) => code as RefusalCode);
  t.ok(codes.length > 60, 'the codes were found');
  t.strictSame(Object.keys(refusals).sort(), [...codes].sort());
  for (const code of codes) {
    const { message } = new Refusal(code);
    t.notSame(refusals[code], message, code);
    if (code !== 'bad_encoding') t.strictSame(numbers(refusals[code]), numbers(message), code);
    t.strictSame(identifiers(refusals[code]), identifiers(message), code);
  }
});

/** Sentences about fields that the client fills in by itself, which it cannot get wrong. */
const neverCaused = [
  /^(?:Set|Send|Put) /,
  /^(?:For a chat that anyone|To end all other|Last-Event-ID|The client has)\b/,
  /^The (?:limit|role|Idempotency-Key|number in|seconds in)\b/,
  /\bin plain digits\.$/,
];

/** The sentences of a schema and of everything in it. */
function sentencesIn(schema: unknown): string[] {
  if (typeof schema !== 'object' || schema === null) return [];
  return Object.entries(schema).flatMap(([key, value]) =>
    key === 'x-error' ? [String(value)] : sentencesIn(value),
  );
}

tap.test('the server’s messages about fields have German sentences', async (t) => {
  const routes = await routesOf(() => startWorld(t));
  const said = new Set(
    routes.flatMap(({ schema = {} }) =>
      [schema.params, schema.querystring, schema.headers, schema.body].flatMap(sentencesIn),
    ),
  );
  const isCaused = (sentence: string) => !neverCaused.some((pattern) => pattern.test(sentence));
  t.strictSame(Object.keys(fields).sort(), [...said].filter(isCaused).sort());
  for (const pattern of neverCaused) t.ok([...said].some((sentence) => pattern.test(sentence)));
  for (const [sentence, german] of Object.entries(fields)) {
    t.strictSame(numbers(german), numbers(sentence), sentence);
  }
});

const found = (text: string, ...names: string[]) =>
  new MentionFinder(names).split(text).flatMap((piece) => (piece.isMention ? [piece.text] : []));

tap.test('mentions follow one rule in every script', async (t) => {
  const people = [
    'ann',
    'Ann Lee',
    'joe',
    '李小龙',
    'สมชาย',
    '철수',
    'ＡＢＣ',
    'a*b*',
    'kim',
  ].concat(['joe@corp.com', 'www.kim.com', 'snake_case_', 'a\\*b', 'a*b', 'c]d', 'i|j', 'x @ann']);
  for (const [text, called] of [
    ['@ann, hello', ['@ann']],
    ['@ANN LEE!', ['@ANN LEE']],
    ['@anne and x@ann.example.org and ann@joe', []],
    ['@joe@corp.example', []],
    ['https://example.org/@joe and www.example.org/@kim', []],
    ['（@kim）', ['@kim']],
    ['你好@kim', ['@kim']],
    ['@李小龙你好', ['@李小龙']],
    ['@สมชายครับ', ['@สมชาย']],
    ['@철수는', ['@철수']],
    ['＠ann', ['＠ann']],
    ['@abc', ['@abc']],
    ['@a*b* x', ['@a*b*']],
    ['see @a*b*, **@kim** and ~~@joe~~', ['@a*b*', '@kim', '@joe']],
    ['_@joe_', []],
    ['@joe@corp.com, @www.kim.com', ['@joe@corp.com', '@www.kim.com']],
    ['a@joe@corp.com and mail@kim.com', []],
    ['- @snake_case_ and @a\\*b\n- @kim', ['@snake_case_', '@a\\*b', '@kim']],
    ['[@kim](https://example.org)', ['@kim']],
    ['*hi @a*b* you*', ['@a*b*']],
    ['*hi @a*b you* and ***@c]d***', ['@a*b', '@c]d']],
    ['**so *says @a*b and* ~~@a*b*~~**', ['@a*b', '@a*b*']],
    ['[for @c]d](https://example.org) and _@joe_, @joe', ['@c]d', '@joe']],
    ['[x](/@kim), ![@kim](x), [x](https://example.org "@kim")', ['@kim', '@kim', '@kim']],
    ['[@kim](/x) <web:+@kim> kim+@kim.com', ['@kim', '@kim', '@kim']],
    ['a | b\n--|--\n@i|j | @kim', ['@i|j', '@kim']],
    ['@x @ann @ann', ['@x @ann', '@ann']],
    ['㐀 @ann 㐁', ['@ann']],
    ['~~~~@joe ~\n@ann', ['@joe', '@ann']],
  ] as const) {
    t.strictSame(found(text, ...people), called, text);
    t.strictSame(drawn(text, ...people), called, `drawn: ${text}`);
  }
  const link = outline(readMarkdown('@kim, mail kim@joe.com', new MentionFinder(people)));
  t.equal(link, '<mention @kim>, mail <mailto:kim@joe.com>', 'an e-mail address stays a link');
  const shown = (text: string) => outline(readMarkdown(text, new MentionFinder(people)));
  t.equal(shown('*hi @a*b you*'), '<em hi <mention @a*b> you>');
  t.equal(shown('**[@c]d](https://a.example)**'), '<strong <https://a.example>>');
  t.equal(shown('@a\\*b `㐀`'), '<mention @a\\*b> <codespan 㐀>');
  t.equal(plainText('*hi @a*b you*', new MentionFinder(people)), 'hi @a*b you');
  t.equal(isCalled('@leanne!', 'lea', []), false);
  t.equal(isCalled('@ann lee!', 'ann', ['Ann Lee']), false);
  t.equal(isCalled('＠ａｂｃ', 'ABC', []), true);
  const offered = (text: string) =>
    namesLike(beingTyped.exec(text)?.[1] ?? '–', ['Ada Lovelace', 'Zoë', 'İlker', 'Lola']);
  t.strictSame(offered('你好@zo'), ['Zoë']);
  t.strictSame(offered('@zoe'), ['Zoë']);
  t.strictSame(offered('＠il'), ['İlker']);
  t.strictSame(offered('@Lo'), ['Lola', 'Ada Lovelace']);
  t.strictSame(offered('@Love'), ['Ada Lovelace']);
  t.strictSame(offered('x@zo'), []);
});

/** The mentions of these people as a text is drawn. */
const drawn = (text: string, ...names: string[]) =>
  mentionsIn(readMarkdown(text, new MentionFinder(names)));

const mentionsIn = (tokens: Tokens): string[] =>
  tokens.flatMap((token) => {
    if (token.type === 'mention') return [String(token.text)];
    if (token.type === 'list') return mentionsIn(token.items as Tokens);
    if (token.type === 'table') return mentionsIn([token.header, ...token.rows].flat());
    return 'tokens' in token && token.tokens !== undefined ? mentionsIn(token.tokens) : [];
  });

tap.test('names with marks are mentioned anywhere in Markdown, by the rule and as drawn', (t) => {
  const random = randomNumbers(seedOf(t));
  const pick = <One>(list: readonly One[]) => list[Math.floor(random() * list.length)] as One;
  const several = (least: number, most: number, one: () => string) =>
    Array.from({ length: least + random() * (most - least + 1) }, one).join('');
  const inNames = [...'abcab*_~`[]()|\\#<>@.-', '**', ' a'];
  const inTexts = [
    ...['*', '**', '***', '_', '__', '~~', '~~~', '[', '](https://a.example)', '](/x "', '")', '!'],
    ...['`', '``', '```\n', '|', '\n', '\n\n', '\n> ', '\n- ', '\n# ', '\n    ', '\na|b\n-|-\n'],
    ...[' ', ' ', ' ', 'so', '\\', '(', 'www.a.example/', '<web:', '>', '你', '㐀', '㐁'],
  ];
  let mentions = 0;
  for (let i = 0; i < 5_000; i++) {
    const names = Array.from({ length: 3 }, () => `a${several(1, 5, () => pick(inNames))}`);
    const piece = () => (random() < 0.2 ? `@${pick(names)}` : pick(inTexts));
    const text = several(3, 15, piece);
    const [called, shown] = [found(text, ...names), drawn(text, ...names)];
    mentions += called.length;
    if (shown.join('\n') !== called.join('\n')) {
      t.strictSame(shown, called, JSON.stringify({ text, names }));
    }
  }
  t.ok(mentions > 3_000, `${mentions} mentions`);
  t.end();
});

tap.test('code mentions nobody, by the rule or as drawn', async (t) => {
  for (const [text, called] of Object.entries(withCode)) {
    t.strictSame(found(text, 'bob', 'carol'), called, text);
    t.strictSame(drawn(text, 'bob', 'carol'), called, `drawn: ${text}`);
  }
  const [small, large] = [400, 4000].map((length) => {
    const text = `@${'`a``b```c'.repeat(length / 10)}`;
    const start = process.cpuUsage().user;
    for (let i = 0; i < 40_000 / length; i++) found(text, 'bob');
    return process.cpuUsage().user - start;
  });
  t.ok(Number(large) < 5 * Number(small) + 50_000, `${large} µs for ${small}`);
});

webTest('the server finds no mentions in code, and prefers the longest name', async (t, stage) => {
  const alice = await stage.person('alice');
  const [ann, lee] = [await stage.person('ann'), await stage.person('ann lee')];
  const film = await startChat(alice, 'Film', 'ann', 'ann lee');
  const badge = '.badge[data-mention]';
  const [first, second] = [await stage.visitorAs(ann), await stage.visitorAs(lee)];
  for (const { page } of [first, second]) await page.locator('.chat').first().waitFor();
  for (const visitor of [first, second]) await visitor.streamIsOpen();
  await post(alice, film, 'Try `@ann` and\n```\n@ann lee\n```');
  await post(alice, film, 'Thanks, @ann lee!');
  await second.page.locator(badge).waitFor();
  await first.page.locator('.badge', { hasText: en.unread(2) }).waitFor();
  // It counts as a mention until the server has said that it is none.
  await first.page.locator(badge).waitFor({ state: 'detached' });
  t.match(await second.page.locator(badge).innerText(), en.mentions(1));
  await post(alice, film, 'And @ann');
  await first.page.locator(badge, { hasText: en.mentions(1) }).waitFor();
  await first.openChat('Film');
  await first.page.locator('.mention').nth(1).waitFor();
  t.equal(await first.page.locator('.mention').count(), 2);
});

webTest('the server mentions the users that the client marks', async (t, stage) => {
  const { alice, bob } = await startTalk(stage);
  const others = ['李小龙', 'joe@corp.com', 'a*b*'];
  const people = await Promise.all(others.map((name) => stage.person(name)));
  const chat = await startChat(alice, 'Film', 'bob', ...others);
  await post(alice, chat, '@李小龙你好 and x@bob.example.org');
  await post(alice, chat, '*Hello @joe@corp.com, and @a*b* too*!');
  const reader = await stage.visitorAs(bob);
  await reader.openChat('Film');
  await reader.page.locator('.mention', { hasText: '@a*b*' }).waitFor();
  const marked = await reader.page.locator('.mention').allInnerTexts();
  t.strictSame(
    marked,
    others.map((name) => `@${name}`),
  );
  for (const person of people) {
    const answer = await person.get('/api/chats');
    t.match(await answer.json(), { chats: [{ mentions: 1 }] }, 'the server counts the same');
  }
  await reader.composer.fill('你好@al');
  await reader.page.getByRole('option', { name: '@alice' }).click();
  t.equal(await reader.composer.inputValue(), '你好@alice ');
});

webTest('a refusal is shown in German', async (t, stage) => {
  stage.expect(/status of 4\d\d/);
  const { alice } = await startTalk(stage);
  const reader = await stage.visitorAs(alice, { locale: 'de-DE' });
  await reader.go('#/settings');
  const name = reader.page.getByLabel('Name', { exact: true });
  await name.fill('bob');
  await reader.button('Speichern').click();
  const alert = reader.page.getByRole('alert');
  await alert.getByText(refusals.name_taken).waitFor();
  await name.fill('b');
  t.equal(await alert.count(), 0, 'the error disappears with its cause');
  await name.fill('\u200b');
  await reader.button('Speichern').click();
  await alert.getByText(/^Der Name muss 1 bis 32/).waitFor();
});

webTest('emoji can be chosen by keyboard', async (t, stage) => {
  const { alice, bob, chat } = await startTalk(stage);
  await post(bob, chat, 'Nine?');
  const writer = await stage.visitorAs(alice);
  const { keyboard } = writer.page;
  await writer.openChat('Sunday hike');
  await writer.use(en.react, 'Nine?');
  await writer.page.locator('.emoji-grid button').first().waitFor();
  await keyboard.type('thumbs up');
  await keyboard.press('Enter');
  const reactions = writer.message('Nine?').locator('.reactions button');
  await reactions.filter({ hasText: '👍' }).waitFor();
  await writer.use(en.react, 'Nine?');
  await writer.page.locator('.emoji-grid button').first().waitFor();
  for (const key of ['ArrowDown', 'ArrowRight', 'ArrowDown', 'ArrowUp', 'Enter']) {
    await keyboard.press(key);
  }
  await reactions.filter({ hasText: '❤️' }).waitFor();
  t.equal(await reactions.count(), 2);

  await t.test('the picker remembers a skin tone', async (t) => {
    const open = async () => {
      await writer.use(en.react, 'Nine?');
      await writer.page.locator('.emoji-grid button').first().waitFor();
    };
    const first = writer.page.locator('.emoji-grid button').first();
    await open();
    for (const key of ['Tab', 'ArrowRight', 'ArrowRight']) await keyboard.press(key);
    const tone = writer.page.getByRole('radio', { name: 'medium-light skin tone' });
    t.equal(await tone.isChecked(), true, 'by keyboard');
    t.equal(await first.innerText(), '👍🏼');
    t.equal(await first.getAttribute('aria-label'), 'thumbs up: medium-light skin tone');
    await writer.page.getByLabel(en.emojiSearch).fill('holding hands');
    await writer.page.getByRole('button', { name: /^people holding hands/ }).click();
    await reactions.filter({ hasText: '🧑🏼‍🤝‍🧑🏼' }).waitFor();
    await writer.page.reload();
    await open();
    t.equal(await tone.isChecked(), true, 'remembered');
    await keyboard.type('heart hands');
    t.equal(await first.innerText(), '🫶🏼');
    await writer.page.getByRole('radio', { name: en.noSkinTone }).check();
    t.equal(await first.innerText(), '🫶');
  });
});

/** Runs in the page: over plain http there is no clipboard. */
function withoutClipboard(): void {
  Object.defineProperty(navigator, 'clipboard', { value: undefined });
}

webTest('Copy works without the clipboard API, or says that it failed', async (t, stage) => {
  stage.expect(/^asked http:\/\/pi\.lan|Cross-Origin-Opener-Policy/);
  const { alice, chat } = await startTalk(stage);
  await post(alice, chat, '```\nx = 1\n\ny = 2\n```');
  const url = stage.server.url.replace('127.0.0.1', 'pi.lan');
  const context = await stage.browser();
  await signIn(context, alice, url);
  const home = await Visitor.open(context, url);
  await home.openChat('Sunday hike');
  await home.message('x = 1').locator('.code').hover();
  await home.button(en.copy).click();
  await home.button(en.copied).waitFor();
  t.equal(await home.page.evaluate(() => navigator.clipboard), undefined);
  await home.composer.press('Control+v');
  t.equal(await home.composer.inputValue(), 'x = 1\n\ny = 2', 'code, over plain http');

  await alice.send('POST', `${chat}/invites`, {});
  const reader = await stage.visitorAs(alice);
  await reader.page.addInitScript(withoutClipboard);
  await reader.go(`#${chat.replace('/api', '')}/members`);
  await reader.page.reload();
  const link = reader.page.locator('.invites input');
  const copy = reader.page.locator('.invites .copy');
  await copy.click();
  await reader.button(en.copied).waitFor();
  const field = reader.page.getByLabel(en.addMember);
  await field.focus();
  await reader.page.keyboard.press('Control+v');
  t.equal(await field.inputValue(), await link.inputValue());
  await reader.page.evaluate(() => {
    document.execCommand = () => false;
  });
  await copy.click();
  await reader.page.getByText(en.copySelected).waitFor();
  t.equal(await reader.page.evaluate(() => getSelection()?.toString()), await link.inputValue());
  await reader.button(en.revoke).click();
  await reader.answer(en.cancel);
  t.equal(await link.count(), 1, 'nothing was revoked');
  await reader.button(en.revoke).click();
  await reader.answer(en.revoke);
  await link.waitFor({ state: 'detached' });
});

webTest('a day ends at midnight', async (t, stage) => {
  const { alice, chat } = await startTalk(stage);
  await post(alice, chat, 'good night');
  const reader = await stage.visitorAs(alice);
  const evening = new Date();
  evening.setHours(23, 59, 50);
  await reader.page.clock.install({ time: evening });
  await reader.page.reload();
  await reader.openChat('Sunday hike');
  await reader.page.locator('.day', { hasText: 'Today' }).waitFor();
  const time = reader.page.locator('.chat-time');
  t.match(await time.innerText(), /:/);
  await reader.page.clock.runFor(40_000);
  await reader.page.locator('.day', { hasText: 'Yesterday' }).waitFor();
  t.notMatch(await time.innerText(), /:/);
});

webTest('a person has the same colour everywhere', async (t, stage) => {
  const { alice, bob } = await startTalk(stage);
  await stage.person('carol');
  const made = await alice.send('POST', '/api/chats', { with: 'bob' });
  const direct = String(made.headers.get('location'));
  await post(bob, direct, 'only us');
  const reader = await stage.visitorAs(alice);
  await reader.openChat('bob');
  await reader.message('only us').locator('.name', { hasText: 'bob' }).waitFor();
  const hue = (place: string) => reader.page.locator(place).first().getAttribute('data-hue');
  const listed = await hue('.chat[aria-current] .avatar');
  t.equal(await hue('.message .avatar'), listed);
  await reader.go(`#${direct.replace('/api', '')}/members`);
  t.equal(await hue('.people li:nth-child(2) .avatar'), listed);
  await reader.page.keyboard.press('Control+k');
  t.equal(await hue('dialog [role=option]:has-text("bob") .avatar'), listed, 'in the switcher');
});
