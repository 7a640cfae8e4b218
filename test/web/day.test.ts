/**
 * A day of two people, with a login page, a dead connection and a killed server. In the end both
 * people and the server agree on every message, mark and count.
 */
import type { RequestListener } from 'node:http';
import t, { type Test } from 'tap';
import { en } from '../../src/web/texts/en.ts';
import {
  noServer,
  post,
  type Stage,
  signIn,
  startTalk,
  Visitor,
  webTest,
} from '../helpers/browser.ts';
import { startProxy as startRealProxy } from '../helpers/fronts.ts';
import { startProxy, startWire, type Wire } from '../helpers/proxy.ts';
import type { RemotePerson } from '../helpers/server.ts';
import { without } from '../helpers/tools.ts';

const phone = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

const nginx = 'server { listen 80; location / { proxy_pass http://127.0.0.1:3000; } }';

/** A message as a person sees it: its text, whether it was edited, and its reactions. */
interface Seen {
  readonly text: string;
  readonly isEdited: boolean;
  readonly reactions: readonly string[];
}

/** A hotel's network, which answers everything itself until its login. */
interface Hotel {
  readonly url: string;
  isClosed: boolean;
}

async function startHotel(t: Test, target: string): Promise<Hotel> {
  const hotel = { url: '', isClosed: false };
  const login: RequestListener = (_, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Sign in to the network</h1>');
  };
  hotel.url = await startProxy(t, target, login, () => hotel.isClosed);
  return hotel;
}

/** A connection that can die, in front of nginx over plain http. */
async function startHome(t: Test, target: string): Promise<Wire> {
  const backend = new URL(target).host;
  const port = await startRealProxy(t, 'nginx', { configuration: nginx, backend });
  const wire = await startWire(t, `http://127.0.0.1:${port}`);
  return { ...wire, url: wire.url.replace('127.0.0.1', 'pi.lan') };
}

async function day(t: Test, stage: Stage): Promise<void> {
  stage.expect(noServer);
  stage.expect(/^asked|status of (50\d|40\d)|MIME type|Cross-Origin-Opener-Policy/);
  const people = await startTalk(stage);
  const { chat } = people;
  const place = `#${chat.replace('/api', '')}`;
  const hotel = await startHotel(t, stage.server.url);
  const home = await startHome(t, stage.server.url);
  const open = async (person: RemotePerson, url: string, device = {}) => {
    const context = await stage.browser(device);
    await signIn(context, person, url);
    return Visitor.open(context, url, `/${place}`);
  };
  const alice = await open(people.alice, hotel.url);
  const bob = await open(people.bob, home.url, phone);
  for (const visitor of [alice, bob]) await visitor.streamIsOpen();

  await say(alice, 'Good morning! Shall we meet at nine?');
  await bob.message('Shall we meet at nine?').waitFor();
  await say(bob, 'At ten.\nI have to find my boots.');
  await alice.message('At ten.').waitFor();
  await people.bob.send('PUT', `${chat}/messages/1/reactions/${encodeURIComponent('👍')}`, {});

  // Alice is in a hotel. Her stream is still open, but nothing that she sends arrives.
  hotel.isClosed = true;
  await say(alice, 'I am on my way.');
  await say(bob, 'Take the early bus.');
  await alice.drafts.filter({ hasText: 'on my way' }).waitFor();
  await alice.page.reload();
  await alice.page
    .getByText('Sign in to the network')
    .or(alice.page.locator('.line'))
    .first()
    .waitFor();
  hotel.isClosed = false;
  await alice.page.reload();
  await alice.message('I am on my way.').waitFor();
  await alice.message('Take the early bus.').waitFor();

  // Bob's phone was in a pocket; his connection died silently, and he writes all the same.
  home.die();
  await post(people.alice, chat, 'The early one is full.');
  await say(bob, 'Or walk.');
  await wakeUp(bob);
  await bob.message('The early one is full.').waitFor();
  await alice.message('Or walk.').waitFor();

  // The power fails while both are writing.
  await say(alice, 'We walk, then.');
  await stage.kill();
  await say(bob, 'It will rain.');
  await say(alice, 'Bring a coat.');
  await stage.revive();
  for (const visitor of [alice, bob]) {
    await wakeUp(visitor);
    for (const text of ['We walk', 'It will rain', 'Bring a coat']) {
      await visitor.message(text).waitFor();
    }
  }

  // Messages are edited and reactions removed, while one of them sees only the list.
  await bob.go('/#/');
  await bob.page.locator('.chat').waitFor();
  const [, ten, way] = await idsOf(people.bob, chat);
  await people.bob.send('PUT', `${chat}/messages/${ten}`, { content: 'At eleven.' });
  await people.alice.send('DELETE', `${chat}/messages/${way}`, {});
  await people.bob.send('DELETE', `${chat}/messages/1/reactions/${encodeURIComponent('👍')}`, {});
  await people.alice.send(
    'PUT',
    `${chat}/messages/${ten}/reactions/${encodeURIComponent('🎉')}`,
    {},
  );
  home.die();
  for (const text of ['Asleep?', 'Good night, @bob.']) await say(alice, text);
  await alice.message('Good night').waitFor();
  await wakeUp(bob);
  await bob.page.locator('.badge', { hasText: en.mentions(1) }).waitFor();
  await bob.page.locator('.chat').click();
  await bob.message('Good night').waitFor();

  for (const [name, visitor] of Object.entries({ alice, bob })) {
    await assertAgreement(t, stage, name, visitor, people[name as 'alice' | 'bob'], chat);
    await visitor.page.reload();
    await visitor.message('Good night').waitFor();
    await assertAgreement(
      t,
      stage,
      `${name}, after a reload`,
      visitor,
      people[name as 'alice' | 'bob'],
      chat,
    );
  }
}

