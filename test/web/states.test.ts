/** The client's messages about failures: offline, refused, removed, signed out, storage full. */
import { join } from 'node:path';
import { de } from '../../src/web/texts/de.ts';
import { en } from '../../src/web/texts/en.ts';
import {
  messagesOf,
  noServer,
  post,
  refusal,
  shownIn,
  signIn,
  startChat,
  startDirect,
  startTalk,
  Visitor,
  webTest,
} from '../helpers/browser.ts';
import { RemotePerson, startServer } from '../helpers/server.ts';
import { password, tempFolder } from '../helpers/world.ts';

const place = (chat: string) => `#${chat.replace('/api', '')}`;

webTest('a draft is shown under its own sender, and says what it waits for', async (t, stage) => {
  stage.expect(noServer);
  const { alice, bob, chat } = await startTalk(stage);
  await post(bob, chat, 'from bob');
  const writer = await stage.visitorAs(alice);
  await writer.openChat('Sunday hike');
  await writer.message('from bob').waitFor();
  await writer.streamIsOpen();
  await stage.kill();
  await writer.page.getByText(en.disconnected).waitFor();
  await writer.say('on its way');
  await writer.drafts.getByText(en.waiting).waitFor();
  t.equal(await writer.drafts.locator('.head .name').innerText(), 'alice');
  await stage.revive();
  await writer.message('on its way').waitFor();
});

webTest('a user removed or signed out while reading sees what happened', async (t, stage) => {
  stage.expect(/status of 40[34]/);
  const { alice, bob, chat } = await startTalk(stage);
  const [reader, stranger] = [await stage.visitorAs(bob), await stage.visitor()];
  await reader.openChat('Sunday hike');
  await reader.streamIsOpen();
  await alice.send('DELETE', `${chat}/members?user_id=2`, {});
  await reader.page.getByText(en.gone.removed).waitFor();
  t.equal(await reader.page.locator('main h1').innerText(), 'Sunday hike');
  t.equal(await reader.composer.count(), 0, 'nowhere to write');
  await alice.send('POST', `${chat}/members`, { name: 'bob' });
  await reader.composer.waitFor();
  await reader.go('#/chats/999');
  await reader.page.getByText(en.gone.unknown).waitFor();
  t.equal(await reader.composer.count(), 0);

  await reader.openChat('Sunday hike');
  await reader.composer.fill('half a thought');
  await bob.send('DELETE', '/api/sessions?others=1', {});
  await stranger.fill({ [en.name]: 'bob', [en.password]: password }, en.signIn);
  await stranger.page.getByLabel(en.settings).click();
  await stranger.button(en.endOthers).click();
  await reader.page.getByText(en.sessionEnded).waitFor();
  await reader.fill({ [en.name]: 'bob', [en.password]: password }, en.signIn);
  await reader.composer.waitFor();
  t.equal(await reader.composer.inputValue(), 'half a thought', 'as the sentence says');
  const tab = await stranger.otherTab();
  await tab.streamIsOpen();
  await stranger.page.route('**/api/logout', async (route) => {
    const response = await route.fetch();
    // The stream reports the end of the session first.
    await tab.button(en.signIn).waitFor();
    await route.fulfill({ response });
  });
  await stranger.page.evaluate(() => localStorage.setItem('snug.2.draft.1', '"secret"'));
  await stranger.button(en.signOut).click();
  await stranger.button(en.signIn).waitFor();
  const traces = await stranger.page.evaluate(() => [location.hash, ...Object.keys(localStorage)]);
  t.strictSame(traces, [''], 'nothing is left for the next person');
  t.equal(
    await stranger.page.getByText(en.sessionEnded).count(),
    0,
    'not after one’s own sign-out',
  );

  await t.test('and so does a disabled user', async (t) => {
    await stage.person('carol');
    await alice.send('POST', `${chat}/members`, { name: 'carol' });
    await stranger.fill({ [en.name]: 'carol', [en.password]: password }, en.signIn);
    await stranger.openChat('Sunday hike');
    await stranger.streamIsOpen();
    await alice.send('PUT', '/api/users/3', { disabled: '1' });
    await stranger.page.getByText(en.sessionEnded).waitFor();
    await stranger.fill({ [en.name]: 'carol', [en.password]: password }, en.signIn);
    await stranger.page.getByRole('alert').waitFor();
    t.match(await stranger.page.getByRole('alert').innerText(), /disabled/);
  });
});

webTest(
  'a person whose cookies are gone or replaced learns why the form is there',
  async (t, stage) => {
    stage.expect(/^asked|status of 403/);
    const other = await startServer(t, join(await tempFolder(t), 'snug.db'));
    const { bob } = await startTalk(stage);
    await new RemotePerson(other.url).register('root');
    for (const [locale, texts] of Object.entries({ 'en-GB': en, 'de-DE': de })) {
      const context = await stage.browser({ locale });
      await signIn(context, bob, stage.server.url);
      const reader = await Visitor.open(context, stage.server.url);
      await reader.page.locator('.chat').waitFor();
      const note = (page: Visitor['page']) => page.locator('.note');
      // The same host on another port, which gets the cookies too.
      const elsewhere = await Visitor.open(context, other.url);
      await elsewhere.button(texts.signIn).waitFor();
      t.equal(await note(elsewhere.page).count(), 0, 'a newcomer there');
      await elsewhere.fill({ [texts.name]: 'root', [texts.password]: password }, texts.signIn);
      await elsewhere.page.getByRole('navigation', { name: texts.chats }).waitFor();
      await reader.page.reload();
      await note(reader.page).waitFor();
      t.equal(await note(reader.page).innerText(), `${texts.sessionEnded} ${texts.otherServer}`);
      await context.clearCookies();
      await reader.page.reload();
      await note(reader.page).waitFor();
      t.equal(await note(reader.page).innerText(), texts.sessionEnded, 'without cookies');
      await reader.fill({ [texts.name]: 'bob', [texts.password]: password }, texts.signIn);
      await reader.page.getByLabel(texts.settings).click();
      await reader.button(texts.signOut).click();
      await reader.button(texts.signIn).waitFor();
      await reader.page.reload();
      await reader.button(texts.signIn).waitFor();
      t.equal(await note(reader.page).count(), 0, 'nor a person who signed out');
      await context.close();
    }
  },
);

