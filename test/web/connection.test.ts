/** The connection between browser and server: broken, shared, resumed, and never lossy. */
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { en } from '../../src/web/texts/en.ts';
import {
  messagesOf,
  noServer,
  shownIn,
  startTalk,
  type Visitor,
  webTest,
} from '../helpers/browser.ts';

/** The number of messages by each of two people. */
const each = 100;

webTest('200 messages survive a server that is killed twice', async (t, stage) => {
  stage.expect(noServer);
  // On a slow machine a server that has just started refuses some requests as overloaded.
  stage.expect(/status of 503/);
  const { alice, bob, chat } = await startTalk(stage);
  const pages = [await stage.visitorAs(alice), await stage.visitorAs(bob)];
  for (const page of pages) await page.openChat('Sunday hike');
  const [one, two] = pages as [Visitor, Visitor];
  const writing = [sayAll(one, 'alice'), sayAll(two, 'bob')];
  for (const moment of [20, 60]) {
    await one.messages.nth(moment).waitFor({ state: 'attached' });
    await stage.kill();
    await one.page.getByText(en.disconnected).waitFor();
    await stage.revive();
  }
  await Promise.all(writing);
  await settled(one);
  await settled(two);
  const onServer = await messagesOf(alice, chat);
  for (const name of ['alice', 'bob']) {
    const expected = Array.from({ length: each }, (_, i) => `${name} ${i}`);
    t.strictSame(
      onServer.filter((text) => text.startsWith(name)),
      expected,
      'each once, in order',
    );
  }
  t.strictSame(await shownIn(one), onServer);
  t.strictSame(await shownIn(two), onServer);
  t.equal(await one.page.getByText(en.disconnected).isVisible(), false);
});

/** Types one message after the other as fast as the page accepts them. */
async function sayAll({ composer }: Visitor, name: string): Promise<void> {
  const texts = Array.from({ length: each }, (_, i) => `${name} ${i}`);
  await composer.evaluate(typeAll, texts);
}

/** Runs in the page, so that keys need not be sent there one by one. */
async function typeAll(area: SVGElement | HTMLElement, texts: string[]): Promise<void> {
  for (const text of texts) {
    Object.assign(area, { value: text });
    area.dispatchEvent(new InputEvent('input', { bubbles: true }));
    area.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true }));
    await new Promise((resolve) => setTimeout(resolve));
  }
}

/** Waits until all messages are shown and none is being sent. */
async function settled(visitor: Visitor): Promise<void> {
  const { messages, drafts } = visitor;
  await messages.nth(2 * each - 1).waitFor({ state: 'attached', timeout: 30_000 });
  await drafts.first().waitFor({ state: 'detached' });
  await visitor.streamIsOpen();
}

webTest('a broken connection is shown on every screen, on a phone too', async (t, stage) => {
  stage.expect(noServer);
  const { alice } = await startTalk(stage);
  const reader = await stage.visitorAs(alice, { viewport: { width: 390, height: 780 } });
  const notice = reader.page.getByText(en.disconnected);
  await reader.openChat('Sunday hike');
  await reader.streamIsOpen();
  await stage.kill();
  await notice.waitFor();
  await reader.page.locator('.bar [href="#/"]').click();
  t.equal(await notice.isVisible(), true, 'next to the list as well');
  await stage.revive();
  await reader.streamIsOpen();
  t.equal(await notice.isVisible(), false);
});

webTest('an error page of a proxy does not replace the client', async (t, stage) => {
  stage.expect(noServer);
  stage.expect(/status of 50\d/);
  const { alice } = await startTalk(stage);
  const reader = await stage.visitorAs(alice);
  await reader.streamIsOpen();
  await reader.page.evaluate(async () => void (await navigator.serviceWorker.ready));
  const port = Number(new URL(stage.server.url).port);
  await stage.kill();
  const answers: Record<string, RequestListener> = {
    'says so': (_, response) => void response.writeHead(502).end('Bad Gateway'),
    'says nothing': () => undefined,
  };
  for (const [how, answer] of Object.entries(answers)) {
    const proxy = createServer(answer).listen(port, '127.0.0.1');
    await once(proxy, 'listening');
    await reader.page.reload({ waitUntil: 'commit' });
    await reader.page.getByText(en.disconnected).waitFor();
    t.equal(await reader.page.getByText('Bad Gateway').count(), 0, how);
    proxy.closeAllConnections();
    await once(proxy.close(), 'close');
  }
  await stage.revive();
  await reader.page.locator('.chat').first().waitFor();
});

webTest('a page of another build offers to reload, or reloads while hidden', async (t, stage) => {
  const { alice } = await startTalk(stage);
  // A service worker would fetch the page past the test.
  const reader = await stage.visitorAs(alice, { serviceWorkers: 'block' });
  const { page } = reader;
  await reader.openChat('Sunday hike');
  await reader.streamIsOpen();
  t.equal(await page.getByText(en.newVersion).count(), 0, 'it has this build');
  /** Makes the page look like one from before an upgrade. */
  const age = async (build: string) => {
    await page.route('**/', async (route) => {
      const response = await route.fetch();
      const body = (await response.text()).replace(/data-build="\w+"/, `data-build="${build}"`);
      await route.fulfill({ response, body });
    });
    await page.reload();
    await page.unroute('**/');
  };
  await age('old');
  await reader.composer.fill('half a sent');
  await page.getByText(en.newVersion).waitFor();
  await page.evaluate(hide, true);
  t.equal(await page.locator('html').getAttribute('data-build'), 'old', 'not while the user types');
  await page.evaluate(hide, false);
  await reader.composer.fill('');
  await Promise.all([page.waitForEvent('load'), page.evaluate(hide, true)]);
  t.not(await page.locator('html').getAttribute('data-build'), 'old');
  await reader.streamIsOpen();
  await age('older');
  await Promise.all([page.waitForEvent('load'), reader.button(en.reload).click()]);
  await reader.streamIsOpen();
  t.equal(await page.getByText(en.newVersion).count(), 0);
});

/** Runs in the page: puts the tab into the background, or to the front. */
function hide(isHidden: boolean): void {
  Object.defineProperty(document, 'hidden', { get: () => isHidden, configurable: true });
  document.dispatchEvent(new Event('visibilitychange'));
}
