/** What a browser stores and its tabs share: drafts, unsent messages, the session. */
import { en } from '../../src/web/texts/en.ts';
import {
  messagesOf,
  noServer,
  post,
  refusal,
  shownIn,
  startTalk,
  type Visitor,
  webTest,
} from '../helpers/browser.ts';
import type { RemotePerson } from '../helpers/server.ts';
import { password } from '../helpers/world.ts';

webTest('two tabs share one stream, and the second takes over', async (t, stage) => {
  const { alice, bob, chat } = await startTalk(stage);
  const first = await stage.visitorAs(alice);
  await first.openChat('Sunday hike');
  const second = await first.otherTab();
  await second.openChat('Sunday hike');
  await post(bob, chat, 'to both');
  await first.message('to both').waitFor();
  await second.message('to both').waitFor();
  t.strictSame([streamsOf(first), streamsOf(second)], [1, 0]);
  // A closing tab forwards its events to the last moment.
  const takingOver = second.page.waitForRequest(/\/api\/events/);
  await first.page.close();
  await takingOver;
  await post(bob, chat, 'to the one that is left');
  await second.message('to the one that is left').waitFor();
  t.equal(streamsOf(second), 1);
  await second.say('I am here');
  await second.message('I am here').waitFor();
  t.strictSame(await shownIn(second), await messagesOf(alice, chat));
});

const streamsOf = ({ asked }: Visitor) => asked.filter((path) => path === '/api/events').length;

webTest('drafts and unsent messages survive a reload', async (t, stage) => {
  stage.expect(noServer);
  const { alice, bob, chat } = await startTalk(stage);
  const writer = await stage.visitorAs(alice);
  await writer.openChat('Sunday hike');
  await writer.streamIsOpen();
  // So that the page can be reloaded while the server is away.
  await writer.page.evaluate(async () => void (await navigator.serviceWorker.ready));
  await writer.composer.fill('half a sent');
  await writer.page.reload();
  await writer.composer.waitFor();
  t.equal(await writer.composer.inputValue(), 'half a sent');

  await stage.kill();
  await writer.say('unsent one');
  await writer.say('unsent two');
  const other = await writer.otherTab(new URL(writer.page.url()).hash);
  await writer.drafts.nth(1).waitFor();
  await writer.page.getByText(en.disconnected).waitFor();
  t.equal(await writer.drafts.getByText(en.waiting).count(), 2, 'marked as waiting');
  await writer.page.reload();
  await stage.revive();
  await writer.message('unsent two').waitFor();
  await other.message('unsent two').waitFor();
  await writer.drafts.first().waitFor({ state: 'detached' });
  t.strictSame(await messagesOf(bob, chat), ['unsent one', 'unsent two'], 'each once, in order');
  t.strictSame(await shownIn(writer), ['unsent one', 'unsent two']);
  await writer.page.reload();
  await writer.message('unsent two').waitFor();
  t.strictSame(await shownIn(writer), ['unsent one', 'unsent two']);
});

webTest('tabs preserve each other’s unsent messages', async (t, stage) => {
  stage.expect(noServer);
  const { alice, bob, chat } = await startTalk(stage);
  const first = await stage.visitorAs(alice);
  await first.openChat('Sunday hike');
  const second = await first.otherTab(new URL(first.page.url()).hash);
  await second.composer.waitFor();
  await second.streamIsOpen();
  await stage.kill();
  await first.say('from the first');
  await second.say('from the second');
  await second.drafts.first().waitFor();
  await first.page.close();
  await second.page.close();
  await stage.revive();
  const later = await first.otherTab();
  await later.openChat('Sunday hike');
  await later.message('from the first').waitFor();
  await later.message('from the second').waitFor();
  t.equal((await messagesOf(bob, chat)).length, 2);
});

webTest('a refused message shows the reason, and can be discarded', async (t, stage) => {
  stage.expect(/status of 403/);
  const { alice, bob, chat } = await startTalk(stage);
  const writer = await stage.visitorAs(bob);
  await writer.openChat('Sunday hike');
  await writer.streamIsOpen();
  await writer.page.route('**/api/chats/*', (route) =>
    route.request().method() === 'POST'
      ? route.fulfill(refusal('You are not a member of this chat.'))
      : route.continue(),
  );
  await writer.say('nobody hears this');
  await writer.drafts.getByRole('alert').getByText('You are not a member').waitFor();
  await writer.page.unroute('**/api/chats/*');
  await writer.button(en.tryAgain).click();
  await writer.message('nobody hears this').waitFor();
  t.equal(await writer.drafts.count(), 0);
  t.strictSame(await messagesOf(alice, chat), ['nobody hears this']);
});

webTest('read messages stay read', async (t, stage) => {
  const { alice, bob, chat } = await startTalk(stage);
  const reader = await stage.visitorAs(bob);
  await reader.openChat('Sunday hike');
  await reader.streamIsOpen();
  const reported = reader.page.waitForResponse(/\/read$/);
  await post(alice, chat, 'seen as it came');
  await reader.message('seen as it came').waitFor();
  await reported;
  t.equal(await unreadOf(bob), 0, 'the server knows');
  await reader.page.reload();
  await reader.message('seen as it came').waitFor();
  t.equal(await reader.page.locator('.new-line').count(), 0);
});

/** The unread count of the only chat, according to the server. */
async function unreadOf(person: RemotePerson): Promise<number> {
  const { chats } = (await (await person.get('/api/chats')).json()) as {
    chats: { unread?: number }[];
  };
  return chats[0]?.unread ?? 0;
}

/** A second tab must show nothing of a user who has signed out. */
webTest('signing out clears the other tab and the way back', async (t, stage) => {
  stage.expect(/status of 403/);
  const { alice, bob, chat } = await startTalk(stage);
  await post(bob, chat, 'our secret');
  const first = await stage.visitorAs(alice);
  await first.openChat('Sunday hike');
  const second = await first.otherTab();
  await second.openChat('Sunday hike');
  await second.message('our secret').waitFor();
  await first.go('#/settings');
  await Promise.all([first.page.waitForEvent('load'), first.button(en.signOut).click()]);
  await first.button(en.signIn).waitFor();
  await second.button(en.signIn).waitFor();
  await first.page.goBack().catch(() => null);
  await first.button(en.signIn).waitFor();
  for (const { page } of [first, second]) {
    t.equal(await page.getByText('our secret').count(), 0);
  }
  t.equal(await first.page.evaluate(() => localStorage.length), 0);
  await first.fill({ [en.name]: 'alice', [en.password]: password }, en.signIn);
  await first.openChat('Sunday hike');
  await post(bob, chat, 'welcome back');
  await first.message('welcome back').waitFor();
});
