/** Other answers in the server's place: of a login page, a firewall, a proxy. */
import type { RequestListener } from 'node:http';
import type { Test } from 'tap';
import { de } from '../../src/web/texts/de.ts';
import { en } from '../../src/web/texts/en.ts';
import {
  messagesOf,
  noServer,
  post,
  startChat,
  startTalk,
  Visitor,
  webTest,
} from '../helpers/browser.ts';
import { startProxy } from '../helpers/proxy.ts';
import { password } from '../helpers/world.ts';

/** Possible answers of a login page, a firewall or a proxy. */
const foreign = [
  { status: 200, contentType: 'text/html', body: '<h1>Sign in to the network</h1>' },
  { status: 302, headers: { location: '/docs' } },
  { status: 403, contentType: 'text/html', body: '<h1>Forbidden</h1>' },
  { status: 401, json: { error: 'login required' } },
  { status: 413, contentType: 'text/html', body: '<h1>Too large</h1>' },
  { status: 200, json: {} },
  { status: 200, contentType: 'application/json', body: '<h1>Sign in</h1>' },
  { status: 201, json: { status: 'ok' } },
  { status: 201, headers: { location: '/api/chats/7' }, json: { status: 'ok' } },
  { status: 201, headers: { location: '/api/chats/999/messages/7' }, json: { status: 'ok' } },
  { status: 204 },
];

webTest('a foreign answer never counts as success, for any action', async (t, stage) => {
  stage.expect(/status of 4\d\d/);
  const { alice, bob, chat } = await startTalk(stage);
  const id = await post(alice, chat, 'first');
  const writer = await stage.visitorAs(alice, { serviceWorkers: 'block' });
  const { page } = writer;
  await page.clock.install();
  await writer.go(`#${chat.replace('/api', '')}`);
  await page.reload();
  await writer.streamIsOpen();
  await writer.message('first').waitFor();
  let tries = 0;
  await page.route(/\/api\/(?!events)/, (route) => {
    const answer = foreign[tries];
    if (route.request().method() === 'GET' || answer === undefined) return route.fallback();
    tries += 1;
    return route.fulfill(answer);
  });
  await writer.say('not to be lost');
  while (tries < foreign.length) {
    await page.clock.runFor(30_000);
    const shown = await writer.message('not to be lost').count();
    if (tries < foreign.length) t.equal(shown, 0);
    t.equal(await page.getByText('undefined').count(), 0);
  }
  await page.clock.runFor(30_000);
  await writer.message('not to be lost').waitFor();
  t.strictSame(await messagesOf(bob, chat), ['first', 'not to be lost'], 'once');

  const [login] = foreign;
  await page.route(`**${chat}/messages/${id}`, (route) => route.fulfill(login ?? {}));
  await writer.use(en.edit, 'first');
  await writer.say('changed');
  await page.locator('.composer').getByRole('alert').getByText(en.intercepted).waitFor();
  t.equal(await writer.composer.inputValue(), 'changed', 'nor is a change');
});

webTest('a foreign answer is no reaction, no read mark and no leaving', async (t, stage) => {
  stage.expect(/status of 4\d\d/);
  stage.expect(noServer);
  const { alice, bob, chat } = await startTalk(stage);
  const id = await post(bob, chat, 'Nine?');
  await bob.send('PUT', `${chat}/messages/${id}/reactions/${encodeURIComponent('👍')}`, {});
  const reader = await stage.visitorAs(alice, { serviceWorkers: 'block' });
  const { page } = reader;
  await reader.streamIsOpen();
  // A reaction has no address, so one of these is what the server itself says; of a redirection,
  // the page gets no response.
  const others = foreign.filter(({ status, json }) => status !== 302 && !(status === 201 && json));
  let answer = others[0];
  await page.route(/\/api\/(?!events)/, (route) =>
    route.request().method() === 'GET' ? route.fallback() : route.fulfill(answer ?? {}),
  );
  const mark = page.waitForResponse(`**${chat}/read`);
  await reader.openChat('Sunday hike');
  await mark;
  const thumb = reader.message('Nine?').locator('.reactions button');
  for (answer of others) {
    await Promise.all([page.waitForResponse('**/reactions/*'), thumb.click()]);
    await reader.message('Nine?').getByRole('alert').getByText(en.intercepted).waitFor();
    t.equal(await thumb.getAttribute('aria-pressed'), 'false', `${answer?.status}`);
  }
  [answer] = others;
  await page.getByLabel(en.chatMenu).click();
  await reader.button(en.leave).click();
  const question = page.getByRole('dialog');
  await question.getByRole('button', { name: en.leave }).click();
  await question.getByText(en.intercepted).waitFor();
  await reader.answer(en.cancel);
  await page.locator('.people li').first().waitFor();
  const chats = async () => (await alice.get('/api/chats')).json();
  t.match(await chats(), { chats: [{ unread: 1 }] }, 'still there, and still unread');
  await page.unrouteAll();
  const again = page.waitForResponse(`**${chat}/read`);
  await stage.kill();
  await page.locator('.line').waitFor();
  await stage.revive();
  t.equal((await again).status(), 200, 'the mark is sent again');
  t.equal((await chats()).chats[0].unread, undefined);
});