webTest('a chat deleted while a person looks at it says so', async (t, stage) => {
  stage.expect(/status of 404/);
  const alice = await stage.person('alice');
  const chat = await startChat(alice, 'Sunday hike');
  for (const [locale, texts] of Object.entries({ 'en-GB': en, 'de-DE': de })) {
    const chat = await startChat(alice, `Diary ${locale}`);
    const reader = await stage.visitorAs(alice, { locale });
    await reader.openChat(`Diary ${locale}`);
    await reader.streamIsOpen();
    // On another device, its last member leaves it.
    await alice.send('DELETE', `/api/chats?chat_id=${chat.split('/').at(-1)}`, {});
    await reader.page.locator('main').getByText(texts.gone.deleted).waitFor();
    t.equal(await reader.page.locator('main h1').innerText(), `Diary ${locale}`);
    t.equal(await reader.composer.count(), 0, 'nowhere to write');
    t.equal(await reader.page.locator('.chat', { hasText: 'Diary' }).count(), 0);
    await reader.go(`${place(chat)}/members`);
    await reader.page.locator('main').getByText(texts.gone.deleted).waitFor();
  }

  await t.test('and so does one that was left here', async () => {
    const reader = await stage.visitorAs(alice);
    await reader.openChat('Sunday hike');
    await reader.streamIsOpen();
    await reader.page.getByLabel(en.chatMenu).click();
    await reader.button(en.leave).click();
    await reader.answer(en.leave);
    await reader.go(place(chat));
    await reader.page.locator('main').getByText(en.gone.deleted).waitFor();
  });
});

webTest('there is nowhere to write until it is known that one may', async (t, stage) => {
  stage.expect(/status of 403/);
  const { alice, bob, chat } = await startTalk(stage);
  const closed = await startChat(bob, 'Not for Alice');
  await post(bob, chat, 'hello');
  const reader = await stage.visitorAs(alice, { serviceWorkers: 'block' });
  const { page } = reader;
  await page.addInitScript(recordComposers);
  const list = Promise.withResolvers<void>();
  await page.route(/api\/chats$/, async (route) => {
    await list.promise;
    await route.fallback();
  });
  const shown = () => page.evaluate(() => composers.join(' '));
  await reader.go(place(closed));
  const refused = page.waitForResponse((response) => response.url().includes(`${closed}?`));
  // An edit was begun while she was a member.
  await page.evaluate((id) => {
    const message = { id: 9, sender_id: 1, content: 'hello' };
    localStorage.setItem(
      `snug.1.intent.${id}`,
      JSON.stringify({ intent: { kind: 'edit', message } }),
    );
  }, closed.split('/').at(-1));
  await page.reload();
  await refused;
  await page.locator('main .error').waitFor();
  t.equal(await reader.composer.count(), 0, 'while the list is under way');
  await reader.go(`${place(closed)}/members`);
  await page.locator('main .error').waitFor();
  t.equal(await page.getByText(en.gone.unknown).count(), 0, 'nothing is claimed too early');

  await t.test('users can write in their own chats before the list of chats arrives', async (t) => {
    await reader.go(place(chat));
    await page.reload();
    await reader.message('hello').waitFor();
    await reader.composer.waitFor();
    t.equal(await reader.composer.evaluate((field) => field === document.activeElement), true);
    await reader.composer.fill('written early');
    list.resolve();
    await page.locator('.chat').waitFor();
    await page.locator('main h1').getByText('Sunday hike').waitFor();
    t.equal(await reader.composer.inputValue(), 'written early');
    t.equal(await shown(), 'added', 'it stays the same');
  });

  await reader.go(place(closed));
  await page.reload();
  await page.getByText(en.gone.unknown).waitFor();
  t.equal(await shown(), '', 'at no time');
  t.equal(await page.locator('main h1').innerText(), en.noChat);
  await reader.go(`${place(closed)}/members`);
  await page.getByText(en.gone.unknown).waitFor();
});

declare const composers: string[];

/** Runs in the page: records each composer that appears or disappears. */
function recordComposers(): void {
  const seen: string[] = [];
  Object.assign(globalThis, { composers: seen });
  const isOne = (node: Node) =>
    node instanceof Element && (node.matches('.composer') || node.querySelector('.composer'));
  new MutationObserver((changes) => {
    for (const { addedNodes, removedNodes } of changes) {
      if ([...addedNodes].some(isOne)) seen.push('added');
      if ([...removedNodes].some(isOne)) seen.push('removed');
    }
  }).observe(document, { childList: true, subtree: true });
}

webTest('the list of chats is drawn once, in one piece', async (t, stage) => {
  const { alice, bob, chat } = await startTalk(stage);
  for (const title of ['Book club', 'Choir', 'Garden']) await startChat(bob, title, 'alice');
  await startDirect(alice, 'bob');
  await post(bob, chat, 'from bob');
  const reader = await stage.visitorAs(alice);
  const { page } = reader;
  await page.addInitScript(recordRows);
  for (const hash of ['#/', place(chat)]) {
    await reader.go(hash);
    await page.reload();
    await reader.streamIsOpen();
    await page.locator('.chat-last', { hasText: 'bob: from bob' }).waitFor();
    // It is the top one already.
    await post(bob, chat, `from bob, to ${hash}`);
    await page.locator('.chat-last', { hasText: `to ${hash}` }).waitFor();
    t.strictSame(await page.evaluate(() => rowChanges), ['5 added, 0 removed'], hash);
  }
});

