/** Messages, addresses and events made to break the client: it shows what it can, and works on. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { CDPSession, Route } from 'playwright-core';
import { en } from '../../src/web/texts/en.ts';
import { post, type Stage, startChat, startTalk, webTest } from '../helpers/browser.ts';
import { randomNumbers, seedOf } from '../helpers/random.ts';
import { execute } from '../helpers/rows.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** A message has at most 4,000 characters. */
const longest = 4_000;

/** A pattern repeated as often as it fits into a message. */
const fill = (pattern: string, length = longest) =>
  pattern.repeat(Math.ceil(length / pattern.length)).slice(0, length);

/** A table with this many columns and lines. */
function table(columns: number, lines: number): string {
  const line = (cell: string) => `|${`${cell}|`.repeat(columns)}\n`;
  return (line('a') + line('-') + line('b').repeat(lines)).slice(0, longest);
}

/** Texts that were slow, or overflowed the stack, or cost the browser most. */
const slowest = [
  `${'>'.repeat(1_000)}a`,
  fill('1. '),
  fill('_*a'),
  fill('> - '),
  fill('- a\n'),
  `${fill('- - ', 80)}${fill('a\n)\n', 3_900)}`,
  fill('*', 2_000) + fill('***_', 2_000),
  fill('\\['),
  fill('a\n\n'),
  fill('[a](b'),
  fill('![[`'),
  fill('@member 49'),
  fill('@').slice(0, 800),
  fill('\u202e\u2067'),
  fill('a\u0301'),
  table(20, 90),
  table(1, 700),
  fill('|a|\n|-|\n\n'),
  fill('```\na\n```\n'),
  fill('```a b\n'),
  fill('- [ ] a\n', 2_300),
  fill('- [ ] a\n\n'),
  fill('---\n'),
  fill('# a\n'),
  fill('> a\nb\n'),
  fill('a\n\n\n'),
  fill('\\*a'),
  fill('\\_a_ '),
  fill('\\`a'),
  fill('*(*a'),
  fill('http://a.b '),
  fill('http://(((a)))'),
  `http://a${fill(')')}`.slice(0, longest),
];

/** Pieces of Markdown, and of texts that browsers are slow to lay out. */
const atoms =
  '* ** *** _ __ ~ ~~ ` `` ``` [ ]( ](http://b) ] ( ) < > - 1. + \\ ! | -|- |a| |-| # = --- [x] & &amp; <a <!-- @ @bob www. http:// a@b.c é 漢 。 ﷺ 👨‍👩‍👧‍👦 \u202e a b 0'
    .split(' ')
    .concat(' ', '  \n', '\n', '\n\n', '> ', '- ', '1. ', '    ', '\t');

/** A text of a few patterns, each repeated, so that superlinear cost shows. */
function randomText(random: () => number): string {
  const pick = (count: number) => 1 + Math.floor(random() * count);
  const parts = pick(3);
  const pattern = () =>
    Array.from({ length: pick(5) }, () => atoms[pick(atoms.length) - 1]).join('');
  const text = Array.from({ length: parts }, () => fill(pattern(), longest / parts)).join('');
  return text.slice(0, longest);
}

webTest('no message breaks the others, whatever it contains', async (t, stage) => {
  const { alice, bob, chat } = await startTalk(stage);
  const random = randomNumbers(seedOf(t));
  // One page of messages.
  const written = Array.from({ length: 48 - slowest.length }, () => randomText(random));
  const texts = ['before them', ...slowest, ...written, 'after them'];
  const ids: number[] = [];
  for (const text of texts) ids.push(await post(bob, chat, text));
  // Texts without anything visible are refused.
  const sent = ids.filter((id) => !Number.isNaN(id));
  t.ok(sent.length > slowest.length, `${sent.length} of ${texts.length}`);
  const reader = await stage.visitorAs(alice);
  await reader.openChat('Sunday hike');
  await reader.message('after them').waitFor();
  await reader.message('before them').waitFor();
  t.equal(await reader.messages.count(), sent.length, 'each is drawn');
  // The worst of them is treated like any other message.
  const worst = reader.messages.nth(1);
  t.match(await worst.locator('.text').innerText(), `${'>'.repeat(900)}a`);
  await worst.focus();
  await worst.getByRole('button', { name: en.reply, exact: true }).click();
  await reader.say('What was that?');
  await reader.message('What was that?').locator('.quote').getByText('bob').waitFor();
  await worst.focus();
  await worst.getByRole('button', { name: en.delete, exact: true }).click();
  await reader.answer(en.delete);
  await worst.getByText(en.deletedMessage).waitFor();
  await post(bob, chat, 'and on');
  await reader.message('and on').waitFor();
});

