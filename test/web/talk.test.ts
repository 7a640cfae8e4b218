/** Conversations of people in their browsers. */

import type { Route } from 'playwright-core';
import type { Test } from 'tap';
import { en } from '../../src/web/texts/en.ts';
import { post, refusal, startChat, startTalk, type Visitor, webTest } from '../helpers/browser.ts';
import { execute } from '../helpers/rows.ts';
import { password } from '../helpers/world.ts';

webTest(
  'the first visit explains itself, and an empty server shows how to start',
  async (t, stage) => {
    const alice = await stage.visitor();
    await alice.page.getByText(en.firstVisit).waitFor();
    // The password is hidden, and password managers recognise the fields.
    for (const [name, value] of [
      ['type', 'password'],
      ['autocomplete', 'new-password'],
    ] as const) {
      t.equal(await alice.field(en.password).getAttribute(name), value);
    }
    await alice.register('alice');
    await alice.page.getByText(en.noChats).waitFor();
    await alice.button(en.newChat).click();
    await alice.fill({ [en.title]: 'Sunday hike' }, en.create);
    await alice.composer.waitFor();
    await alice.page.getByText(en.noMessages).waitFor();
    const bob = await stage.visitor();
    t.equal(
      await bob.page.getByText(en.firstVisit).count(),
      0,
      'the second visit is not the first one',
    );
    await bob.register('bob');
    t.equal(await bob.page.locator('.chat').count(), 0, 'no chats of others');
  },
);