declare const rowChanges: string[];

/** Runs in the page: records the changes of the rows in the list of chats, by their moment. */
function recordRows(): void {
  const seen: string[] = [];
  Object.assign(globalThis, { rowChanges: seen });
  const rows = (list: Node, nodes: NodeList) =>
    list instanceof Element && list.matches('.chats')
      ? nodes.length
      : [...nodes]
          .filter((node) => node instanceof Element)
          .reduce((sum, node) => sum + node.querySelectorAll('.chats > li').length, 0);
  new MutationObserver((changes) => {
    let [added, removed] = [0, 0];
    for (const { target, addedNodes, removedNodes } of changes) {
      added += rows(target, addedNodes);
      removed += rows(target, removedNodes);
    }
    if (added + removed > 0) seen.push(`${added} added, ${removed} removed`);
  }).observe(document, { childList: true, subtree: true });
}

webTest('a new name that another event brought first shows in a direct chat', async (t, stage) => {
  stage.expect(noServer);
  const { alice, bob, chat } = await startTalk(stage);
  await post(bob, chat, 'hello');
  const direct = await startDirect(alice, 'bob');
  await post(bob, direct, 'just us');
  const reader = await stage.visitorAs(alice);
  const { page } = reader;
  const title = page.locator('.chat', { hasText: 'just us' }).locator('.chat-title');
  await title.getByText('bob', { exact: true }).waitFor();
  await reader.openChat('Sunday hike');
  await reader.message('hello').locator('.name').getByText('bob').waitFor();
  await reader.streamIsOpen();
  await post(alice, chat, 'so that the stream can be resumed');
  await reader.message('so that the stream').waitFor();
  await page.context().setOffline(true);
  await stage.kill();
  await page.getByText(en.disconnected).waitFor();
  await stage.revive();
  // The first event has the name that he has by now, as the second one does.
  await alice.send('PUT', `${chat}/members/2`, { role: 'owner' });
  await bob.send('PUT', '/api/user', { name: 'bobby' });
  await page.context().setOffline(false);
  await reader.message('hello').locator('.name').getByText('bobby').waitFor();
  await title.getByText('bobby', { exact: true }).waitFor();
  t.equal(await page.locator('.chat-title').getByText('bob', { exact: true }).count(), 0);
});

webTest('a new name and a deleted account show at once', async (t, stage) => {
  stage.expect(/status of 404/);
  const { alice, bob, chat } = await startTalk(stage);
  const opened = await alice.send('POST', '/api/chats', { with: 'bob' });
  await bob.send('POST', String(opened.headers.get('location')), { content: 'just us' });
  await post(bob, chat, 'from me');
  const reader = await stage.visitorAs(alice);
  const direct = reader.page.locator('.chat', { hasText: 'just us' }).locator('.chat-title');
  await direct.getByText('bob', { exact: true }).waitFor();
  await reader.streamIsOpen();
  await bob.send('PUT', '/api/user/2', { name: 'bobby', email: 'bob@example.org' });
  await direct.getByText('bobby', { exact: true }).waitFor();
  await reader.openChat('Sunday hike');
  await reader.message('from me').locator('.name').getByText('bobby').waitFor();
  await bob.send('DELETE', '/api/user', {});
  await reader.message('from me').locator('.name').getByText(en.deletedUser).waitFor();
  t.equal(await reader.page.locator('main').getByText('bobby').count(), 0);
  await direct.getByText(en.deletedUser, { exact: true }).waitFor();
});

webTest('a direct chat with a deleted account says so, and has no composer', async (t, stage) => {
  stage.expect(/status of 404/);
  const [alice, dan] = [await stage.person('alice'), await stage.person('dan')];
  const chat = await startDirect(alice, 'dan');
  await post(alice, chat, 'are you there?');
  await post(dan, chat, 'just us');
  const reader = await stage.visitorAs(alice);
  const german = await stage.visitorAs(alice, { locale: 'de-DE' });
  for (const { page } of [reader, german]) {
    await page.locator('.chat-title').getByText('dan', { exact: true }).waitFor();
  }
  await reader.streamIsOpen();
  await german.streamIsOpen();
  await dan.send('DELETE', '/api/user', {});
  for (const [visitor, texts] of [
    [reader, en],
    [german, de],
  ] as const) {
    const { page } = visitor;
    // No chat was opened, so no name was looked up.
    await page.locator('.chat-title').getByText(texts.deletedUser, { exact: true }).waitFor();
    await page.locator('.chat').click();
    await page.getByText(texts.partnerDeleted).waitFor();
    t.equal(await page.locator('main h1').innerText(), texts.deletedUser);
    t.equal(await visitor.composer.count(), 0, 'nowhere to write');
    await visitor.message('just us').hover();
    t.equal(await visitor.button(texts.reply).count(), 0);
  }
  await reader.use(en.edit, 'are you there?');
  await reader.composer.fill('were you there?');
  await reader.composer.press('Enter');
  await reader.message('were you there?').waitFor();
  t.equal(await reader.composer.count(), 0, 'only during an edit');
});

webTest('a direct chat follows the account of a partner who has left it', async (t, stage) => {
  stage.expect(/status of 404/);
  const [alice, dan] = [await stage.person('alice'), await stage.person('dan')];
  const chat = await startDirect(alice, 'dan');
  await post(alice, chat, 'are you there?');
  await dan.send('DELETE', `/api/chats?chat_id=${chat.split('/').at(-1)}`, {});
  const reader = await stage.visitorAs(alice);
  const title = reader.page.locator('.chat-title');
  await title.getByText('dan', { exact: true }).waitFor();
  await reader.streamIsOpen();
  await dan.send('PUT', '/api/user', { name: 'daniel' });
  await title.getByText('daniel', { exact: true }).waitFor();
  await reader.page.locator('.chat').click();
  await reader.composer.waitFor();
  await dan.send('DELETE', '/api/user', {});
  await title.getByText(en.deletedUser, { exact: true }).waitFor();
  await reader.page.getByText(en.partnerDeleted).waitFor();
  t.equal(await reader.composer.count(), 0, 'nowhere to write');
});