webTest('a login page in the server’s place signs nobody out', async (t, stage) => {
  stage.expect(/status of 4\d\d|MIME type/);
  const { alice } = await startTalk(stage);
  const reader = await stage.visitorAs(alice, { serviceWorkers: 'block' });
  const { page } = reader;
  const stranger = await stage.visitor({ serviceWorkers: 'block' });
  for (const answer of foreign.slice(0, 4)) {
    await page.route('**/api/**', (route) => route.fulfill(answer));
    await page.reload();
    await page.getByText(en.intercepted).waitFor();
    t.equal(await reader.button(en.signIn).count(), 0);
    const isLast = answer === foreign[3];
    if (isLast) await Promise.all([page.waitForEvent('load'), reader.button(en.reload).click()]);
    await page.unrouteAll();
    await reader.streamIsOpen();
    await page.locator('.chat').waitFor();

    await stranger.page.route('**/api/**', (route) => route.fulfill(answer));
    await stranger.fill({ [en.name]: 'alice', [en.password]: password }, en.signIn);
    await stranger.page.getByRole('alert').getByText(en.intercepted).waitFor();
    await stranger.page.unrouteAll();
  }
});

webTest('a login page is never cached as a part of the client', async (t, stage) => {
  stage.expect(/^asked|MIME type|status of 404/);
  await stage.person('alice');
  let isAway = true;
  const installing = Promise.withResolvers<void>();
  const login: RequestListener = ({ url }, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Sign in</h1>');
    if (url?.includes('emoji')) installing.resolve();
  };
  const isOwn = (path: string) => isAway && /assets\/(de|emoji)|manifest/.test(path);
  const url = await startProxy(t, stage.server.url, login, isOwn);
  const reader = await Visitor.open(await stage.browser({ locale: 'de-DE' }), url);
  const { page } = reader;
  await reader.button(en.signIn).waitFor();
  const worker = () =>
    page.evaluate(async () => {
      const registration = await navigator.serviceWorker.getRegistration();
      return [registration?.installing, registration?.waiting, registration?.active].some(Boolean);
    });
  await installing.promise;
  while (await worker()) await page.waitForTimeout(20);
  isAway = false;
  await page.reload();
  await reader.button(de.signIn).waitFor();
  await page.evaluate(async () => void (await navigator.serviceWorker.ready));
  const cached = await page.evaluate(async () => {
    const cache = await caches.open((await caches.keys())[0] ?? '');
    const parts = await Promise.all((await cache.keys()).map((key) => cache.match(key)));
    return Promise.all(parts.map(async (part) => (await part?.text())?.includes('<h1>Sign in')));
  });
  t.ok(
    cached.length > 5 && !cached.includes(true),
    'everything is cached, and all of it from the server',
  );
});

/** What the network of a hotel or a company answers: a login page, the way to one, its own JSON. */
const logins = [
  { status: 200, contentType: 'text/html', body: '<h1>Sign in to the network</h1>' },
  { status: 302, headers: { location: '/docs' } },
  { status: 200, json: { signed_in: false } },
];

/**
 * Tries something with each of these answers in place of the server's: the sentence is shown, and
 * the reader stays where they are. The requests of the last try reach the server.
 */
async function tryBehindLogin(
  t: Test,
  { page }: Visitor,
  { url, act }: { url: RegExp; act: () => Promise<unknown> },
): Promise<void> {
  const before = await page.evaluate(() => [location.hash, JSON.stringify({ ...localStorage })]);
  const said = page.getByRole('alert').getByText(en.intercepted);
  for (const answer of logins) {
    await page.route(url, (route) =>
      // A list may be loaded from the same address.
      route.request().method() === 'GET' && !/logout$/.test(route.request().url())
        ? route.fallback()
        : route.fulfill(answer),
    );
    await Promise.all([page.waitForRequest((request) => url.test(request.url())), act()]);
    await said.waitFor();
    t.strictSame(
      await page.evaluate(() => [location.hash, JSON.stringify({ ...localStorage })]),
      before,
      `${answer.status}: nothing is forgotten`,
    );
    await page.unrouteAll();
  }
  await act();
}

