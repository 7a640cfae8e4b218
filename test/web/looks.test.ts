/**
 * How the client looks and is used: every screen in both schemes, wide and narrow, in German, by
 * keyboard alone. With SCREENSHOTS=1 it leaves pictures of the main screens in docs/screenshots.
 */
import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { AxeBuilder } from '@axe-core/playwright';
import tap, { type Test } from 'tap';
import { de } from '../../src/web/texts/de.ts';
import { en } from '../../src/web/texts/en.ts';
import { post, type Stage, startChat, type Visitor, webTest } from '../helpers/browser.ts';
import { execute } from '../helpers/rows.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const pictures = process.env.SCREENSHOTS === '1' ? join(root, 'docs/screenshots') : undefined;

/** A picture of the page for the README, if pictures are asked for. */
async function picture({ page }: Visitor, name: string): Promise<void> {
  if (pictures === undefined) return;
  mkdirSync(pictures, { recursive: true });
  await page.mouse.move(0, 0);
  await page.screenshot({ path: join(pictures, `${name}.png`), animations: 'disabled' });
}

const map = `Here is the way up:

\`\`\`
Station → Mill → **Ridge** (2 h)
\`\`\``;

const minute = 60_000;
const day = 24 * 60 * minute;

/** A chat as people have it: several days, replies, reactions, a list, code; and more beside it. */
async function startHike(stage: Stage) {
  const alice = await stage.person('Alice');
  const [bob, carol] = [await stage.person('Bob'), await stage.person('Carol')];
  const garden = await startChat(alice, 'Garden', 'Bob');
  const beans = await post(bob, garden, 'The beans are up, all of them!');
  const train = await startChat(carol, 'Night train to Lisbon', 'Alice', 'Bob');
  const seats = await post(
    carol,
    train,
    'Seats 41 and 42, by the window. @Alice, you have the tickets?',
  );
  await alice.send('POST', '/api/chats', { title: 'Open house', open: '1' });
  const chat = await startChat(alice, 'Sunday hike', 'Bob', 'Carol');
  const who = await post(
    bob,
    chat,
    'Who is in for a hike? The forecast for Sunday is **dry**, for once.',
  );
  const me = await post(carol, chat, 'Me! With the dog, if nobody minds.');
  const water = await post(alice, chat, 'Gladly. I know a way that has water for her, too.');
  const bread = await post(
    bob,
    chat,
    'Then I bring:\n\n- bread and cheese\n- the big flask\n- a map, see https://example.org/map',
  );
  const way = await post(alice, chat, map);
  const dog = await post(carol, chat, 'Two hours are fine for her.', { reply_to: String(way) });
  const when = await post(bob, chat, 'Shall we meet at nine, @Alice?');
  const nine = await post(alice, chat, 'Nine at the station. See you there!');
  for (const [person, id, emoji] of [
    [bob, nine, '👍'],
    [carol, nine, '👍'],
    [carol, nine, '🎉'],
    [alice, dog, '🐶'],
    [alice, bread, '❤️'],
  ] as const) {
    await person.send('PUT', `${chat}/messages/${id}/reactions/${encodeURIComponent(emoji)}`, {});
  }
  await alice.send('POST', `${chat}/invites`, {});
  setBack(stage, {
    [beans]: 3 * day,
    [seats]: day + 200 * minute,
    [who]: 2 * day + 50 * minute,
    [me]: 2 * day + 41 * minute,
    [water]: 2 * day + 12 * minute,
    [bread]: day + 3 * minute,
    [way]: 9 * minute,
    [dog]: 7 * minute,
    [when]: 4 * minute,
  });
  return { alice, chat };
}

/** Moves messages back by so many ms, past the server. */
function setBack({ file }: Stage, times: Record<string, number>): void {
  for (const [id, ms] of Object.entries(times)) {
    execute(file, 'update messages set created_at = created_at - ? where id = ?', ms, Number(id));
  }
  execute(
    file,
    `update chats set last_message_at =
       (select created_at from messages where id = last_message_id)
     where last_message_id is not null`,
  );
}