webTest('an error disappears when the server can be reached again', async (t, stage) => {
  stage.expect(noServer);
  const { alice, bob, chat } = await startTalk(stage);
  const id = await post(alice, chat, 'a message');
  await alice.send('PUT', `${chat}/messages/${id}/reactions/%F0%9F%91%8D`, {});
  await bob.send('POST', '/api/chats', { title: 'Open house', open: '1' });
  const invited = await startChat(bob, 'By invitation');
  const invite = await bob.send('POST', `${invited}/invites`, {});
  const code = String(invite.headers.get('location')).split('/').at(-1) ?? '';
  const visitor = await stage.visitorAs(alice, { serviceWorkers: 'block' });
  const { page } = visitor;
  const members = `${place(chat)}/members`;
  const goTo = (hash: string) => () => visitor.go(hash);
  const isShown = (part: string) => () => page.locator(part).waitFor();
  // The screen, the action without the server, and what appears once it is back.
  const scenes: [string, string, () => Promise<unknown>, () => Promise<unknown>][] = [
    [
      'a reaction',
      place(chat),
      () => page.locator('.reactions button').click(),
      isShown('.reactions'),
    ],
    ['a form', members, () => visitor.fill({ [en.title]: 'Other' }, en.rename), isShown('.people')],
    ['the search', '#/', goTo('#/search/message'), isShown('.hit')],
    ['the directory', '#/', goTo('#/directory'), isShown('main .people li')],
    ['an invite', '#/', goTo(`#/invite/${code}`), () => visitor.button(en.join).waitFor()],
    ['the sessions', '#/', goTo('#/settings'), isShown('.people li')],
    ['the members', '#/', goTo(members), isShown('.people li:nth-child(2)')],
  ];
  for (const [name, before, act, loaded] of scenes) {
    await visitor.go(before);
    await page.reload();
    await page.locator('.chat').first().waitFor();
    await visitor.streamIsOpen();
    if (before !== '#/') await page.locator('main').getByText('alice').first().waitFor();
    await page.context().setOffline(true);
    await act();
    const error = page.getByRole('alert').getByText(en.unreachable).first();
    await error.waitFor();
    await page.context().setOffline(false);
    await loaded();
    await error.waitFor({ state: 'detached' });
    t.equal(await page.getByRole('alert').count(), 0, name);
  }

  await t.test('and when the time is over that the server asked for', async (t) => {
    stage.expect(/status of 429/);
    await page.route('**/api/directory', (route) =>
      route.fulfill({
        status: 429,
        headers: { 'error-code': 'too_often', 'retry-after': '1' },
        json: { error: 'Wait.' },
      }),
    );
    await visitor.go('#/directory');
    await page.getByRole('alert').waitFor();
    await page.unrouteAll();
    await isShown('main .people li')();
    t.equal(await page.getByRole('alert').count(), 0);
  });
});

webTest('the state of the connection covers no error', async (t, stage) => {
  stage.expect(/ERR_FAILED|status of 403/);
  const { alice, chat } = await startTalk(stage);
  for (const width of [390, 1200]) {
    const visitor = await stage.visitorAs(alice, {
      viewport: { width, height: 780 },
      serviceWorkers: 'block',
    });
    const { page } = visitor;
    await page.route('**/api/events*', (route) => route.abort());
    await page.route('**/api/**', (route) =>
      /\/api\/(chats\/|directory)/.test(route.request().url())
        ? route.fulfill(refusal('Not now.'))
        : route.fallback(),
    );
    for (const hash of [place(chat), '#/directory']) {
      await visitor.go(hash);
      await page.reload();
      const error = page.locator('main .error');
      const state = page.locator('.line', { hasText: en.disconnected });
      await error.waitFor();
      await state.waitFor();
      const [said, shown, frame] = await Promise.all(
        [error, state, page.locator('main')].map((part) => part.evaluate(placeOfText)),
      );
      t.ok(Number(said?.top) >= Number(shown?.bottom), `${hash} at ${width} px`);
      t.ok(Number(said?.left) >= Number(frame?.left) + 15, 'with a margin');
    }
  }
});

/** Runs in the page: the position of the text of an element. */
function placeOfText(element: Element | SVGElement): { top: number; bottom: number; left: number } {
  const range = document.createRange();
  range.selectNodeContents(element);
  const { top, bottom, left } = range.getBoundingClientRect();
  return {
    top,
    bottom,
    left: element.matches('main') ? element.getBoundingClientRect().left : left,
  };
}

webTest('an error has room, and hides nothing of the composer', async (t, stage) => {
  stage.expect(/status of 403/);
  const { alice, bob, chat } = await startTalk(stage);
  await post(bob, chat, 'hello');
  for (const width of [390, 1280]) {
    const visitor = await stage.visitorAs(alice, {
      viewport: { width, height: 780 },
      serviceWorkers: 'block',
    });
    const { page } = visitor;
    await visitor.openChat('Sunday hike');
    await visitor.message('hello').waitFor();
    await visitor.streamIsOpen();
    await visitor.composer.fill('x'.repeat(4001));
    await visitor.composer.press('Enter');
    const error = page.locator('.composer > .error');
    await error.waitFor();
    const said = await error.evaluate(placeOfText);
    const field = await page.locator('.composer-row').boundingBox();
    t.ok(said.left >= Number(field?.x) + 4, `with a margin at the side, at ${width} px`);
    t.ok(Number(field?.y) - said.bottom >= 4, 'and to the field');
    await page.route('**/assets/emoji-picker*', (route) => route.fulfill(refusal('gone')));
    for (const text of ['one line', 'a line\n'.repeat(12)]) {
      await visitor.composer.fill(text);
      await visitor.button(en.emoji).click();
      const pill = page.locator('.failure');
      await pill.waitFor();
      const place = await pill.boundingBox();
      t.ok(place && place.x >= 8 && place.x + place.width <= width - 8, 'in sight');
      for (const part of ['.composer textarea', '.composer [type=submit]', '.bar', '.message']) {
        const other = await page.locator('main').locator(part).first().boundingBox();
        t.notOk(overlap(place, other), `not over ${part} at ${width} px`);
      }
      await visitor.button(en.close).click();
      await pill.waitFor({ state: 'detached' });
    }
  }
});

