/** Unread messages: the badge, the line "New", the place where a chat opens, the server's count. */
import type { Route } from 'playwright-core';
import type { Test } from 'tap';
import { en } from '../../src/web/texts/en.ts';
import { noServer, post, startChat, startTalk, type Visitor, webTest } from '../helpers/browser.ts';
import type { RemotePerson } from '../helpers/server.ts';

const place = (chat: string) => `#${chat.replace('/api', '')}`;

/** The unread count of a chat, according to the server. */
async function unreadOf(person: RemotePerson, chat: string): Promise<number> {
  const { chats } = (await (await person.get('/api/chats')).json()) as {
    chats: { id: number; unread?: number }[];
  };
  return chats.find(({ id }) => chat === `/api/chats/${id}`)?.unread ?? 0;
}

/** Waits until the server has this unread count. */
async function untilUnread(t: Test, person: RemotePerson, chat: string, count: number) {
  for (let i = 0; i < 400 && (await unreadOf(person, chat)) !== count; i++) {
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  t.equal(await unreadOf(person, chat), count);
}

/** Waits for the first read mark and any that follow; then this many are left unread. */
async function staysUnread(
  t: Test,
  { page }: Visitor,
  person: RemotePerson,
  chat: string,
  least: number,
  most: number,
) {
  for (let i = 0; i < 400 && (await unreadOf(person, chat)) > most; i++) {
    await page.waitForTimeout(50);
  }
  await page.waitForTimeout(500);
  const left = await unreadOf(person, chat);
  t.ok(left >= least && left <= most, `${left} are left`);
  await page.locator('.chat[aria-current] .badge', { hasText: en.unread(left) }).waitFor();
}

async function postMany(sender: RemotePerson, chat: string, from: number, to: number) {
  for (let i = from; i <= to; i++) await post(sender, chat, `number ${i}.\nand\nmore`);
}

/** The text of the message below the line "New". */
const firstNew = ({ page }: Visitor) =>
  page
    .locator('li', { has: page.locator('.new-line') })
    .locator('.text')
    .innerText();

webTest('an event that the list already includes is not counted twice', async (t, stage) => {
  const { alice, bob, chat } = await startTalk(stage);
  await post(alice, chat, 'Are you coming, @bob?');
  const { messages } = (await (await bob.get(chat)).json()) as { messages: { id: number }[] };
  const message = messages[0];
  const id = Number(chat.split('/').at(-1));
  const hello = 'retry: 200\nevent: hello\ndata: {"build":""}';
  const events = [
    hello,
    `id: ${message?.id}\nevent: message\ndata: ${JSON.stringify({ chat_id: id, message })}`,
    `id: ${Number(message?.id) + 1}\nevent: chat\ndata: ${JSON.stringify({ chat: { id, title: 'Later' } })}`,
  ];
  const reader = await stage.visitorAs(bob);
  // The first stream breaks at once. The next one resumes before a message that the list includes.
  await reader.page.context().route('**/api/events*', async (route) => {
    const isListed = (await reader.page.locator('.badge').count()) > 0;
    const body = `${(isListed ? events : [hello]).join('\n\n')}\n\n`;
    await route.fulfill({ contentType: 'text/event-stream', body });
  });
  await reader.page.reload();
  await reader.page.getByText('Later').first().waitFor();
  t.match(await reader.page.locator('.badge').innerText(), en.mentions(1));
});

webTest('a read mark that arrives late counts no message twice', async (t, stage) => {
  stage.expect(noServer);
  const { alice, bob, chat } = await startTalk(stage);
  await post(alice, chat, 'one');
  const reader = await stage.visitorAs(bob);
  await reader.page.locator('.badge', { hasText: en.unread(1) }).waitFor();
  await reader.streamIsOpen();
  // Bob reads on another device, and more arrives, while this one has no connection.
  await reader.page.context().setOffline(true);
  await stage.kill();
  await stage.revive();
  await bob.send('PUT', `${chat}/read`, { id: '999999' });
  for (const text of ['two', 'three', 'four']) await post(alice, chat, text);
  await reader.page.context().setOffline(false);
  await reader.page.locator('.chat', { hasText: 'four' }).waitFor();
  t.match(await reader.page.locator('.badge').innerText(), en.unread(3));
});

/** Lets things happen between the making of a list of chats and its arrival, as often as given. */
async function beforeListArrives(
  { page }: Visitor,
  times: number,
  happen: () => Promise<void>,
): Promise<void> {
  const answer = async (route: Route) => {
    const response = await route.fetch();
    await happen();
    await route.fulfill({ response });
  };
  await page.route('**/api/chats', answer, { times });
}

webTest('a read mark that overtakes the list of chats is not undone', async (t, stage) => {
  const { alice, bob, chat } = await startTalk(stage);
  const id = await post(alice, chat, 'one');
  const reader = await stage.visitorAs(bob);
  const badge = reader.page.locator('.badge');
  await badge.waitFor();
  await reader.streamIsOpen();
  await beforeListArrives(reader, 1, async () => {
    await bob.send('PUT', `${chat}/read`, { id: `${id}` });
    await badge.waitFor({ state: 'detached' });
  });
  const listed = reader.page.waitForResponse('**/api/chats');
  // An edited message may be the one that the list shows.
  await alice.send('PUT', `${chat}/messages/${id}`, { content: 'two' });
  await (await listed).finished();
  await reader.page.locator('.chat', { hasText: 'two' }).waitFor();
  t.equal(await badge.count(), 0);
});

webTest('a message that arrives whenever the list is loaded is counted', async (_, stage) => {
  const { alice, bob, chat } = await startTalk(stage);
  const id = await post(alice, chat, 'number 1.');
  const reader = await stage.visitorAs(bob);
  await reader.page.locator('.badge').waitFor();
  await reader.streamIsOpen();
  let number = 1;
  await beforeListArrives(reader, 3, async () => {
    number += 1;
    await post(alice, chat, `number ${number}.`);
    await reader.page.locator('.chat', { hasText: `number ${number}.` }).waitFor();
  });
  await alice.send('PUT', `${chat}/messages/${id}`, { content: 'number one.' });
  await reader.page.locator('.badge', { hasText: en.unread(4) }).waitFor();
});

webTest('when all was read and two messages arrive, the chat opens at them', async (t, stage) => {
  const { alice, bob, chat } = await startTalk(stage);
  const other = await startChat(bob, 'Elsewhere');
  await postMany(alice, chat, 1, 60);
  await bob.send('PUT', `${chat}/read`, { id: '999999' });
  const reader = await stage.visitorAs(bob);
  const lists = () => reader.asked.filter((path) => path === '/api/chats').length;
  await reader.page.locator('.chat').first().waitFor();
  await reader.go(place(other));
  const before = lists();
  await reader.page.reload();
  await reader.streamIsOpen();
  await reader.page.locator('.chat').first().waitFor();
  t.equal(lists() - before, 1, 'the list is requested once');
  await postMany(alice, chat, 61, 62);
  await reader.page.locator('.badge', { hasText: en.unread(2) }).waitFor();
  await reader.openChat('Sunday hike');
  await reader.untilInSight('number 62.');
  t.match(await firstNew(reader), 'number 61.');
  await reader.page.locator('.badge').waitFor({ state: 'detached' });
  await untilUnread(t, bob, chat, 0);
});

/**
 * Opens a chat by its link, and holds back the list of chats.
 *
 * @returns lets the list arrive.
 */
async function openBeforeList(reader: Visitor, chat: string): Promise<() => void> {
  const held = Promise.withResolvers<void>();
  await reader.page.route('**/api/chats', async (route) => {
    await held.promise;
    await route.continue();
  });
  await reader.go(place(chat));
  await reader.page.reload();
  return held.resolve;
}

webTest(
  'a chat opened by its link is marked as read, though the list arrives late',
  async (t, stage) => {
    const { alice, bob, chat } = await startTalk(stage);
    await post(alice, chat, 'read already');
    await bob.send('PUT', `${chat}/read`, { id: '999999' });
    await post(alice, chat, 'unread');
    const reader = await stage.visitorAs(bob);
    const showList = await openBeforeList(reader, chat);
    await reader.message('unread').last().waitFor();
    showList();
    await reader.page.locator('.new-line').waitFor();
    t.equal(await firstNew(reader), 'unread');
    await untilUnread(t, bob, chat, 0);
    await reader.page.locator('.chat').waitFor();
    t.equal(await reader.page.locator('.badge').count(), 0);
  },
);

webTest('a chat that was never read opens at its first message', async (t, stage) => {
  const { alice, bob, chat } = await startTalk(stage);
  const short = await startChat(alice, 'Elsewhere', 'bob');
  await postMany(alice, chat, 1, 70);
  await postMany(alice, short, 101, 140);
  const reader = await stage.visitorAs(bob);
  const showList = await openBeforeList(reader, chat);
  await reader.untilInSight('number 70.');
  showList();
  await reader.untilInSight('number 1.');
  t.match(await firstNew(reader), 'number 1.');
  await staysUnread(t, reader, bob, chat, 51, 69);
  await reader.button(en.jumpToNewest).click();
  await reader.untilInSight('number 70.');
  await untilUnread(t, bob, chat, 0);

  await t.test('fewer than a page, but higher than the window', async (t) => {
    await reader.page.evaluate(() => {
      document.hasFocus = () => false;
    });
    await reader.openChat('Elsewhere');
    await reader.untilInSight('number 101.');
    t.match(await firstNew(reader), 'number 101.');
    await reader.page.waitForTimeout(600);
    t.equal(await unreadOf(bob, short), 40, 'nothing while the window has no focus');
    await reader.page.evaluate(() => {
      document.hasFocus = () => true;
      dispatchEvent(new Event('focus'));
    });
    await staysUnread(t, reader, bob, short, 20, 39);
  });

  await t.test('more than the list has counted', async (t) => {
    const late = await startChat(alice, 'Later', 'bob');
    await postMany(alice, late, 201, 260);
    // As a list that was loaded before the last ones arrived.
    await reader.page.route('**/api/chats', async (route) => {
      const answer = await route.fetch();
      const { chats } = (await answer.json()) as { chats: { title: string; unread?: number }[] };
      for (const listed of chats) if (listed.title === 'Later') listed.unread = 30;
      await route.fulfill({ response: answer, json: { chats } });
    });
    await reader.go(place(late));
    await reader.page.reload();
    await reader.untilInSight('number 201.');
    t.match(await firstNew(reader), 'number 201.');
  });
});

webTest('messages that arrive at an older position stay unread', async (t, stage) => {
  const { alice, bob, chat } = await startTalk(stage);
  const other = await startChat(alice, 'Elsewhere', 'bob');
  const hit = await post(alice, chat, 'a needle');
  await postMany(alice, chat, 1, 120);
  await bob.send('PUT', `${chat}/read`, { id: '999999' });
  const reader = await stage.visitorAs(bob);
  await reader.go(`${place(chat)}/${hit}`);
  await reader.untilInSight('a needle');
  await reader.streamIsOpen();
  await postMany(alice, chat, 121, 122);
  const badge = reader.page.locator('.badge', { hasText: en.unread(2) });
  await badge.waitFor();
  // As the stream says after it missed too much: everything is loaded again.
  const loaded = reader.page.waitForResponse((answer) => new URL(answer.url()).pathname === chat);
  await reader.page.evaluate(() =>
    new BroadcastChannel('snug.2').postMessage({ event: 'reset', data: {}, id: '' }),
  );
  await loaded;
  await reader.page.waitForTimeout(500);
  await reader.untilInSight('a needle');
  await reader.openChat('Elsewhere');
  await reader.page.locator('.chat[aria-current]', { hasText: 'Elsewhere' }).waitFor();
  t.equal(await unreadOf(bob, chat), 2);
  await badge.waitFor();
  t.equal(await reader.page.title(), '(2) Snug');
  await reader.go(`${place(chat)}/${hit}`);
  await reader.untilInSight('a needle');
  await post(alice, other, 'for the other');
  await reader.page.waitForFunction(() => document.title === '(3) Snug');
  await reader.button(en.jumpToNewest).click();
  await reader.untilInSight('number 122.');
  await untilUnread(t, bob, chat, 0);
  await reader.page.waitForFunction(() => document.title === '(1) Snug');
});

webTest('only visible messages are marked as read', async (t, stage) => {
  const { alice, bob, chat } = await startTalk(stage);
  await post(alice, chat, 'the first');
  await bob.send('PUT', `${chat}/read`, { id: '999999' });
  await postMany(alice, chat, 1, 70);
  const reader = await stage.visitorAs(bob);
  await reader.openChat('Sunday hike');
  await reader.untilInSight('number 1.');
  t.match(await firstNew(reader), 'number 1.', 'more is unread than fits a page');
  await staysUnread(t, reader, bob, chat, 51, 69);
  await reader.button(en.jumpToNewest).click();
  await reader.untilInSight('number 70.');
  await untilUnread(t, bob, chat, 0);

  await t.test('messages that arrive while scrolled up are counted', async (t) => {
    await reader.page.locator('.timeline').evaluate((box) => box.scrollBy(0, -1_500));
    await reader.button(en.jumpToNewest).waitFor();
    await postMany(alice, chat, 71, 72);
    await reader.page.locator('.badge', { hasText: en.unread(2) }).waitFor();
    t.equal(await unreadOf(bob, chat), 2);
    await reader.button(en.jumpToNewest).click();
    await untilUnread(t, bob, chat, 0);
  });

  await t.test('and so are those that arrive while the window has no focus', async (t) => {
    const focus = (has: boolean) =>
      reader.page.evaluate((isFocused) => {
        document.hasFocus = () => isFocused;
        if (isFocused) dispatchEvent(new Event('focus'));
      }, has);
    await focus(false);
    await post(alice, chat, 'unseen');
    await reader.page.locator('.badge', { hasText: en.unread(1) }).waitFor();
    t.equal(await unreadOf(bob, chat), 1);
    await focus(true);
    await reader.page.locator('.badge').waitFor({ state: 'detached' });
    await untilUnread(t, bob, chat, 0);
  });
});
