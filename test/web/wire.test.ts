/** Connections that die silently, that are buffered, and that many tabs share. */
import type { Test } from 'tap';
import { en } from '../../src/web/texts/en.ts';
import {
  messagesOf,
  post,
  type Stage,
  shownIn,
  signIn,
  startTalk,
  Visitor,
  webTest,
} from '../helpers/browser.ts';
import { startWire } from '../helpers/proxy.ts';
import type { RemotePerson } from '../helpers/server.ts';

/** A page at a chat, with a connection that can die; its clock is the test's. */
async function overWire(t: Test, stage: Stage, chat: string, person: RemotePerson) {
  stage.expect(/^asked/);
  const wire = await startWire(t, stage.server.url);
  const context = await stage.browser({ serviceWorkers: 'block' });
  await signIn(context, person, wire.url);
  const reader = await Visitor.open(context, wire.url);
  await reader.page.clock.install();
  await reader.go(`#${chat.replace('/api', '')}`);
  await reader.page.reload();
  await reader.streamIsOpen();
  return { wire, reader };
}

/** Waits for a message; a new stream may first be put on connections that are dead as well. */
async function arrives(reader: Visitor, text: string): Promise<void> {
  for (let i = 0; i < 200 && (await reader.message(text).count()) === 0; i++) {
    await reader.page.clock.runFor(2_500);
    await reader.page.waitForTimeout(50);
  }
  await reader.message(text).waitFor();
}

const streamsOf = ({ asked }: Visitor) => asked.filter((path) => path === '/api/events').length;

webTest('the client notices a dead connection by its silence', async (t, stage) => {
  const { alice, bob, chat } = await startTalk(stage);
  const { wire, reader } = await overWire(t, stage, chat, alice);
  await post(bob, chat, 'before');
  await reader.message('before').waitFor();
  const streams = streamsOf(reader);
  wire.die();
  await post(bob, chat, 'after');
  await reader.page.clock.runFor(30_000);
  t.equal(streamsOf(reader), streams, 'two beats may be late');
  await reader.page.clock.runFor(10_000);
  await arrives(reader, 'after');
  t.ok(streamsOf(reader) > streams);
  t.strictSame(await shownIn(reader), ['before', 'after'], 'nothing is missing');
});

webTest('a dead connection is noticed when its user comes back, or posts', async (t, stage) => {
  const { alice, bob, chat } = await startTalk(stage);
  const { wire, reader } = await overWire(t, stage, chat, alice);
  const { page } = reader;
  for (const sign of ['focus', 'pageshow', 'visibilitychange', 'online']) {
    wire.die();
    await post(bob, chat, sign);
    await page.clock.runFor(12_000);
    t.equal(await reader.message(sign).count(), 0);
    // At once: later the silence would show it.
    const again = page.waitForRequest((request) => request.url().includes('/api/events'));
    await page.evaluate(
      (name) =>
        void (name === 'visibilitychange' ? document : window).dispatchEvent(new Event(name)),
      sign,
    );
    await again;
    await arrives(reader, sign);
  }
  wire.die();
  await post(bob, chat, 'meanwhile');
  await reader.say('my own');
  await reader.message('my own').waitFor();
  const again = page.waitForRequest((request) => request.url().includes('/api/events'));
  await page.clock.runFor(12_000);
  await again;
  await arrives(reader, 'meanwhile');
  t.strictSame(await shownIn(reader), await messagesOf(bob, chat));
});

webTest('a follower asks the leading tab for a new connection', async (t, stage) => {
  const { alice, bob, chat } = await startTalk(stage);
  const { wire, reader } = await overWire(t, stage, chat, alice);
  const second = await reader.otherTab(`#${chat.replace('/api', '')}`);
  await second.streamIsOpen();
  t.equal(streamsOf(second), 0);
  wire.die();
  await post(bob, chat, 'to both');
  await reader.page.clock.runFor(12_000);
  await second.page.evaluate(() => void dispatchEvent(new Event('focus')));
  await arrives(reader, 'to both');
  await second.message('to both').waitFor();
});

webTest('after sleep the client reconnects, and nothing is missing', async (t, stage) => {
  const { alice, bob, chat } = await startTalk(stage);
  const { wire, reader } = await overWire(t, stage, chat, alice);
  await post(bob, chat, 'before');
  await reader.message('before').waitFor();
  const before = streamsOf(reader);
  // Data received after the clock was set forward would count as a sign of life.
  wire.die();
  const again = reader.page.waitForRequest((request) => request.url().includes('/api/events'));
  await Promise.all([again, reader.page.clock.fastForward('01:00:00')]);
  t.ok(streamsOf(reader) > before, 'it does not wait for a dead connection');
  await post(bob, chat, 'after');
  await arrives(reader, 'after');
  t.strictSame(await shownIn(reader), ['before', 'after']);
});

webTest('if the stream is held back, new messages are fetched', async (_, stage) => {
  const { alice, bob, chat } = await startTalk(stage);
  const context = await stage.browser({ serviceWorkers: 'block' });
  await signIn(context, alice, stage.server.url);
  // As a proxy that buffers responses.
  await context.route('**/api/events*', () => undefined);
  const reader = await Visitor.open(context, stage.server.url);
  await reader.page.clock.install();
  await reader.go(`#${chat.replace('/api', '')}`);
  await reader.page.reload();
  await reader.composer.waitFor();
  await reader.page.clock.runFor(15_000);
  await reader.page.getByText(en.delayed).waitFor();
  await reader.page.locator('.chat').waitFor();
  await post(bob, chat, 'late');
  await reader.page.clock.runFor(60_000);
  await reader.message('late').waitFor();
  await reader.say('and back');
  await reader.message('and back').waitFor();
});

webTest('eight tabs over plain http share one stream', async (t, stage) => {
  stage.expect(/^asked|Cross-Origin-Opener-Policy/);
  const { alice, bob, chat } = await startTalk(stage);
  const url = stage.server.url.replace('127.0.0.1', 'pi.lan');
  const context = await stage.browser();
  await signIn(context, alice, url);
  const place = `#${chat.replace('/api', '')}`;
  const tabs: Visitor[] = [];
  for (let i = 0; i < 8; i++) tabs.push(await Visitor.open(context, url, place));
  for (const tab of tabs) await tab.streamIsOpen();
  const [first, ...others] = tabs as [Visitor, ...Visitor[]];
  t.equal(await first.page.evaluate(() => navigator.locks), undefined, 'as over plain http');
  await post(bob, chat, 'to all');
  for (const tab of tabs) await tab.message('to all').waitFor();
  t.equal(
    tabs.map(streamsOf).reduce((sum, count) => sum + count),
    1,
  );
  await first.page.close();
  await post(bob, chat, 'to the rest');
  for (const tab of others) await tab.message('to the rest').waitFor();
  for (const tab of others) t.strictSame(await shownIn(tab), ['to all', 'to the rest']);
  await others[6]?.say('from the last');
  await others[0]?.message('from the last').waitFor();
});