type Box = { x: number; y: number; width: number; height: number } | null;

function overlap(one: Box, other: Box): boolean {
  if (one === null || other === null) throw new Error('it is not shown');
  const isBeside = one.x + one.width <= other.x || other.x + other.width <= one.x;
  const isAbove = one.y + one.height <= other.y || other.y + other.height <= one.y;
  return !isBeside && !isAbove;
}

webTest('an error of the page itself is shown, and not blamed on the server', async (t, stage) => {
  stage.expect(/a fault of the page/);
  const alice = await stage.person('alice');
  for (const visitor of [await stage.visitor(), await stage.visitorAs(alice)]) {
    const { page } = visitor;
    await visitor.button(en.signIn).or(page.locator('.sidebar')).waitFor();
    await page.evaluate(() => void Promise.reject(new Error('a fault of the page')));
    await page.getByRole('alert').getByText(en.unexpected).waitFor();
    await visitor.button(en.close).click();
    t.equal(await page.getByRole('alert').count(), 0);
  }
});

webTest('a reply and an edit survive a visit to another screen', async (t, stage) => {
  const { alice, bob, chat } = await startTalk(stage);
  await startChat(alice, 'Elsewhere', 'bob');
  const id = await post(bob, chat, 'a question');
  await post(alice, chat, 'mine');
  const writer = await stage.visitorAs(alice);
  await writer.openChat('Sunday hike');
  await writer.use(en.reply, 'a question');
  await writer.composer.fill('an answer');
  await writer.openChat('Elsewhere');
  await writer.openChat('Sunday hike');
  await writer.page.locator('.intent').getByText('a question').waitFor();
  await writer.page.reload();
  await writer.page.locator('.intent').getByText('a question').waitFor();
  await writer.composer.press('Enter');
  await writer.message('an answer').locator('.quote').waitFor();
  const answer = await bob.get(chat);
  t.match(JSON.stringify(await answer.json()), `"reply_to":${id}`);

  await writer.composer.fill('a draft');
  await writer.use(en.edit, 'mine');
  await writer.composer.fill('mine, half changed');
  await writer.openChat('Elsewhere');
  await writer.openChat('Sunday hike');
  await writer.page.locator('.intent').getByText(en.editing).waitFor();
  t.equal(await writer.composer.inputValue(), 'mine, half changed');
  await writer.composer.press('Escape');
  t.equal(await writer.composer.inputValue(), 'a draft');

  await t.test('two tabs with one chat show one draft', async (t) => {
    const other = await writer.otherTab(place(chat));
    await other.composer.waitFor();
    await other.composer.fill('a draft, more');
    await writer.page.waitForFunction(
      () => document.querySelector('textarea')?.value === 'a draft, more',
    );
    await writer.composer.fill('a draft, more and more');
    await other.page.waitForFunction(
      () => document.querySelector('textarea')?.value === 'a draft, more and more',
    );
    t.equal(await other.composer.inputValue(), 'a draft, more and more');
  });
});

webTest('with a full storage a user can still write, and sees a warning', async (t, stage) => {
  const { alice, bob, chat } = await startTalk(stage);
  const writer = await stage.visitorAs(alice);
  await writer.openChat('Sunday hike');
  await writer.streamIsOpen();
  await writer.page.evaluate(() => {
    Storage.prototype.setItem = () => {
      throw new DOMException('full', 'QuotaExceededError');
    };
  });
  await writer.composer.pressSequentially('sent all the same');
  await writer.page.getByText(en.storageFull).waitFor();
  await writer.composer.press('Enter');
  await writer.message('sent all the same').waitFor();
  t.strictSame(await messagesOf(bob, chat), ['sent all the same']);
  t.strictSame(await shownIn(writer), ['sent all the same']);
});

webTest('a person can talk in a browser that blocks storage', async (t, stage) => {
  const { alice, bob, chat } = await startTalk(stage);
  const writer = await stage.visitorAs(alice, { serviceWorkers: 'block' });
  const { page } = writer;
  // As a browser that blocks it: reading throws as well.
  await page.addInitScript(() => {
    for (const name of ['localStorage', 'sessionStorage']) {
      Object.defineProperty(window, name, {
        get() {
          throw new DOMException('denied', 'SecurityError');
        },
      });
    }
  });
  // And its build is an old one, which would reload while nobody looks.
  await page.route('**/', async (route) => {
    const response = await route.fetch();
    const body = (await response.text()).replace(/data-build="\w+"/, 'data-build="old"');
    await route.fulfill({ response, body });
  });
  await page.reload();
  await writer.openChat('Sunday hike');
  await writer.streamIsOpen();
  await page.getByText(en.storageFull).waitFor();
  await writer.say('sent all the same');
  await writer.message('sent all the same').waitFor();
  t.strictSame(await messagesOf(bob, chat), ['sent all the same']);
  await writer.button(en.emoji).click();
  await page.getByRole('radio', { name: 'dark skin tone', exact: true }).check();
  await page.keyboard.press('Escape');
  await page.evaluate(() => {
    Object.assign(window, { isSame: true });
    Object.defineProperty(document, 'hidden', { get: () => true });
    document.dispatchEvent(new Event('visibilitychange'));
  });
  await post(bob, chat, 'still there');
  await writer.message('still there').waitFor();
  t.equal(await page.evaluate(() => 'isSame' in window), true, 'it is not reloaded for ever');
});