webTest('behind a login page nobody joins a chat or deletes a message', async (t, stage) => {
  const { alice, bob, chat } = await startTalk(stage);
  await post(alice, chat, 'to be deleted');
  await bob.send('POST', '/api/chats', { title: 'Open house', open: '1' });
  const invited = await startChat(bob, 'By invitation');
  const invite = await bob.send('POST', `${invited}/invites`, {});
  const code = String(invite.headers.get('location')).split('/').at(-1);
  const reader = await stage.visitorAs(alice, { serviceWorkers: 'block' });
  const { page } = reader;
  await reader.streamIsOpen();
  const titles = async () => {
    const { chats } = (await (await alice.get('/api/chats')).json()) as {
      chats: { title: string }[];
    };
    return chats.map(({ title }) => title).sort();
  };
  const join = () => page.locator('main').getByRole('button', { name: en.join }).click();

  await reader.go('#/directory');
  await reader.button(en.join).waitFor();
  await tryBehindLogin(t, reader, {
    url: /members$/,
    act: async () => {
      t.strictSame(await titles(), ['Sunday hike']);
      await join();
    },
  });
  await page.locator('main h1').getByText('Open house').waitFor();
  await reader.composer.waitFor();

  await reader.go(`#/invite/${code}`);
  await reader.button(en.join).waitFor();
  await tryBehindLogin(t, reader, {
    url: /invites/,
    act: async () => {
      t.strictSame(await titles(), ['Open house', 'Sunday hike']);
      await join();
    },
  });
  await page.locator('main h1').getByText('By invitation').waitFor();
  await reader.composer.waitFor();

  await reader.openChat('Sunday hike');
  await reader.use(en.delete, 'to be deleted');
  const question = page.getByRole('dialog');
  await tryBehindLogin(t, reader, {
    url: /messages/,
    act: async () => {
      t.strictSame(await messagesOf(bob, chat), ['to be deleted']);
      await question.getByRole('button', { name: en.delete, exact: true }).click();
    },
  });
  await page.locator('.message').getByText(en.deletedMessage).waitFor();
  await question.waitFor({ state: 'detached' });
  t.strictSame(await messagesOf(bob, chat), []);
});

webTest('behind a login page nobody registers, signs out or is deleted', async (t, stage) => {
  stage.expect(/status of 400/);
  const { alice } = await startTalk(stage);
  const newcomer = await stage.visitor({ serviceWorkers: 'block' });
  await newcomer.button(en.newHere).click();
  const fields = { [en.name]: 'carol', [en.email]: 'carol@example.org', [en.password]: password };
  await tryBehindLogin(t, newcomer, {
    url: /api\/user$/,
    act: () => newcomer.fill(fields, en.register),
  });
  await newcomer.page.getByRole('navigation', { name: en.chats }).waitFor();

  const reader = await stage.visitorAs(alice, { serviceWorkers: 'block' });
  const { page } = reader;
  await reader.openChat('Sunday hike');
  await reader.composer.fill('half a thought');
  await reader.go('#/settings');
  await reader.streamIsOpen();
  await tryBehindLogin(t, reader, { url: /logout$/, act: () => reader.button(en.signOut).click() });
  await reader.button(en.signIn).waitFor();
  await forgotten(t, reader);

  await reader.fill({ [en.name]: 'alice', [en.password]: password }, en.signIn);
  await reader.openChat('Sunday hike');
  await reader.composer.fill('another half');
  await reader.go('#/settings');
  await reader.streamIsOpen();
  await reader.button(en.deleteAccount).click();
  const question = page.getByRole('dialog');
  await question.getByLabel(en.currentPassword).fill(password);
  await tryBehindLogin(t, reader, {
    url: /api\/user$/,
    act: () => question.getByRole('button', { name: en.deleteAccount }).click(),
  });
  await reader.button(en.signIn).waitFor();
  await forgotten(t, reader);
  await reader.fill({ [en.name]: 'alice', [en.password]: password }, en.signIn);
  await page.getByRole('alert').waitFor();
  t.equal(await page.getByText(en.intercepted).count(), 0, 'the account is gone');
});

/** Asserts that nothing is left of the user who was signed in. */
async function forgotten(t: Test, { page }: Visitor): Promise<void> {
  t.strictSame(await page.evaluate(() => Object.keys(localStorage)), [], 'all is forgotten');
}