/** A message is drawn within this, in ms of CPU time. */
const limit = 50;

/** The CPU time of `drawSpans` on the machine for which the limits are meant, in ms. */
const usualSpans = 15;

webTest('4,000 characters of any kind are drawn in 50 ms', async (t, stage) => {
  const random = randomNumbers(seedOf(t));
  const studio = await openStudio(stage);
  const written = Array.from({ length: 80 }, () => randomText(random));
  for (const text of [...slowest, ...written]) {
    const took = await leastOf(5, limit, () => studio.draw(text, limit));
    t.ok(took < limit, `${took.toFixed(1)} ms for ${JSON.stringify(text.slice(0, 60))}`);
  }
  await t.test('800 mentions in a chat of 500 members in 20 ms', async (t) => {
    const took = await leastOf(5, 20, () => studio.draw('@m\n'.repeat(800), 20));
    t.ok(took < 20, `${took.toFixed(1)} ms`);
    t.equal(await studio.page.evaluate(() => drawMessage('@m @member 499!')), 1, 'they are found');
  });
});

/** Draws messages by the client's own code, in a page with nothing else on it. */
async function openStudio(stage: Stage) {
  const page = await (await stage.browser()).newPage();
  await page.addStyleTag({ content: readFileSync(`${root}/src/web/style.css`, 'utf8') });
  await page.addScriptTag({ content: await studioScript() });
  const devtools = await page.context().newCDPSession(page);
  // Measures the time of the page's thread only, without the machine's other work.
  await devtools.send('Performance.enable', { timeDomain: 'threadTicks' });
  const timed = async (work: () => Promise<unknown>) => {
    const before = await taskTime(devtools);
    await work();
    return (await taskTime(devtools)) - before;
  };
  /**
   * The CPU time of a message in ms; if that is over the limit, scaled to the usual machine where
   * this one is slower now.
   */
  const draw = async (text: string, limit: number) => {
    const took = await timed(() => page.evaluate((text) => drawMessage(text), text));
    if (took < limit) return took;
    const slowness = (await timed(() => page.evaluate(drawSpans))) / usualSpans;
    return took / Math.max(1, slowness);
  };
  return { page, draw };
}

declare function drawMessage(text: string): number;

async function studioScript(): Promise<string> {
  const contents = `
    import { render } from 'preact';
    import { membersOf, noteMember } from './src/web/state/members.ts';
    import { Markdown } from './src/web/views/markdown.tsx';
    membersOf(1);
    for (let id = 1; id <= 500; id++) noteMember(1, { id, name: 'member ' + id, role: 'member' });
    globalThis.drawMessage = (text) => {
      const box = document.createElement('article');
      document.body.append(box);
      render(<Markdown text={text} chatId={1} />, box);
      box.getBoundingClientRect();
      const mentions = box.querySelectorAll('.mention').length;
      render(null, box);
      box.remove();
      return mentions;
    };`;
  const { outputFiles } = await build({
    stdin: { contents, resolveDir: root, loader: 'tsx' },
    bundle: true,
    write: false,
    format: 'iife',
    jsx: 'automatic',
    jsxImportSource: 'preact',
  });
  return String(outputFiles[0]?.text);
}

/** How long the page's thread has worked, in ms. */
async function taskTime(devtools: CDPSession): Promise<number> {
  const { metrics } = await devtools.send('Performance.getMetrics');
  return 1_000 * Number(metrics.find(({ name }) => name === 'TaskDuration')?.value);
}

/** A constant amount of the browser's own work. */
function drawSpans(): void {
  const box = document.createElement('article');
  for (let i = 0; i < 2_000; i++) {
    const span = document.createElement('span');
    span.textContent = `word ${i} `;
    box.append(span);
  }
  document.body.append(box);
  box.getBoundingClientRect();
  box.remove();
}

/** The least of a few tries, until one is below the limit. */
async function leastOf(tries: number, limit: number, attempt: () => Promise<number>) {
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < tries && least >= limit; i++) least = Math.min(least, await attempt());
  return least;
}