webTest('a missing module of the client is reported as needing a reload', async (t, stage) => {
  stage.expect(/status of 404|Failed to fetch/);
  const { alice, chat } = await startTalk(stage);
  const reader = await stage.visitorAs(alice, { serviceWorkers: 'block' });
  await reader.page.route('**/assets/emoji-picker*', (route) => route.fulfill(refusal('gone')));
  stage.expect(/status of 403/);
  await reader.openChat('Sunday hike');
  await reader.button(en.emoji).click();
  await reader.page.getByRole('alert').getByText(en.moduleMissing).waitFor();
  t.equal(await reader.page.locator('dialog').count(), 0, 'no empty window');
  await reader.page.unrouteAll();
  await Promise.all([reader.page.waitForEvent('load'), reader.button(en.reload).click()]);
  await reader.button(en.emoji).click();
  await reader.page.locator('.emoji-grid button').first().waitFor();

  await t.test('the QR code too', async (t) => {
    await alice.send('POST', `${chat}/invites`, {});
    await reader.page.route('**/assets/qr*', (route) => route.fulfill(refusal('gone')));
    await reader.go(`${place(chat)}/members`);
    await reader.button('QR').click();
    await reader.page.getByRole('alert').getByText(en.moduleMissing).waitFor();
    t.equal(await reader.button('QR').getAttribute('aria-expanded'), 'false');
    await reader.page.unrouteAll();
    await Promise.all([reader.page.waitForEvent('load'), reader.button(en.reload).click()]);
    await reader.button('QR').click();
    await reader.page.getByRole('img', { name: en.qrCode }).waitFor();
  });
});

webTest('signing in without storable cookies shows why it fails', async (t, stage) => {
  stage.expect(/^asked|Cross-Origin-Opener-Policy|status of 40\d|Secure/);
  await stage.person('alice').catch(() => undefined);
  const reader = await stage.visitor();
  await reader.page.route('**/api/login', async (route) => {
    // As over http from a server that sends its cookies for https only.
    await route.fulfill({ status: 200, json: { status: 'ok' } });
  });
  await reader.fill({ [en.name]: 'alice', [en.password]: password }, en.signIn);
  await reader.page.getByRole('alert').getByText(en.cookiesNeedHttps).waitFor();

  await t.test('over https, that cookies are blocked', async () => {
    const context = await stage.browser({ serviceWorkers: 'block' });
    await context.route('https://snug.test/**', async (route) => {
      const { pathname } = new URL(route.request().url());
      if (pathname === '/api/login') return route.fulfill({ status: 200, json: { status: 'ok' } });
      const response = await fetch(stage.server.url + pathname);
      const { status, headers } = response;
      const contentType = headers.get('content-type') ?? '';
      await route.fulfill({ status, contentType, body: Buffer.from(await response.arrayBuffer()) });
    });
    const secure = await Visitor.open(context, 'https://snug.test', '/');
    await secure.fill({ [en.name]: 'alice', [en.password]: password }, en.signIn);
    await secure.page.getByRole('alert').getByText(en.cookiesRefused).waitFor();
  });
});

webTest(
  'over http, a person can sign out though PUBLIC_URL begins with https',
  async (t, stage) => {
    stage.expect(/^asked|Cross-Origin-Opener-Policy|status of 403/);
    await stage.person('bob');
    const url = stage.server.url.replace('127.0.0.1', 'pi.lan');
    const context = await stage.browser();
    const reader = await Visitor.open(context, url);
    const enter = async () => {
      await reader.fill({ [en.name]: 'bob', [en.password]: password }, en.signIn);
      await reader.page.locator('[href="#/settings"]').click();
      t.equal((await context.cookies()).length, 2);
    };
    await enter();
    await reader.button(en.signOut).click();
    await reader.button(en.signIn).waitFor();
    t.strictSame(await context.cookies(), [], 'after signing out');
    await enter();
    await reader.button(en.deleteAccount).click();
    const dialog = reader.page.getByRole('dialog');
    await dialog.getByLabel(en.currentPassword).fill(password);
    await dialog.getByRole('button', { name: en.deleteAccount }).click();
    await reader.button(en.signIn).waitFor();
    t.strictSame(await context.cookies(), [], 'after deleting the account');
  },
  { PUBLIC_URL: 'https://chat.example.org' },
);

webTest('the checkbox for notifications shows the real state', async (t, stage) => {
  stage.expect(/^asked|Cross-Origin-Opener-Policy/);
  const { alice } = await startTalk(stage);
  const reader = await stage.visitorAs(alice);
  await reader.page.addInitScript(() => {
    Notification.requestPermission = async () => 'denied';
  });
  await reader.page.reload();
  await reader.page.getByLabel(en.settings).click();
  const box = reader.page.getByLabel(en.notifyDevice);
  await box.click();
  await reader.page.getByText(en.noNotifications.denied).waitFor();
  t.equal(await box.isChecked(), false);
  // Notifications were allowed once, and have been blocked in the browser since.
  await reader.page.evaluate(() => localStorage.setItem('snug.1.notices', 'true'));
  for (const permission of ['granted', 'denied']) {
    await reader.page.addInitScript((permission) => {
      Object.defineProperty(Notification, 'permission', { value: permission, configurable: true });
    }, permission);
    await reader.page.reload();
    await box.waitFor();
    const isDenied = permission === 'denied';
    t.equal(await box.isChecked(), !isDenied, permission);
    const said = await reader.page.getByText(en.noNotifications.denied).count();
    t.equal(said, isDenied ? 1 : 0, permission);
  }
});

