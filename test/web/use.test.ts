/** How the client is used: by keyboard only, installed, in every time zone; and how fast it is. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import tap from 'tap';
import { en } from '../../src/web/texts/en.ts';
import { post, startChat, type Visitor, webTest } from '../helpers/browser.ts';
import { startHike } from '../helpers/hike.ts';
import { execute } from '../helpers/rows.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

const desktop = { viewport: { width: 1200, height: 800 } };

webTest('the client can be used by keyboard only', async (t, stage) => {
  const { alice } = await startHike(stage);
  const visitor = await stage.visitorAs(alice, desktop);
  const { keyboard } = visitor.page;
  await visitor.page.locator('.chat').first().waitFor();
  await keyboard.press('Tab');
  t.equal(await nameInFocus(visitor), en.skipToChat);
  await keyboard.press('Control+k');
  await keyboard.type('hike');
  await keyboard.press('Enter');
  await visitor.message('Nine at the station').waitFor();
  await tabTo(visitor, en.writeMessage('Sunday hike'));
  await keyboard.type('By keyboard');
  await keyboard.press('Enter');
  await visitor.message('By keyboard').waitFor();
  await keyboard.press('ArrowUp');
  await keyboard.press('End');
  await keyboard.type(' alone');
  await keyboard.press('Enter');
  await visitor.message('By keyboard alone').waitFor();
  await tabTo(visitor, 'Alice, ', 'Shift+Tab');
  await keyboard.press('ArrowUp');
  await keyboard.press('ArrowUp');
  t.match(await nameInFocus(visitor), /^Bob, /, 'from message to message');
  await tabTo(visitor, en.react);
  await keyboard.press('Enter');
  await visitor.page.locator('.emoji-grid button').first().waitFor();
  await keyboard.press('Escape');
  await visitor.page.locator('dialog').waitFor({ state: 'detached' });
  t.equal(await nameInFocus(visitor), en.react, 'back where it was');
  await tabTo(visitor, en.reply);
  await keyboard.press('Enter');
  await visitor.page.getByText(en.replyTo('Bob')).waitFor();
  t.equal(await nameInFocus(visitor), en.writeMessage('Sunday hike'));
  await keyboard.type('And answered');
  await keyboard.press('Enter');
  await visitor.message('And answered').locator('.quote').waitFor();
});

webTest('text typed right after Ctrl+K goes into its dialog', async (t, stage) => {
  const { alice } = await startHike(stage);
  const visitor = await stage.visitorAs(alice, desktop);
  await visitor.page.locator('.chat').first().waitFor();
  t.equal(await visitor.page.evaluate(openSwitcher), en.switchTo);
});

/** Presses Ctrl+K; returns what has the focus in the next task, when the next key comes. */
function openSwitcher(): Promise<string | null | undefined> {
  document.body.dispatchEvent(
    new KeyboardEvent('keydown', { key: 'k', ctrlKey: true, bubbles: true }),
  );
  return new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => resolve(document.activeElement?.getAttribute('aria-label'));
    port2.postMessage('');
  });
}

webTest('the client can be installed, and opens by its icon', async (t, stage) => {
  const visitor = await stage.visitor();
  const href = await visitor.page.locator('link[rel=manifest]').getAttribute('href');
  const read = async (path: string) => fetch(new URL(path, stage.server.url));
  const manifest = (await (await read(String(href))).json()) as Manifest;
  t.match(manifest, { name: 'Snug', display: 'standalone', start_url: /^\.?\/?/ });
  for (const size of ['192x192', '512x512']) {
    const icon = manifest.icons.find(({ sizes }) => sizes === size);
    const answer = await read(String(icon?.src));
    t.match([answer.status, answer.headers.get('content-type')], [200, icon?.type], size);
  }
  await visitor.page.evaluate(async () => void (await navigator.serviceWorker.ready));
});

interface Manifest {
  readonly icons: { src: string; sizes: string; type: string }[];
}

webTest('times are shown in the reader’s time zone', async (t, stage) => {
  const alice = await stage.person('alice');
  const chat = await startChat(alice, 'Sunday hike');
  const id = await post(alice, chat, 'just before midnight in London');
  execute(
    stage.file,
    'update messages set created_at = ? where id = ?',
    Date.UTC(2025, 5, 30, 22, 59),
    id,
  );
  for (const [timezoneId, time, date] of [
    ['Europe/London', '23:59', '30 June 2025'],
    ['Asia/Tokyo', '07:59', '1 July 2025'],
  ] as const) {
    const reader = await stage.visitorAs(alice, { timezoneId });
    await reader.openChat('Sunday hike');
    await reader.message('just before').waitFor();
    t.equal(await reader.page.locator('.message time').innerText(), time, timezoneId);
    t.equal(await reader.page.locator('.day').innerText(), date, timezoneId);
  }
});

/** The name of the focused element. */
function nameInFocus({ page }: Visitor): Promise<string | null | undefined> {
  return page.evaluate(() => {
    const element = document.activeElement;
    return element?.getAttribute('aria-label') ?? element?.textContent;
  });
}

/** More steps than any way through a screen takes. */
const farthest = 60;

async function tabTo(visitor: Visitor, name: string, key = 'Tab'): Promise<void> {
  for (let i = 0; i < farthest; i++) {
    if ((await nameInFocus(visitor))?.startsWith(name)) return;
    await visitor.page.keyboard.press(key);
  }
  throw new Error(`${name} is not reached by ${key}`);
}

/** The most that is loaded before anything is shown, in bytes of gzipped JavaScript. */
const budget = 60 * 1024;

tap.test('the first load is small', async (t) => {
  const page = readFileSync(join(root, 'dist/web/index.html'), 'utf8');
  const scripts = [...page.matchAll(/<script[^>]+src="([^"]+)"/g)].map(([, src]) => String(src));
  t.equal(scripts.length, 1);
  const files = new Set<string>();
  for (const script of scripts) addImports(files, join(root, 'dist/web', script));
  const sizes = [...files].map((file) => gzipSync(readFileSync(file)).length);
  const sum = sizes.reduce((a, b) => a + b, 0);
  t.comment(`${sum} bytes of gzipped JavaScript in ${files.size} files`);
  t.ok(sum <= budget, `${sum} ≤ ${budget}`);
});

/** A script with its static imports; dynamic ones do not count. */
function addImports(files: Set<string>, file: string): void {
  if (files.has(file)) return;
  files.add(file);
  const source = readFileSync(file, 'utf8');
  for (const [, name] of source.matchAll(/\b(?:from|import)\s*"(\.[^"]+)"/g)) {
    addImports(files, join(file, '..', String(name)));
  }
}