/** Every screen of somebody who is signed in: how to come there, and what is seen there. */
const screens = (chat: string): Record<string, (visitor: Visitor) => Promise<void>> => {
  const place = `#${chat.replace('/api', '')}`;
  return {
    list: async (v) => {
      await v.go('#/');
      await v.page.locator('.chat').first().waitFor();
    },
    chat: async (v) => {
      await v.go(place);
      await v.message('Nine at the station').waitFor();
      await v.message('Two hours').locator('.quote').getByText('Alice').waitFor();
    },
    search: async (v) => {
      await v.go('#/search/the');
      await v.page.locator('.hit mark').first().waitFor();
    },
    members: async (v) => {
      await v.go(`${place}/members`);
      await v.page.locator('.people li').nth(2).waitFor();
      await v.button('QR').click();
      await v.page.locator('.qr').scrollIntoViewIfNeeded();
    },
    directory: async (v) => {
      await v.go('#/directory');
      await v.page.locator('.people li').first().waitFor();
    },
    settings: async (v) => {
      await v.go('#/settings');
      await v.page.locator('.people li').first().waitFor();
    },
  };
};

/** What opens over a screen, to be closed by Escape. */
const windows: Record<string, (visitor: Visitor) => Promise<void>> = {
  'new chat': (v) => v.page.locator('.sidebar header button').click(),
  switcher: (v) => v.page.keyboard.press('Control+k'),
  emoji: async (v) => {
    await v.openChat('Sunday hike');
    await v.page.getByLabel(en.emoji, { exact: true }).click();
    await v.page.locator('.emoji-grid button').first().waitFor();
  },
};

const desktop = { viewport: { width: 1200, height: 800 } };
const phone = { viewport: { width: 390, height: 780 }, isMobile: true, hasTouch: true };
const smallPhone = { viewport: { width: 320, height: 560 }, isMobile: true, hasTouch: true };

webTest(
  'every screen is accessible, fits its width, and is there in both schemes',
  async (t, stage) => {
    const { alice, chat } = await startHike(stage);
    const shot: Record<string, string> = {
      'desktop light chat': 'chat',
      'desktop light search': 'search',
      'desktop light members': 'members',
      'phone dark list': 'phone-list',
      'phone dark chat': 'phone-chat',
    };
    const devices = { desktop, phone, 'small phone': smallPhone };
    for (const [device, options] of Object.entries(devices)) {
      const visitor = await stage.visitorAs(alice, options);
      for (const [screen, show] of Object.entries(screens(chat))) {
        await show(visitor);
        for (const colorScheme of ['light', 'dark'] as const) {
          const name = `${device} ${colorScheme} ${screen}`;
          await visitor.page.emulateMedia({ colorScheme });
          const picked = shot[name];
          if (picked !== undefined) await picture(visitor, picked);
          if (device !== 'phone') await assertAccessible(t, visitor, name);
        }
        await assertFits(t, visitor, `${device} ${screen}`);
      }
      if (device !== 'desktop') continue;
      for (const [name, open] of Object.entries(windows)) {
        await open(visitor);
        await visitor.page.locator('dialog').waitFor();
        await assertAccessible(t, visitor, name);
        await visitor.page.keyboard.press('Escape');
        await visitor.page.locator('dialog').waitFor({ state: 'detached' });
      }
    }
  },
);

webTest('the door is accessible, and speaks German to who prefers it', async (t, stage) => {
  const visitor = await stage.visitor({ ...smallPhone, locale: 'de-DE' });
  await visitor.page.getByText(de.firstVisit).waitFor();
  t.equal(await visitor.page.locator('html').getAttribute('lang'), 'de');
  for (const colorScheme of ['light', 'dark'] as const) {
    await visitor.page.emulateMedia({ colorScheme });
    await assertAccessible(t, visitor, `register ${colorScheme}`);
  }
  await assertFits(t, visitor, 'register');
  await visitor.button(de.knownHere).click();
  await visitor.button(de.signIn).waitFor();
  await assertAccessible(t, visitor, 'sign in');
  const alice = await stage.person('alice');
  const chat = await startChat(alice, 'Wanderung');
  const home = await stage.visitorAs(alice, { ...smallPhone, locale: 'de-AT' });
  await home.openChat('Wanderung');
  await home.say('Hallo');
  await home.message('Hallo').waitFor();
  await home.page.getByText('Heute').waitFor();
  await home.go(`#${chat.replace('/api', '')}/members`);
  await home.page.getByText(de.leave).waitFor();
  await assertFits(t, home, 'German members');
  await home.go('#/settings');
  await home.page.getByText(de.deleteAccount).waitFor();
  await assertFits(t, home, 'German settings');
});

