/** What the client says when something cannot be: offline, refused, removed, signed out, full. */
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
  startTalk,
  Visitor,
  webTest,
} from '../helpers/browser.ts';
import { password } from '../helpers/world.ts';

const place = (chat: string) => `#${chat.replace('/api', '')}`;

webTest('a draft stands under its own sender, and says what it waits for', async (t, stage) => {
  stage.expect(noServer);
  const { alice, bob, chat } = await startTalk(stage);
  await post(bob, chat, 'from bob');
  const writer = await stage.visitorAs(alice);
  await writer.openChat('Sunday hike');
  await writer.message('from bob').waitFor();
  await writer.lineIsOpen();
  await stage.kill();
  await writer.page.getByText(en.disconnected).waitFor();
  await writer.say('on its way');
  await writer.drafts.getByText(en.waiting).waitFor();
  t.equal(await writer.drafts.locator('.head .name').innerText(), 'alice');
  await stage.revive();
  await writer.message('on its way').waitFor();
});

webTest('who is removed or signed out while looking is told what happened', async (t, stage) => {
  stage.expect(/status of 40[34]/);
  const { alice, bob, chat } = await startTalk(stage);
  const [reader, stranger] = [await stage.visitorAs(bob), await stage.visitor()];
  await reader.openChat('Sunday hike');
  await reader.lineIsOpen();
  await alice.send('DELETE', `${chat}/members?user_id=2`, {});
  await reader.page.getByText(en.gone.removed).waitFor();
  t.equal(await reader.page.locator('main h1').innerText(), 'Sunday hike');
  t.equal(await reader.composer.count(), 0, 'nowhere to write');
  await alice.send('POST', `${chat}/members`, { name: 'bob' });
  await reader.composer.waitFor();
  await reader.go('#/chats/999');
  await reader.page.getByText(en.gone.unknown).waitFor();
  t.equal(await reader.composer.count(), 0);

  await bob.send('DELETE', '/api/sessions?others=1', {});
  await stranger.fill({ [en.name]: 'bob', [en.password]: password }, en.signIn);
  await stranger.page.getByLabel(en.settings).click();
  await stranger.button(en.endOthers).click();
  await reader.page.getByText(en.sessionEnded).waitFor();
  await reader.button(en.signIn).waitFor();
  await stranger.button(en.signOut).click();
  await stranger.button(en.signIn).waitFor();
  t.equal(await stranger.page.getByText(en.sessionEnded).count(), 0, 'not by oneself');
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
  await reader.lineIsOpen();
  await bob.send('PUT', '/api/user/2', { name: 'bobby', email: 'bob@example.org' });
  await direct.getByText('bobby', { exact: true }).waitFor();
  await reader.openChat('Sunday hike');
  await reader.message('from me').locator('.name').getByText('bobby').waitFor();
  await bob.send('DELETE', '/api/user', {});
  await reader.message('from me').locator('.name').getByText(en.deletedUser).waitFor();
  t.equal(await reader.page.locator('main').getByText('bobby').count(), 0);
});

webTest('a reply and an edit survive a look elsewhere', async (t, stage) => {
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

webTest('with a full storage one writes on, and is told', async (t, stage) => {
  const { alice, bob, chat } = await startTalk(stage);
  const writer = await stage.visitorAs(alice);
  await writer.openChat('Sunday hike');
  await writer.lineIsOpen();
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

webTest('a part that the server has no more is said to need a reload', async (t, stage) => {
  stage.expect(/status of 404|Failed to fetch/);
  const { alice } = await startTalk(stage);
  const reader = await stage.visitorAs(alice, { serviceWorkers: 'block' });
  await reader.page.route('**/assets/emoji-picker*', (route) => route.fulfill(refusal('gone')));
  stage.expect(/status of 403/);
  await reader.openChat('Sunday hike');
  await reader.button(en.emoji).click();
  await reader.page.getByRole('alert').getByText(en.moduleMissing).waitFor();
  t.equal(await reader.page.locator('dialog').count(), 0, 'no empty window');
});

webTest('who signs in without the cookies being kept is told why', async (_, stage) => {
  stage.expect(/^asked|Cross-Origin-Opener-Policy|status of 40\d|Secure/);
  await stage.person('alice').catch(() => undefined);
  const reader = await stage.visitor();
  await reader.page.route('**/api/login', async (route) => {
    // As over http from a server that sends its cookies for https only.
    await route.fulfill({ status: 200, json: { status: 'ok' } });
  });
  await reader.fill({ [en.name]: 'alice', [en.password]: password }, en.signIn);
  await reader.page.getByRole('alert').getByText(en.cookiesNeedHttps).waitFor();
});

webTest('the box for notifications tells the truth', async (t, stage) => {
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
});

webTest('over plain http the box for notifications says that they need https', async (t, stage) => {
  stage.expect(/^asked|Cross-Origin-Opener-Policy/);
  const { alice } = await startTalk(stage);
  for (const [language, texts] of Object.entries({ en, de })) {
    const url = stage.server.url.replace('127.0.0.1', 'pi.lan');
    const context = await stage.browser({ locale: language });
    await signIn(context, alice, url);
    const reader = await Visitor.open(context, url, '#/settings');
    const box = reader.page.getByLabel(texts.notifyDevice);
    // As who allowed them for this address while it had https.
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

webTest(
  '"Added." is said only of who was added, until something else is done',
  async (t, stage) => {
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
    t.equal(await said.count(), 0, 'not of who is not there');
    await page.route('**/members', (route) => route.fulfill({ status: 200, body: 'Sign in' }));
    await add('carol');
    await page.getByRole('alert').waitFor();
    t.equal(await said.count(), 0, 'not by an answer that is not the server’s');
    await page.unroute('**/members');
    await add('carol');
    await said.waitFor();
    await page.locator('.people').getByText('carol').waitFor();
    t.equal(await page.getByRole('alert').count(), 0, 'what failed before is over');
    t.equal(await visitor.field(en.addMember).inputValue(), '', 'ready for the next');

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
    t.equal(await said.count(), 0, 'not beside what failed');
  },
);

webTest('after a time away there is one notification for each unread chat', async (t, stage) => {
  stage.expect(noServer);
  const { alice, bob, chat } = await startTalk(stage);
  const other = await startChat(alice, 'Elsewhere', 'bob');
  const reader = await stage.visitorAs(bob);
  await reader.page.addInitScript(noteNotices);
  await reader.page.reload();
  await reader.page.getByLabel(en.settings).click();
  await reader.page.getByLabel(en.notifyDevice).check();
  await reader.lineIsOpen();
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
  await reader.lineIsOpen();
  await reader.page.waitForFunction(() => shownNotices.length > 0);
  await post(alice, chat, 'the last');
  await reader.page.waitForFunction(() => shownNotices.length > 1);
  t.strictSame(await reader.page.evaluate(() => shownNotices), [
    'alice · Elsewhere: unread 19',
    'alice · Sunday hike: the last',
  ]);
});

declare const shownNotices: string[];

/** Runs in the page: its window has no focus; the constructor throws, as in Chrome on Android. */
function noteNotices(): void {
  const shown: string[] = [];
  class Notice {
    static permission = 'granted';
    static requestPermission = async () => 'granted';
    constructor() {
      throw new TypeError('Illegal constructor');
    }
  }
  Object.assign(globalThis, { Notification: Notice, shownNotices: shown });
  ServiceWorkerRegistration.prototype.showNotification = async (title, options) => {
    shown.push(`${title}: ${options?.body}`);
  };
  document.hasFocus = () => false;
}