webTest('the checkbox for notifications says what to do if it cannot be set', async (t, stage) => {
  const { alice } = await startTalk(stage);
  for (const [locale, texts] of Object.entries({ 'en-GB': en, 'de-DE': de })) {
    const reader = await stage.visitorAs(alice, { locale });
    const { page } = reader;
    await page.addInitScript(() => {
      Object.defineProperty(Notification, 'permission', { value: 'default' });
      // Closed without an answer, once; then allowed.
      const answers = ['default', 'granted'] as const;
      let asked = 0;
      Notification.requestPermission = async () => answers[asked++] ?? 'granted';
    });
    await reader.go('#/settings');
    await page.reload();
    const box = page.getByLabel(texts.notifyDevice);
    const { unanswered, missing } = texts.noNotifications;
    await box.waitFor();
    t.equal(await page.getByText(unanswered).count(), 0, 'not before');
    await box.click();
    await page.getByText(unanswered).waitFor();
    t.equal(await box.isChecked(), false, 'it is not on');
    t.equal(await page.evaluate(() => localStorage.getItem('snug.1.notices')), 'false');
    await box.click();
    await page.getByText(unanswered).waitFor({ state: 'detached' });
    t.equal(await box.isChecked(), true, 'after the answer');

    // As in Safari on an iPhone, unless Snug is on the home screen.
    await page.addInitScript(() => Reflect.deleteProperty(globalThis, 'Notification'));
    await page.reload();
    await page.getByText(missing).waitFor();
    t.equal(await box.isChecked(), false, 'though it was on before');
    t.equal(await box.isEnabled(), false, 'it cannot be set');
    t.match(missing, /iPhone/);
    await post(alice, '/api/chats/1', 'hello');
    await page.locator('.chat-last', { hasText: 'hello' }).waitFor();
  }
});

webTest('over plain http the notifications checkbox asks for https', async (t, stage) => {
  stage.expect(/^asked|Cross-Origin-Opener-Policy/);
  const { alice } = await startTalk(stage);
  for (const [language, texts] of Object.entries({ en, de })) {
    const url = stage.server.url.replace('127.0.0.1', 'pi.lan');
    const context = await stage.browser({ locale: language });
    await signIn(context, alice, url);
    const reader = await Visitor.open(context, url, '#/settings');
    const box = reader.page.getByLabel(texts.notifyDevice);
    // Notifications were allowed for this address while it had https.
    await reader.page.evaluate(() => localStorage.setItem('snug.1.notices', 'true'));
    await reader.page.reload();
    await reader.page.getByText(texts.noNotifications.insecure).waitFor();
    t.equal(await reader.page.evaluate(() => isSecureContext), false);
    t.equal(await box.isChecked(), false, 'it is not on');
    t.equal(await box.isEnabled(), false, 'it cannot be set');
    t.match(texts.noNotifications.insecure, /https/);
    await context.close();
  }
  const near = await stage.visitorAs(alice);
  await near.go('#/settings');
  await near.page.getByLabel(en.notifyDevice).waitFor();
  t.equal(await near.page.getByText(en.noNotifications.insecure).count(), 0, 'not where they work');
});

webTest('"Added." is shown only for an added member, until the next action', async (t, stage) => {
  stage.expect(/status of 40\d|ERR_INTERNET_DISCONNECTED|status of 503/);
  const { alice, chat } = await startTalk(stage);
  await stage.person('carol');
  const visitor = await stage.visitorAs(alice, { serviceWorkers: 'block' });
  const { page } = visitor;
  const said = page.getByText(en.added, { exact: true });
  const add = (name: string) => visitor.fill({ [en.addMember]: name }, en.add);
  await visitor.go(`${place(chat)}/members`);
  await add('nobody of this name');
  await page.getByRole('alert').waitFor();
  t.equal(await said.count(), 0, 'not for an unknown user');
  await page.route('**/members', (route) => route.fulfill({ status: 200, body: 'Sign in' }));
  await add('carol');
  await page.getByRole('alert').waitFor();
  t.equal(await said.count(), 0, 'not for a foreign answer');
  await page.unroute('**/members');
  await add('carol');
  await said.waitFor();
  await page.locator('.people').getByText('carol').waitFor();
  t.equal(await page.getByRole('alert').count(), 0, 'the previous error is gone');
  t.equal(await visitor.field(en.addMember).inputValue(), '', 'ready for the next name');

  await visitor.field(en.addMember).fill('d');
  await said.waitFor({ state: 'detached' });
  await visitor.field(en.addMember).fill('');
  await alice.send('DELETE', `${chat}/members?user_id=3`, {});
  await page.locator('.people').getByText('carol').waitFor({ state: 'detached' });
  await add('carol');
  await said.waitFor();
  await alice.send('DELETE', `${chat}/members?user_id=3`, {});
  await page.locator('.people').getByText('carol').waitFor({ state: 'detached' });
  await said.waitFor({ state: 'detached' });
  await add('carol');
  await said.waitFor();
  await add('carol');
  await page.getByRole('alert').waitFor();
  t.equal(await said.count(), 0, 'not next to an error');
});

webTest('after a time away there is one notification for each unread chat', async (t, stage) => {
  stage.expect(noServer);
  const { alice, bob, chat } = await startTalk(stage);
  const other = await startChat(alice, 'Elsewhere', 'bob');
  const reader = await stage.visitorAs(bob);
  await reader.page.addInitScript(recordNotifications);
  await reader.page.reload();
  await reader.page.getByLabel(en.settings).click();
  await reader.page.getByLabel(en.notifyDevice).check();
  await reader.streamIsOpen();
  await reader.page.evaluate(async () => void (await navigator.serviceWorker.ready));
  await reader.page.context().setOffline(true);
  await stage.kill();
  await reader.page.getByText(en.disconnected).waitFor();
  await stage.revive();
  for (let i = 0; i < 20; i++) {
    await post(alice, chat, `read elsewhere ${i}`);
    await post(alice, other, `unread ${i}`);
  }
  await bob.send('PUT', `${chat}/read`, { id: '999999' });
  await reader.page.context().setOffline(false);
  await reader.streamIsOpen();
  await reader.page.waitForFunction(() => shownNotifications.length > 0);
  await post(alice, chat, 'the last');
  await reader.page.waitForFunction(() => shownNotifications.length > 1);
  t.strictSame(await reader.page.evaluate(() => shownNotifications), [
    'alice · Elsewhere: unread 19',
    'alice · Sunday hike: the last',
  ]);
});