/** Visits addresses in the page; returns those at which it shows nothing. */
async function visitAll(addresses: string[]): Promise<string[]> {
  const blank: string[] = [];
  for (const address of addresses) {
    location.hash = address;
    await new Promise((resolve) => setTimeout(resolve, 10));
    const main = document.querySelector('#main > *');
    if (main === null || main.matches('[role=alert]')) blank.push(address);
  }
  return blank;
}

webTest('any address opens the client', async (t, stage) => {
  const { alice } = await startTalk(stage);
  stage.expect(/status of 4\d\d/);
  const reader = await stage.visitorAs(alice);
  await reader.page.getByRole('navigation', { name: en.chats }).waitFor();
  const random = randomNumbers(seedOf(t));
  const names = ['chats', 'search', 'invite', 'settings', 'directory', 'members', '', 'x'];
  const pieces = [
    '%',
    '%E0%A4%A',
    '%00',
    '1',
    '-1',
    '1e9',
    'NaN',
    '..',
    '%2e%2e',
    '__proto__',
    '?',
    '#',
  ];
  const any = (list: string[]) => list[Math.floor(random() * list.length)];
  const made = Array.from(
    { length: 60 },
    () => `#/${any(names)}/${any(pieces)}${any(pieces)}/${any(pieces)}`,
  );
  const handmade = [
    '#/search/%',
    '#/search/%E0%A4%A/1',
    '#/chats/',
    '#/chats/x/members',
    '#/invite/%zz',
    '#',
  ];
  const blank = await reader.page.evaluate(visitAll, [...handmade, ...made]);
  t.strictSame(blank, []);
  t.equal(await reader.page.getByText(en.broken).count(), 0);
  await reader.go('#/search/%');
  await reader.page.reload();
  t.equal(await reader.page.getByRole('searchbox').inputValue(), '%');
  await reader.openChat('Sunday hike');
});

webTest('an invalid event or answer breaks nothing else', async (_, stage) => {
  const { alice, bob, chat } = await startTalk(stage);
  const id = Number(chat.split('/').at(-1));
  const good = await post(bob, chat, 'good');
  await post(bob, chat, 'bad');
  const reader = await stage.visitorAs(alice);
  await reader.streamIsOpen();
  const context = reader.page.context();
  await context.route(`**${chat}?*`, (route) =>
    corrupt(route, 'messages', { time: 'never', content: 7777 }),
  );
  await context.route('**/api/chats', (route) => corrupt(route, 'chats', { last_message: 7 }));
  const events = [
    ['message', '{'],
    ['message', 'null'],
    ['message', `{"chat_id":${id}}`],
    ['reaction', `{"chat_id":${id},"id":${good},"reactions":[null]}`],
    ['member.joined', `{"chat_id":${id},"member":null}`],
    ['message', `{"chat_id":${id},"message":{"id":1000000,"sender_id":2,"time":"x"}}`],
    ['typing', `{"chat_id":${id},"user_id":2}`],
  ];
  const body = events.map(([type, data]) => `event: ${type}\ndata: ${data}\n\n`).join('');
  await context.route(
    '**/api/events*',
    (route) => route.fulfill({ contentType: 'text/event-stream', body }),
    { times: 1 },
  );
  await reader.go(`#${chat.replace('/api', '')}`);
  await reader.page.reload();
  await reader.message('good').waitFor();
  await reader.page.getByText(en.isTyping(['bob'])).waitFor();
  await reader.message('7777').waitFor();
  await reader.page.locator('.chat').first().waitFor();
  await context.unrouteAll({ behavior: 'wait' });
  await reader.page.evaluate(() => {
    localStorage.setItem('snug.1.draft.1', '{');
    localStorage.setItem('snug.1.outbox.x', '{}');
  });
  await reader.page.reload();
  await reader.message('good').waitFor();
  await reader.say('still here');
  await reader.message('still here').waitFor();
});

/** Lets an answer through with an error in the last element of its list. */
async function corrupt(route: Route, list: string, wrong: object): Promise<void> {
  const response = await route.fetch();
  const json = await response.json();
  Object.assign(json[list].at(-1) ?? {}, wrong);
  await route.fulfill({ response, json });
}

/** Marks every name, title and message of the next test, to find them again. */
const marker = 'ZQ';