webTest('nothing moves under the reader while a chat is loaded', async (t, stage) => {
  const { alice, chat } = await startHike(stage);
  for (const options of [desktop, phone]) {
    const visitor = await stage.visitorAs(alice, options);
    await visitor.go(`#${chat.replace('/api', '')}`);
    await visitor.page.reload();
    await visitor.message('Two hours').locator('.quote').getByText('Alice').waitFor();
    await visitor.lineIsOpen();
    const shift = await visitor.page.evaluate(layoutShift);
    t.ok(shift < 0.1, `cumulative layout shift ${shift.toFixed(3)}, good is under 0.1`);
  }
});

/** How much has moved since the page was opened: https://web.dev/articles/cls. */
function layoutShift(): Promise<number> {
  return new Promise((resolve) => {
    new PerformanceObserver((list) => {
      const shifts = list.getEntries() as (PerformanceEntry & { value: number })[];
      resolve(shifts.reduce((sum, { value }) => sum + value, 0));
    }).observe({ type: 'layout-shift', buffered: true });
    // Without any shift nobody is called.
    setTimeout(() => resolve(0), 100);
  });
}

/** Nothing serious, by the rules of axe-core. */
async function assertAccessible(t: Test, { page }: Visitor, name: string): Promise<void> {
  const { violations } = await new AxeBuilder({ page })
    .setLegacyMode()
    .options({ resultTypes: ['violations'] })
    .analyze();
  const serious = violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
  t.strictSame(serious, [], name);
}

/** Nothing sticks out to the side. */
async function assertFits(t: Test, { page }: Visitor, name: string): Promise<void> {
  const wide = await page.evaluate(() => {
    const boxes = [
      document.documentElement,
      ...document.querySelectorAll('.scroll, .timeline, .chats'),
    ];
    return boxes
      .filter((box) => box.scrollWidth > box.clientWidth && box.clientWidth > 0)
      .map((box) => `${box.tagName} ${box.className}`);
  });
  t.strictSame(wide, [], `${name} is as wide as its window`);
}

webTest('the keyboard alone suffices', async (t, stage) => {
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
  t.equal(await nameInFocus(visitor), en.react, 'back where one was');
  await tabTo(visitor, en.reply);
  await keyboard.press('Enter');
  await visitor.page.getByText(en.replyTo('Bob')).waitFor();
  t.equal(await nameInFocus(visitor), en.writeMessage('Sunday hike'));
  await keyboard.type('And answered');
  await keyboard.press('Enter');
  await visitor.message('And answered').locator('.quote').waitFor();
});

webTest('what is typed right after Ctrl+K goes into its window', async (t, stage) => {
  const { alice } = await startHike(stage);
  const visitor = await stage.visitorAs(alice, desktop);
  await visitor.page.locator('.chat').first().waitFor();
  t.equal(await visitor.page.evaluate(openSwitcher), en.switchTo);
});

/** Presses Ctrl+K; says what has the focus by the next task, which is when the next key comes. */
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

webTest('it can be installed, and opens by its icon', async (t, stage) => {
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

webTest('times are in the reader’s own zone', async (t, stage) => {
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

/** What has the focus, by its name. */
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

/** What may be loaded before anything is seen, in bytes of gzipped JavaScript. */
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

/** A script and what it cannot do without; what it loads later does not count. */
function addImports(files: Set<string>, file: string): void {
  if (files.has(file)) return;
  files.add(file);
  const source = readFileSync(file, 'utf8');
  for (const [, name] of source.matchAll(/\b(?:from|import)\s*"(\.[^"]+)"/g)) {
    addImports(files, join(file, '..', String(name)));
  }
}