webTest('a visible window without focus gets a notification of its open chat', async (t, stage) => {
  stage.expect(/ERR_FAILED/);
  const { alice, bob, chat } = await startTalk(stage);
  const reader = await stage.visitorAs(bob);
  const { page } = reader;
  await page.addInitScript(recordNotifications);
  await page.addInitScript(() => localStorage.setItem('snug.2.notices', 'true'));
  await reader.go(place(chat));
  await page.reload();
  await reader.composer.waitFor();
  await reader.streamIsOpen();
  await page.evaluate(async () => void (await navigator.serviceWorker.ready));
  await post(alice, chat, 'for the open chat');
  await page.waitForFunction(() => shownNotifications.length > 0);
  const shown = () => page.evaluate(() => shownNotifications.splice(0));
  t.strictSame(await shown(), ['alice · Sunday hike: for the open chat']);

  await t.test('a mention is not lost because the members do not load', async (t) => {
    await bob.send('PUT', `${chat}/notify`, { notify: 'mentions' });
    await reader.go('#/settings');
    await page.route('**/members*', (route) => route.abort());
    await page.reload();
    await reader.streamIsOpen();
    await page.locator('.chat').waitFor();
    await post(alice, chat, 'not for anybody');
    await post(alice, chat, 'for @bob');
    await page.waitForFunction(() => shownNotifications.length > 0);
    t.strictSame(await shown(), ['alice · Sunday hike: for @bob']);
    await page.unroute('**/members*');
    await bob.send('PUT', `${chat}/notify`, { notify: 'all' });
  });

  await t.test('nor a message because the service worker is still installing', async (t) => {
    await page.addInitScript(() => {
      const { serviceWorker } = navigator;
      const { getRegistration } = serviceWorker;
      const ready = new Promise((resolve) => {
        Object.assign(globalThis, {
          finishInstalling: async () => resolve(await getRegistration.call(serviceWorker)),
        });
      });
      Object.defineProperty(serviceWorker, 'ready', { value: ready });
      serviceWorker.getRegistration = async () => undefined;
    });
    await page.reload();
    await reader.streamIsOpen();
    await page.locator('.chat').waitFor();
    for (const text of ['while it installs', 'still']) {
      await post(alice, chat, text);
      await page.locator('.chat-last', { hasText: text }).waitFor();
    }
    await page.waitForTimeout(500);
    t.equal(await page.getByRole('alert').count(), 0, 'nothing failed');
    t.strictSame(await shown(), []);
    await page.evaluate(() => finishInstalling());
    await page.waitForFunction(() => shownNotifications.length > 0);
    t.strictSame(await shown(), ['alice · Sunday hike: still'], 'the last message of the chat');
  });
});

declare const finishInstalling: () => Promise<void>;

webTest('a click on a notification opens its chat', async (t, stage) => {
  const { alice, bob, chat } = await startTalk(stage);
  await startChat(alice, 'Elsewhere', 'bob');
  const reader = await stage.visitorAs(bob);
  const { page } = reader;
  await page.locator('.chat').first().waitFor();
  await page.evaluate(async () => void (await navigator.serviceWorker.ready));
  await reader.openChat('Elsewhere');
  // The API's documentation is not a page of the client, though it was used last.
  const docs = await page.context().newPage();
  await docs.goto(`${stage.server.url}/docs`);
  const [worker] = page.context().serviceWorkers();
  if (worker === undefined) throw new Error('there is no service worker');
  const click = () => worker.evaluate(clickNotification, place(chat));
  t.match(await click(), { closed: 1, opened: [], focused: [/\/(#.*)?$/] });
  await page.locator('.chat[aria-current]', { hasText: 'Sunday hike' }).waitFor();
  t.match(page.url(), place(chat));
  await page.close();
  t.strictSame(await click(), { closed: 1, opened: [`/${place(chat)}`], focused: [] });
});

/** Runs in the service worker: clicks on a notification and returns what that did. */
async function clickNotification(open: string) {
  const done = { closed: 0, opened: [] as string[], focused: [] as string[] };
  const scope = globalThis as unknown as {
    clients: { openWindow: (path: string) => Promise<void> };
    WindowClient: { prototype: { focus: () => Promise<void> } };
  };
  // The browser lets only a person's click open or focus a window.
  scope.clients.openWindow = async (path) => void done.opened.push(path);
  scope.WindowClient.prototype.focus = async function (this: { url: string }) {
    done.focused.push(this.url);
  };
  const notification = { data: { open }, close: () => void done.closed++ };
  let work: Promise<unknown> = Promise.resolve();
  const waitUntil = (until: Promise<unknown>) => {
    work = until;
  };
  const event = new Event('notificationclick');
  for (const [name, value] of Object.entries({ notification, waitUntil })) {
    Object.defineProperty(event, name, { value });
  }
  globalThis.dispatchEvent(event);
  await work;
  return done;
}

declare const shownNotifications: string[];

/** Runs in the page: its window has no focus; the constructor throws, as in Chrome on Android. */
function recordNotifications(): void {
  const shown: string[] = [];
  class FakeNotification {
    static permission = 'granted';
    static requestPermission = async () => 'granted';
    constructor() {
      throw new TypeError('Illegal constructor');
    }
  }
  Object.assign(globalThis, { Notification: FakeNotification, shownNotifications: shown });
  ServiceWorkerRegistration.prototype.showNotification = async (title, options) => {
    shown.push(`${title}: ${options?.body}`);
  };
  document.hasFocus = () => false;
}