webTest('no text changes the direction of its surroundings', async (t, stage) => {
  const { alice, bob, chat } = await startTalk(stage);
  await post(
    alice,
    chat,
    `\u05d0 ${marker} **\u202e${marker}** [\u202e${marker}](https://example.org)`,
  );
  const asked = await post(
    bob,
    chat,
    `\u202e${marker} asks\n\n- \u2067${marker}\n\n> \u202e${marker}`,
  );
  await post(alice, chat, `answer ${marker}`, { reply_to: String(asked) });
  await bob.send('PUT', `${chat}/messages/${asked}/reactions/${encodeURIComponent('👍')}`, {});
  await alice.send('POST', '/api/chats', { title: `${marker} open`, open: '1' });
  const carol = await stage.person('carol');
  const garden = await startChat(carol, 'Garden');
  const invite = await carol.send('POST', `${garden}/invites`, {});
  const code = String(invite.headers.get('location')).split('/').at(-1);
  // New ones of these are refused; older databases have them.
  const evil = `\u2069\u202e${marker}`;
  execute(stage.file, 'update users set name = ? where id = 2', `${evil}bob`);
  execute(stage.file, 'update chats set title = ? || title', evil);
  const reader = await stage.visitorAs(alice);
  const place = `#${chat.replace('/api', '')}`;
  const assertIsolated = async (name: string, ready: string) => {
    await reader.page.locator(ready).first().waitFor();
    t.strictSame(await reader.page.evaluate(looseTexts, marker), [], name);
  };
  await assertIsolated('list', '.chat-title');
  await reader.go(place);
  await assertIsolated('chat', '.quote a');
  const gap = await reader.page.locator('.quote a').evaluate((line) => {
    const [who, what] = [...line.children].map((part) => part.getBoundingClientRect());
    return Number(what?.left) - Number(who?.right);
  });
  t.ok(gap >= 0, 'the quoted name stays before the text');
  await reader.composer.fill('@');
  await assertIsolated('offered names', '.options');
  await reader.composer.press('Escape');
  const close = async () => {
    await reader.page.keyboard.press('Escape');
    await reader.page.locator('dialog').waitFor({ state: 'detached' });
  };
  await reader.button(en.emoji).click();
  await assertIsolated('emoji', '.emoji-grid button');
  await close();
  await bob.send('POST', `${chat}/typing`, {});
  await assertIsolated('typing', '.typing:not(:empty)');
  await reader.messages.nth(1).focus();
  await reader.messages.nth(1).getByRole('button', { name: en.reply, exact: true }).click();
  await assertIsolated('reply', '.intent');
  await reader.go(`#/search/${marker}`);
  await assertIsolated('search', '.hit mark');
  await reader.go(`${place}/members`);
  await assertIsolated('members', '.people li');
  await reader.button(en.removeMember).click();
  await assertIsolated('question', 'dialog form');
  await close();
  await reader.button(en.newChat).click();
  await assertIsolated('new chat', 'dialog form');
  await close();
  await reader.go(`#/invite/${code}`);
  await assertIsolated('invite', 'main form');
  await reader.go('#/settings');
  await assertIsolated('settings', '.people li');
  await reader.go('#/directory');
  await assertIsolated('directory', '.people li');
  await reader.page.keyboard.press('Control+k');
  await assertIsolated('switcher', 'dialog [role=option]');
});

/** The marked texts that could change the direction of their surroundings. */
function looseTexts(marker: string): string[] {
  const own = (element: Element) => element.closest('bdi, [dir=auto]') !== null;
  /** Whether a change of direction is within isolates, which the text may try to end early. */
  const isolated = (text: string) => {
    let depth = 0;
    for (const character of text) {
      if (depth === 0 && /[\u202e\u2067]/.test(character)) return false;
      if (/[\u2066-\u2068]/.test(character)) depth += 1;
      if (character === '\u2069') depth = Math.max(0, depth - 1);
    }
    return true;
  };
  const loose: string[] = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_ALL);
  for (let node = walker.nextNode(); node !== null; node = walker.nextNode()) {
    const text = node.nodeValue ?? '';
    const parent = node.parentElement;
    if (text.includes(marker) && parent !== null && !own(parent) && !isolated(text))
      loose.push(text);
    if (!(node instanceof Element)) continue;
    for (const { name, value } of node.attributes) {
      const isShown = ['title', 'placeholder', 'aria-label'].includes(name);
      if (isShown && value.includes(marker) && !isolated(value)) loose.push(`${name}=${value}`);
    }
    const isField = node.matches('textarea, input:is(:not([type]), [type=text], [type=search])');
    if (isField && node.getAttribute('dir') !== 'auto' && !node.hasAttribute('readonly'))
      loose.push(node.outerHTML);
  }
  return loose;
}