webTest('two people talk', async (t, stage) => {
  const people = await startTalk(stage);
  const alice = await stage.visitorAs(people.alice);
  const bob = await stage.visitorAs(people.bob);
  await alice.openChat('Sunday hike');
  await alice.say('Good *morning*!');
  await alice.message('Good morning!').locator('em').waitFor();

  await t.test('a user in another chat sees a badge, and a count in the title', async (t) => {
    await bob.page.locator('.badge', { hasText: en.unread(1) }).waitFor();
    await alice.composer.pressSequentially('Hello @b');
    await alice.page.getByRole('option', { name: '@bob' }).waitFor();
    await alice.composer.press('Tab');
    t.equal(await alice.composer.inputValue(), 'Hello @bob ');
    await alice.composer.press('Enter');
    await bob.page.locator('.badge[data-mention]', { hasText: en.mentions(1) }).waitFor();
    await titled(bob, '(2) Snug');
    await bob.openChat('Sunday hike');
    await bob.page.locator('.new-line').waitFor();
    await bob.message('Hello').locator('.mention', { hasText: '@bob' }).waitFor();
    await bob.page.locator('.badge').waitFor({ state: 'detached' });
    await titled(bob, 'Snug');
  });

  await t.test('Shift+Enter breaks the line', async (t) => {
    await alice.composer.fill('one');
    await alice.composer.press('Shift+Enter');
    await alice.composer.pressSequentially('two');
    await alice.composer.press('Enter');
    await bob.message('one').locator('br').waitFor({ state: 'attached' });
    t.equal(await bob.message('one').locator('.text').innerText(), 'one\ntwo');
  });

  await t.test('the client counts a length as the server does', async (t) => {
    await alice.say('🦆'.repeat(4001));
    await alice.page.getByRole('alert').getByText(en.tooLong).waitFor();
    t.equal([...(await alice.composer.inputValue())].length, 4001, 'nothing is lost');
    await alice.composer.fill('');
    t.equal(await alice.page.getByRole('alert').count(), 0, 'the error disappears with its cause');
    // As a user types or pastes: text set by the page itself has no limit.
    await alice.page.keyboard.insertText('🦆'.repeat(4000));
    await alice.composer.press('Enter');
    await bob.message('🦆'.repeat(4000)).waitFor();
    t.equal(await alice.page.getByRole('alert').count(), 0);
  });

  await t.test('typing is shown to the other user', async () => {
    await alice.composer.pressSequentially('I');
    await bob.page.getByText(en.isTyping(['alice'])).waitFor();
    await alice.composer.fill('');
  });

  await t.test('Up edits the last message, Escape leaves it', async (t) => {
    await alice.say('Nime is fine');
    await alice.message('Nime').waitFor();
    await alice.composer.press('ArrowUp');
    await alice.page.getByText(en.editing).waitFor();
    t.equal(await alice.composer.inputValue(), 'Nime is fine');
    await alice.composer.press('Escape');
    t.equal(await alice.composer.inputValue(), '');
    await alice.composer.press('ArrowUp');
    await alice.composer.fill('Nine is fine');
    await alice.composer.press('Enter');
    await bob.message('Nine is fine').getByText(en.edited, { exact: true }).waitFor();
    t.equal(await bob.message('Nime').count(), 0);
  });

  await t.test('a reaction counts, and is taken back', async (t) => {
    await bob.use(en.react, 'Nine is fine');
    await bob.page.locator('.emoji-grid button', { hasText: '👍' }).first().click();
    const reaction = alice.message('Nine is fine').locator('.reactions button');
    await reaction.waitFor();
    t.equal(await reaction.getAttribute('aria-pressed'), 'false');
    await reaction.click();
    const both = bob.message('Nine is fine').locator('.reactions button', { hasText: '2' });
    t.equal(await both.getAttribute('aria-label'), en.reactedBy('👍', 'alice, bob'));
    await both.click();
    await alice.message('Nine is fine').locator('.reactions button', { hasText: '1' }).waitFor();
  });

  await t.test('a reply links to the message it answers', async (t) => {
    await bob.use(en.reply, 'Good morning');
    await bob.page.getByText(en.replyTo('alice')).waitFor();
    await bob.say('And to you');
    const quote = alice.message('And to you').locator('.quote a');
    await quote.getByText('alice').waitFor();
    await quote.click();
    await alice.page.locator('[data-target]', { hasText: 'Good morning' }).waitFor();
    t.match(alice.page.url(), /#\/chats\/\d+\/\d+$/);
  });

  await t.test('a deleted message is gone for everybody', async (t) => {
    await bob.use(en.delete, 'And to you');
    await bob.answer(en.delete);
    await alice.page.getByText(en.deletedMessage).waitFor();
    t.equal(await alice.message('And to you').count(), 0);
    await bob.page.getByText(en.deletedMessage).waitFor();
  });
});

webTest('a hit is marked, and opens in its place', async (t, stage) => {
  const { alice, bob, chat } = await startTalk(stage);
  await post(bob, chat, '# We bring\n- a **kettle** & `tea`');
  for (let i = 0; i < 120; i++) await post(alice, chat, `line ${i}`);
  const reader = await stage.visitorAs(alice);
  await reader.openChat('Sunday hike');
  await reader.message('line 119').waitFor();
  t.equal(await reader.message('kettle').count(), 0, 'it is too far back to be loaded');
  await reader.page.getByRole('region', { name: 'Sunday hike' }).getByLabel(en.search).click();
  await reader.page.getByRole('searchbox').pressSequentially('kettl');
  const hit = reader.page.locator('.hit');
  t.equal(await hit.locator('mark').innerText(), 'kettle');
  t.equal(
    await hit.locator('[dir=auto]').innerText(),
    'We bring a kettle & tea',
    'without Markdown',
  );
  t.equal(await hit.count(), 1);
  await hit.click();
  await reader.page.locator('[data-target]', { hasText: 'kettle' }).waitFor();
  await reader.untilInSight('kettle');
  await reader.button(en.jumpToNewest).click();
  await reader.untilInSight('line 119');
  await reader.page.getByLabel(en.search).first().click();
  await reader.page.getByRole('searchbox').fill('helicopter');
  await reader.page.getByText(en.nothingFound).waitFor();
});

webTest('an invite link brings in a user who was not registered', async (t, stage) => {
  const { alice } = await startTalk(stage);
  const host = await stage.visitorAs(alice);
  await host.openChat('Sunday hike');
  await host.page.getByLabel(en.chatMenu).click();
  await host.page.getByLabel(en.oneUse).check();
  await host.button(en.newInvite).click();
  const link = host.page.locator('.invites input');
  const address = await link.inputValue();
  await host.button('QR').click();
  await host.page.getByRole('img', { name: en.qrCode }).waitFor();
  const carol = await stage.visitor();
  await carol.page.goto(address);
  await carol.page.getByText(en.invitedUnknown).waitFor();
  await carol.register('carol');
  await carol.composer.waitFor();
  t.equal(await carol.page.getByRole('heading', { level: 1 }).innerText(), 'Sunday hike');
  await host.page.locator('.people').getByText('carol').waitFor();
  await carol.say('Here I am');
  await host.page.locator('.chat-last', { hasText: 'carol: Here I am' }).waitFor();
  stage.expect(/status of 4\d\d/);
  const dave = await stage.visitorAs(await stage.person('dave'));
  await dave.page.goto(address);
  await dave.page.getByRole('alert').waitFor();
  t.equal(await dave.page.locator('.chat').count(), 0, 'the link was for one person');
});

webTest('members come and go, chats are renamed and left', async (t, stage) => {
  const people = await startTalk(stage);
  await stage.person('carol');
  const alice = await stage.visitorAs(people.alice);
  const bob = await stage.visitorAs(people.bob);
  await alice.openChat('Sunday hike');
  await alice.page.getByLabel(en.chatMenu).click();
  await alice.page.getByLabel(en.addMember).fill('carol');
  await alice.button(en.add).click();
  const row = (name: string) => alice.page.locator('.people li', { hasText: name });
  await row('carol').waitFor();
  await row('carol').getByText(en.makeOwner).click();
  await row('carol').getByText(en.makeMember).waitFor();
  await row('carol').getByText(en.removeMember).click();
  await alice.answer(en.cancel);
  t.equal(await row('carol').count(), 1);
  await row('carol').getByText(en.removeMember).click();
  await alice.answer(en.removeMember);
  await row('carol').waitFor({ state: 'detached' });
  await alice.page.getByLabel(en.title, { exact: true }).fill('Monday swim');
  await alice.button(en.rename).click();
  await bob.openChat('Monday swim');
  t.equal(await bob.page.getByText(en.owner, { exact: true }).count(), 0);
  await bob.page.getByLabel(en.chatMenu).click();
  t.equal(await bob.button(en.removeMember).count(), 0, 'a plain member can remove nobody');
  await bob.button(en.leave).click();
  await bob.answer(en.leave);
  await bob.page.getByText(en.noChats).waitFor();
  await row('bob').waitFor({ state: 'detached' });
});

webTest('a new member stays in the list, though an older list arrives late', async (_, stage) => {
  const people = await startTalk(stage);
  await stage.person('carol');
  const alice = await stage.visitorAs(people.alice);
  await alice.openChat('Sunday hike');
  const row = (name: string) => alice.page.locator('.people li', { hasText: name });
  const asked = new Promise<Route>((resolve) => {
    void alice.page.route('**/members', resolve, { times: 1 });
  });
  await alice.streamIsOpen();
  await alice.page.getByLabel(en.chatMenu).click();
  const held = await asked;
  const response = await held.fetch();
  await people.alice.send('POST', `${people.chat}/members`, { name: 'carol' });
  await row('carol').waitFor();
  await held.fulfill({ response });
  await row('bob').waitFor();
  await row('carol').waitFor();
});

webTest('a name is offered even if the members load after the @ was typed', async (t, stage) => {
  const people = await startTalk(stage);
  const alice = await stage.visitorAs(people.alice);
  const asked = new Promise<Route>((resolve) => {
    void alice.page.route(/\/members/, resolve, { times: 1 });
  });
  await alice.openChat('Sunday hike');
  await alice.composer.fill('@b');
  const bob = alice.page.getByRole('option', { name: '@bob' });
  t.equal(await bob.count(), 0);
  await (await asked).continue();
  await bob.waitFor();
  await alice.button(en.send).click();
  await alice.message('@b').waitFor();
  t.equal(await bob.count(), 0, 'the list closes with the message');
});

webTest(
  'a long list of members is loaded to the end, with one who joins meanwhile',
  async (t, stage) => {
    const { alice, chat } = await startTalk(stage);
    const ids =
      'with recursive ids(n) as (select 1000 union all select n + 1 from ids where n < 1420)';
    execute(
      stage.file,
      `${ids} insert into users (id, name, name_key, email, email_key, password_hash, role, created_at)
      select n, 'Member' || n, 'member' || n, n || '@x', n || '@x', 'x', 'user', 0 from ids`,
    );
    execute(
      stage.file,
      `${ids} insert into memberships (user_id, chat_id, role, joined_at, joined_event)
      select n, ${Number(chat.split('/').at(-1))}, 'member', 0, n from ids`,
    );
    await stage.person('Zoe');
    const reader = await stage.visitorAs(alice);
    // A user joins after the first page has been read, and before the last one is.
    const joinMeanwhile = async (route: Route) => {
      const response = await route.fetch();
      await alice.send('POST', `${chat}/members`, { name: 'Zoe' });
      await route.fulfill({ response });
    };
    await reader.page.route(/members\?.*after=/, joinMeanwhile, { times: 1 });
    await reader.openChat('Sunday hike');
    await reader.page.getByLabel(en.chatMenu).click();
    await reader.page.getByText(en.memberCount(424)).waitFor();
    t.equal(await reader.page.locator('.people > li').count(), 424);
    await reader.page.goBack();
    for (const name of ['Member1420', 'Zoe']) {
      await reader.composer.fill(`@${name.slice(0, -1)}`);
      await reader.page.getByRole('option', { name }).click();
      t.match(await reader.composer.inputValue(), `@${name}`);
    }
  },
);

webTest('direct chats and open chats are found', async (t, stage) => {
  const people = await startTalk(stage);
  await people.alice.send('POST', '/api/chats', { title: 'Garden', open: '1' });
  const bob = await stage.visitorAs(people.bob);
  await bob.page.getByLabel(en.directory).click();
  await bob.page.locator('.people li', { hasText: 'Garden' }).getByText(en.join).click();
  await bob.composer.waitFor();
  await bob.say('What grows here?');
  await bob.message('What grows').waitFor();
  await bob.button(en.newChat).click();
  await bob.page.getByText(en.directChat).click();
  await bob.fill({ [en.withWhom]: 'alice' }, en.create);
  await bob.page.locator('.chat[aria-current]', { hasText: 'alice' }).waitFor();
  await bob.say('Only for you');
  await bob.message('Only for you').waitFor();
  const alice = await stage.visitorAs(people.alice);
  await alice.page.locator('.chat').first().waitFor();
  t.strictSame(await alice.page.locator('.chat-title').allInnerTexts(), [
    'bob',
    'Garden',
    'Sunday hike',
  ]);
});

webTest('users can change, sign out of, and delete their own account', async (t, stage) => {
  stage.expect(/status of 40[03]/);
  const person = await stage.person('alice');
  await startChat(person, 'Sunday hike');
  const alice = await stage.visitorAs(person);
  const phone = await stage.visitorAs(person);
  await alice.page.getByLabel(en.settings).click();
  await alice.page.getByLabel(en.name, { exact: true }).fill('alina');
  await alice.page.getByLabel(en.email).fill('alina@example.org');
  await alice.button(en.save).click();
  await alice.page.getByText(en.saved).waitFor();
  await alice.fill(
    { [en.currentPassword]: 'not this one', [en.newPassword]: 'paper kite in october' },
    en.changePassword,
  );
  await alice.page.getByRole('alert').getByText('The current password is wrong.').waitFor();
  await alice.fill({ [en.currentPassword]: password }, en.changePassword);
  await alice.page.getByText(en.passwordChanged).waitFor();
  // The page reloads, so that nothing is left in its memory either.
  await Promise.all([alice.page.waitForEvent('load'), alice.button(en.signOut).click()]);
  await alice.button(en.signIn).waitFor();
  t.equal(await alice.page.evaluate(() => localStorage.length), 0, 'nothing is left behind');
  await phone.button(en.signIn).waitFor();
  await alice.fill({ [en.name]: 'alina', [en.password]: password }, en.signIn);
  await alice.page.getByRole('alert').waitFor();
  await alice.fill({ [en.password]: 'paper kite in october' }, en.signIn);
  await alice.page.locator('.chat').waitFor();
  // The page is still at the same address, so its pane may have that name already.
  await alice.page.getByRole('link', { name: en.settings }).click();
  await alice.page.getByText(en.thisDevice, { exact: true }).waitFor();
  await alice.button(en.deleteAccount).click();
  await alice.page.getByRole('dialog').getByLabel(en.currentPassword).fill('paper kite in october');
  await alice.answer(en.deleteAccount);
  // The server has no accounts any more, but is not a new one.
  await alice.button(en.signIn).waitFor();
});

webTest(
  'the first account of a server is made from another machine by its setup code',
  async (t, stage) => {
    stage.expect(/status of 403/);
    // As a proxy adds it.
    const away = { extraHTTPHeaders: { 'x-forwarded-for': '192.0.2.7' } };
    const stranger = await stage.visitor(away);
    await stranger.button(en.newHere).click();
    t.equal(await stranger.page.getByText(en.firstVisit).count(), 0, 'no stranger is invited');
    const mallory = { [en.name]: 'mallory', [en.email]: 'm@example.org', [en.password]: password };
    await stranger.fill(mallory, en.register);
    await stranger.page.getByRole('alert').getByText('setup code').waitFor();
    await stranger.fill({ [en.setupCode]: 'not-this-one' }, en.register);
    await stranger.page.getByRole('alert').getByText('setup code').waitFor();
    const [address = ''] = /#\/setup\/[a-z0-9-]+/.exec(stage.server.output()) ?? [];
    const alice = await stage.visitor(away);
    await alice.go(address);
    await alice.page.getByText(en.firstVisit).waitFor();
    await alice.register('alice');
    await alice.page.getByText(en.noChats).waitFor();
    t.equal(new URL(alice.page.url()).hash, '#/', 'the code is not left in the address');
  },
);

webTest(
  'an older session asks for the password before the account can be taken over',
  async (t, stage) => {
    stage.expect(/status of 40[03]/);
    const person = await stage.person('alice');
    execute(stage.file, 'update sessions set verified_at = 0');
    const alice = await stage.visitorAs(person);
    await alice.page.getByLabel(en.settings).click();
    await alice.page.getByText(en.emailForEverybody).waitFor();
    await alice.fill({ [en.email]: 'elsewhere@example.org' }, en.save);
    const asked = alice.page.getByRole('alert').getByText(String(en.refusals.password_needed));
    await asked.waitFor();
    const proof = alice.page
      .locator('.card', { hasText: en.profile })
      .getByLabel(en.currentPassword);
    await proof.fill('not this one');
    await alice.button(en.save).click();
    await alice.page.getByRole('alert').getByText('The current password is wrong.').waitFor();
    await proof.fill(password);
    await alice.button(en.save).click();
    await alice.page.getByText(en.saved).waitFor();
    await alice.button(en.deleteAccount).click();
    const dialog = alice.page.getByRole('dialog');
    await dialog.getByText(en.deleteAccountDetail).waitFor();
    await dialog.getByLabel(en.currentPassword).fill('not this one');
    await dialog.getByRole('button', { name: en.deleteAccount }).click();
    await dialog.getByRole('alert').getByText('The current password is wrong.').waitFor();
    await dialog.getByLabel(en.currentPassword).fill(password);
    t.equal(await dialog.getByRole('alert').count(), 0, 'the error disappears with its cause');
    await dialog.getByRole('button', { name: en.deleteAccount }).click();
    await alice.button(en.signIn).waitFor();
    t.equal((await person.get('/api/session')).status, 403);
  },
);

webTest('owners choose who may rename a chat and invite', async (t, stage) => {
  const people = await startTalk(stage);
  const [alice, bob] = [await stage.visitorAs(people.alice), await stage.visitorAs(people.bob)];
  for (const { page } of [alice, bob]) {
    await page.locator('.chat').click();
    await page.getByLabel(en.chatMenu).click();
    await page.locator('.people li').nth(1).waitFor();
  }
  await bob.streamIsOpen();
  const onlyOwners = alice.page.getByRole('button', { name: en.onlyOwners });
  t.equal(await bob.page.getByText(en.permissions).count(), 0, 'a plain member cannot choose');
  for (const [index, gone] of [bob.button(en.rename), bob.button(en.newInvite)].entries()) {
    await gone.waitFor();
    await onlyOwners.nth(index).click();
    await gone.waitFor({ state: 'detached' });
  }
  t.equal(await bob.button(en.add).count(), 0);
  t.equal(await alice.button(en.newInvite).count(), 1, 'an owner still may');
  await alice.page.getByRole('button', { name: en.everybody }).last().click();
  await bob.button(en.newInvite).waitFor();
});

webTest('a user ends another session from this one', async (t, stage) => {
  const alice = await stage.visitor();
  await alice.register('alice');
  const phone = await stage.visitor();
  await phone.fill({ [en.name]: 'alice', [en.password]: password }, en.signIn);
  await phone.page.getByLabel(en.settings).waitFor();
  stage.expect(/status of 403/);
  await alice.page.getByLabel(en.settings).click();
  await alice.button(en.endSession).click();
  await phone.button(en.signIn).waitFor();
  t.equal(await alice.button(en.signOut).count(), 1, 'this one goes on');
});

webTest('a user who is not looking is notified, by the level of each chat', async (t, stage) => {
  const { alice, bob, chat } = await startTalk(stage);
  const reader = await stage.visitorAs(bob);
  await reader.page.addInitScript(pretendToBeAway);
  await reader.page.reload();
  await reader.page.getByLabel(en.settings).click();
  await reader.page.getByLabel(en.notifyDevice).check();
  // Events before the stream is open are loaded without notifications.
  await reader.streamIsOpen();
  const notifications = () => reader.page.evaluate(() => shownNotifications);
  const say = async (text: string) => {
    await post(alice, chat, text);
    await reader.page.locator('.chat-last', { hasText: text }).waitFor();
  };
  await say('first');
  await reader.page.waitForFunction(() => shownNotifications.length > 0);
  t.strictSame(await notifications(), ['alice · Sunday hike: first']);
  for (const [notify, expected] of [
    ['mentions', ['for @Bob']],
    ['nothing', []],
  ] as const) {
    await bob.send('PUT', `${chat}/notify`, { notify });
    await reader.page.evaluate(() => void shownNotifications.splice(0));
    await reader.page.waitForFunction(
      (level) => document.querySelector('.chat')?.hasAttribute('data-muted') === level,
      notify === 'nothing',
    );
    await say(`not for you, ${notify}`);
    await say('for @Bob');
    await reader.page.waitForFunction(
      (count) => shownNotifications.length === count,
      expected.length,
    );
    await reader.page.waitForTimeout(300);
    t.strictSame(
      await notifications(),
      expected.map((text) => `alice · Sunday hike: ${text}`),
      notify,
    );
  }
});

declare const shownNotifications: string[];

/** Runs in the page: it is hidden, and its notifications are recorded. */
function pretendToBeAway(): void {
  const shown: string[] = [];
  class FakeNotification {
    static permission = 'granted';
    static requestPermission = async () => 'granted';
    onclick = null;
    constructor(title: string, { body }: { body: string }) {
      shown.push(`${title}: ${body}`);
    }
    close() {}
  }
  Object.assign(globalThis, { Notification: FakeNotification, shownNotifications: shown });
  ServiceWorkerRegistration.prototype.showNotification = async (title, options) => {
    shown.push(`${title}: ${options?.body}`);
  };
  Object.defineProperty(document, 'hidden', { get: () => true });
}

/** Texts that would do harm if they were taken for more than text. */
const hostile = '<img src=x onerror="document.title=1"><b>bold</b><script>1</script>';

const oddities = [
  hostile,
  '[click](javascript:alert(1)) [data](data:text/html,x) <javascript:alert(1)>',
  '![picture](https://example.org/x.png) ![p](x"onerror=1)',
  '<details open ontoggle=alert(1)>',
  '| a | b |\n|---|---|\n| <svg onload=1> | 2 |',
  '# heading <i>x</i>\n\n---\n\n&lt;b&gt; &amp; \\<b>',
  `${'> '.repeat(40)}deep`,
  '[a]: javascript:alert(1)\n\n[a]',
  '**@bob <u>x</u>** `<code onclick=1>`',
];

webTest('everything people write is shown as text, whatever it looks like', async (t, stage) => {
  const { bob } = await startTalk(stage, hostile);
  const villain = await stage.person('<b>mallory</b>');
  // Characters that a regular expression made of names would trip over.
  const signs = 'x+?|y';
  await stage.person(signs);
  const chat = await startChat(villain, hostile, 'bob', signs);
  for (const text of [...oddities.slice(0, -1), `Hello @${signs}`, ...oddities.slice(-1)]) {
    await post(villain, chat, text);
  }
  const reader = await stage.visitorAs(bob);
  const listed = reader.page.locator('.chat', { hasText: 'mallory' });
  await listed.locator('.chat-title', { hasText: hostile }).waitFor();
  await listed.click();
  await reader.message('@bob').waitFor();
  await reader
    .message('Hello')
    .locator('.mention', { hasText: `@${signs}` })
    .waitFor();
  const texts = await reader.messages.locator('.text').allInnerTexts();
  t.equal(texts[0], hostile);
  t.match(texts[1], '[click](javascript:alert(1))');
  t.match(texts.join('\n'), '<details open ontoggle=alert(1)>');
  await reader.page.getByLabel(en.chatMenu).click();
  await reader.page.locator('.people').getByText('<b>mallory</b>').waitFor();
  await assertInert(t, reader);
  await reader.page.getByLabel(en.search).first().click();
  await reader.page.getByRole('searchbox').fill('onerror');
  await reader.page.locator('.hit', { hasText: hostile }).first().waitFor();
  await assertInert(t, reader);
  await reader.page.keyboard.press('Control+k');
  await reader.page.getByRole('option', { name: hostile }).first().waitFor();
  await assertInert(t, reader);
});

webTest('after a 429 the client waits, and the message is not lost', async (t, stage) => {
  stage.expect(/status of 429/);
  const { alice, bob, chat } = await startTalk(stage);
  const sentence = 'Too many requests. Wait a moment and try again.';
  const tooOften = {
    status: 429,
    headers: { 'retry-after': '2', 'error-code': 'too_often' },
    json: { error: sentence },
  };
  const writer = await stage.visitorAs(alice);
  await writer.openChat('Sunday hike');
  const tries: number[] = [];
  await writer.page.route(`**${chat}`, (route) => {
    if (route.request().method() === 'POST') tries.push(Date.now());
    return tries.length === 1 ? route.fulfill(tooOften) : route.continue();
  });
  await writer.say('one');
  await writer.drafts.getByText(en.sending).waitFor();
  await writer.message('one').waitFor();
  await writer.drafts.first().waitFor({ state: 'detached' });
  const [first = 0, next = 0] = tries;
  t.ok(next - first >= 1_990, `${next - first} ms`);
  t.match(await (await bob.get(chat)).json(), { messages: [{ content: 'one' }] });

  const visitor = await stage.visitor();
  await visitor.page.route('**/api/login', (route) => route.fulfill(tooOften));
  await visitor.fill({ [en.name]: 'alice', [en.password]: password }, en.signIn);
  await visitor.page.getByRole('alert').getByText(sentence).waitFor();
});

webTest('an edit being sent neither blocks the composer nor is lost', async (t, stage) => {
  stage.expect(/status of 403/);
  const { alice, chat } = await startTalk(stage);
  const id = await post(alice, chat, 'Nime is fine');
  const writer = await stage.visitorAs(alice);
  await writer.openChat('Sunday hike');
  await writer.message('Nime').waitFor();
  const asked = new Promise<Route>((resolve) => {
    void writer.page.route(`**${chat}/messages/${id}`, resolve);
  });
  await writer.composer.press('ArrowUp');
  await writer.composer.fill('Nine is fine');
  await writer.composer.press('Enter');
  await writer.page.keyboard.type('And then');
  t.equal(await writer.composer.inputValue(), 'And then');
  const error = 'This is too late.';
  await (await asked).fulfill(refusal(error));
  await writer.page.getByText(error).waitFor();
  t.equal(await writer.composer.inputValue(), 'Nine is fine');
  await writer.composer.press('Escape');
  t.equal(await writer.composer.inputValue(), 'And then');
  await writer.page.getByText(error).waitFor({ state: 'detached' });
});

async function titled({ page }: Visitor, title: string): Promise<void> {
  await page.waitForFunction((wanted) => document.title === wanted, title);
}

/** Asserts that no text became an element or a link that acts. */
async function assertInert(t: Test, { page }: Visitor): Promise<void> {
  const made = await page.evaluate(() => ({
    elements: document.querySelectorAll('img, script:not([src]), details, main u, main svg[onload]')
      .length,
    links: [...document.links].map((link) => link.protocol).filter((p) => !/^https?:$/.test(p)),
    title: document.title.replace(/^\(\d+\) /, ''),
  }));
  t.strictSame(made, { elements: 0, links: [], title: 'Snug' });
}