/** By the button: on a phone, Enter is a new line. */
async function say(visitor: Visitor, text: string): Promise<void> {
  await visitor.composer.fill(text);
  await visitor.button(en.send).click();
}

/** As when a phone is taken out of a pocket. */
async function wakeUp({ page }: Visitor): Promise<void> {
  await page.evaluate(() => {
    for (const name of ['pageshow', 'online', 'focus']) dispatchEvent(new Event(name));
  });
}

async function messagesIn(person: RemotePerson, chat: string) {
  const { messages } = (await (await person.get(chat)).json()) as {
    messages: {
      id: number;
      content: string;
      edited?: string;
      reactions?: { emoji: string; count: number }[];
    }[];
  };
  return messages;
}

const idsOf = async (person: RemotePerson, chat: string) =>
  (await messagesIn(person, chat)).map(({ id }) => id);

/** The server's messages, as each person should see them. */
async function stored(person: RemotePerson, chat: string): Promise<Seen[]> {
  return (await messagesIn(person, chat)).map(({ content, edited, reactions = [] }) => ({
    text: content,
    isEdited: edited !== undefined,
    reactions: reactions.map(({ emoji, count }) => `${emoji}${count}`),
  }));
}

/** The messages of a page, without the placeholder of a deleted one. */
function shown({ page }: Visitor): Promise<Seen[]> {
  return page.locator('.timeline .message:has(.text)').evaluateAll((items) =>
    items.map((item) => ({
      text: (item.querySelector('.text') as HTMLElement).innerText,
      isEdited: item.querySelector('.edited') !== null,
      reactions: [...item.querySelectorAll('.reactions button')].map((one) => `${one.textContent}`),
    })),
  );
}

async function assertAgreement(
  t: Test,
  stage: Stage,
  name: string,
  visitor: Visitor,
  person: RemotePerson,
  chat: string,
): Promise<void> {
  await visitor.page.locator('.badge').waitFor({ state: 'detached' });
  t.strictSame(await shown(visitor), await stored(person, chat), `${name} sees what is stored`);
  t.equal(await visitor.drafts.count(), 0, `${name} has sent all`);
  t.equal(await visitor.page.title(), 'Snug', `${name} has read all`);
  const { chats } = (await (await person.get('/api/chats')).json()) as {
    chats: { unread?: number }[];
  };
  t.strictSame(
    chats.map(({ unread }) => unread ?? 0),
    [0],
    `the server knows that ${name} has`,
  );
  t.notMatch(stage.server.output(), /"level":50/, 'the log has no error');
}

const title = 'after a day of failures, two people and the server agree';
const missing = without('nginx', 'openssl');
if (missing === false) webTest(title, day);
else t.test(title, { skip: missing }, async () => undefined);
