/**
 * How the client looks: every screen in both schemes, wide and narrow, in German. SCREENSHOTS=1
 * also writes pictures of the main screens to docs/screenshots.
 */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { AxeBuilder } from '@axe-core/playwright';
import type { Test } from 'tap';
import { isolated } from '../../src/web/lib/bidi.ts';
import { de } from '../../src/web/texts/de.ts';
import { en } from '../../src/web/texts/en.ts';
import {
  post,
  type Stage,
  startChat,
  startDirect,
  startTalk,
  type Visitor,
  webTest,
} from '../helpers/browser.ts';
import { startHike } from '../helpers/hike.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const pictures = process.env.SCREENSHOTS === '1' ? join(root, 'docs/screenshots') : undefined;

/** A picture of the page for the README, if pictures are wanted. */
async function picture({ page }: Visitor, name: string): Promise<void> {
  if (pictures === undefined) return;
  mkdirSync(pictures, { recursive: true });
  await page.mouse.move(0, 0);
  await page.screenshot({ path: join(pictures, `${name}.png`), animations: 'disabled' });
}

/** Every screen of a signed-in user: how to open it, and an element of it. */
const screens = (
  chat: string,
  { code, dismiss }: Invitation,
): Record<string, (visitor: Visitor) => Promise<void>> => {
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
    invite: async (v) => {
      await v.go(`#/invite/${code}`);
      await v.page.locator('main form').waitFor();
    },
    directory: async (v) => {
      await v.go('#/directory');
      await v.page.locator('.people li').first().waitFor();
    },
    settings: async (v) => {
      await v.go('#/settings');
      await v.page.locator('.people li').first().waitFor();
    },
    'no such chat': async (v) => {
      await v.go('#/chats/999');
      await v.page.locator('.empty[role=alert]').waitFor();
    },
    'members of no such chat': async (v) => {
      await v.go('#/chats/999/members');
      await v.page.locator('.empty[role=alert]').waitFor();
    },
    'a chat that one was removed from': async (v) => {
      await dismiss(v);
      await v.page.locator('.empty[role=alert]').waitFor();
    },
  };
};

/** Dialogs over a screen, closed by Escape. */
const windows: Record<string, (visitor: Visitor) => Promise<void>> = {
  'new chat': (v) => v.page.locator('.sidebar header button').click(),
  'direct chat': async (v) => {
    await v.page.locator('.sidebar header button').click();
    await v.page.locator('dialog .choice button').nth(1).click();
  },
  question: async (v) => {
    await v.go('#/settings');
    await v.page.locator('main button.danger').click();
  },
  switcher: (v) => v.page.keyboard.press('Control+k'),
  emoji: async (v) => {
    await v.openChat('Sunday hike');
    await v.page.locator('.composer button').first().click();
    await v.page.locator('.emoji-grid button').first().waitFor();
  },
};

const desktop = { viewport: { width: 1200, height: 800 } };
const phone = { viewport: { width: 390, height: 780 }, isMobile: true, hasTouch: true };
const smallPhone = { viewport: { width: 320, height: 560 }, isMobile: true, hasTouch: true };

webTest(
  'every screen is accessible, fits its width, and works in both schemes',
  async (t, stage) => {
    stage.expect(/status of 40[34]/);
    const { alice, chat } = await startHike(stage);
    const invitation = await invite(stage);
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
      for (const [screen, show] of Object.entries(screens(chat, invitation))) {
        await show(visitor);
        for (const colorScheme of ['light', 'dark'] as const) {
          const name = `${device} ${colorScheme} ${screen}`;
          await visitor.page.emulateMedia({ colorScheme });
          const picked = shot[name];
          if (picked !== undefined) await picture(visitor, picked);
          await assertAccessible(t, visitor, name, rulesOf[colorScheme]);
        }
        await assertFits(t, visitor, `${device} ${screen}`);
      }
      if (device !== 'small phone') await assertWindows(t, visitor, device);
    }
  },
);

webTest('in German every screen is accessible and fits its width', async (t, stage) => {
  stage.expect(/status of 40[34]/);
  const { alice, chat } = await startHike(stage);
  const invitation = await invite(stage);
  for (const [device, options] of Object.entries({ desktop, 'small phone': smallPhone })) {
    const visitor = await stage.visitorAs(alice, { ...options, locale: 'de-DE' });
    for (const [screen, show] of Object.entries(screens(chat, invitation))) {
      await show(visitor);
      await assertAccessible(t, visitor, `German ${device} ${screen}`);
      await assertFits(t, visitor, `German ${device} ${screen}`);
    }
    await assertWindows(t, visitor, `German ${device}`);
  }
});

interface Invitation {
  /** The code of an invite to a chat that nobody else is in. */
  readonly code: string;
  /** Adds Alice to another chat, and removes her while she looks at it. */
  readonly dismiss: (visitor: Visitor) => Promise<void>;
}

async function invite(stage: Stage): Promise<Invitation> {
  const dora = await stage.person('Dora');
  const made = await dora.send('POST', `${await startChat(dora, 'Choir')}/invites`, {});
  const band = await startChat(dora, 'Band');
  return {
    code: String(made.headers.get('location')).split('/').at(-1) ?? '',
    dismiss: async (visitor) => {
      await visitor.streamIsOpen();
      await dora.send('POST', `${band}/members`, { name: 'Alice' });
      await visitor.go(`#${band.replace('/api', '')}`);
      await visitor.composer.waitFor();
      await dora.send('DELETE', `${band}/members?user_id=1`, {});
      await visitor.composer.waitFor({ state: 'detached' });
    },
  };
}

/** Checks each dialog by all rules. */
async function assertWindows(t: Test, visitor: Visitor, device: string): Promise<void> {
  for (const [name, open] of Object.entries(windows)) {
    await visitor.go('#/');
    await open(visitor);
    await visitor.page.locator('dialog').waitFor();
    await assertAccessible(t, visitor, `${device} ${name}`);
    await visitor.page.keyboard.press('Escape');
    await visitor.page.locator('dialog').waitFor({ state: 'detached' });
  }
}

webTest('the pages before signing in are accessible, in German too', async (t, stage) => {
  const visitor = await stage.visitor({ ...smallPhone, locale: 'de-DE' });
  await visitor.page.getByText(de.firstVisit).waitFor();
  t.notMatch(de.firstVisit, /anmelde/i, 'one registers there');
  t.equal(await visitor.page.locator('html').getAttribute('lang'), 'de');
  for (const colorScheme of ['light', 'dark'] as const) {
    await visitor.page.emulateMedia({ colorScheme });
    await assertAccessible(t, visitor, `register ${colorScheme}`, rulesOf[colorScheme]);
  }
  await assertFits(t, visitor, 'register');
  await visitor.button(de.knownHere).click();
  await visitor.button(de.signIn).waitFor();
  await assertAccessible(t, visitor, 'sign in');
  const alice = await stage.person('alice');
  const chat = await startChat(alice, 'Wanderung');
  const home = await stage.visitorAs(alice, { ...smallPhone, locale: 'de-AT' });
  await home.openChat('Wanderung');
  await home.composer.fill('Hallo');
  await home.button(de.send).click();
  await home.message('Hallo').waitFor();
  await home.page.getByText('Heute').waitFor();
  await home.go(`#${chat.replace('/api', '')}/members`);
  await home.page.getByText(de.leave).waitFor();
  await assertFits(t, home, 'German members');
  await home.go('#/settings');
  await home.page.getByText(de.deleteAccount).waitFor();
  await assertFits(t, home, 'German settings');
});

const settings = [
  [desktop, 'light', 'en-GB', en],
  [smallPhone, 'dark', 'de-DE', de],
] as const;

webTest('a disabled account is marked wherever people are listed', async (t, stage) => {
  const { alice, bob, chat } = await startTalk(stage);
  const direct = await startDirect(alice, 'bob');
  const id = /user_id=(\d+)/.exec(bob.cookie)?.[1];
  const disable = (disabled: string) => alice.send('PUT', `/api/users/${id}`, { disabled });
  await post(alice, direct, 'See you');
  for (const [options, colorScheme, locale, texts] of settings) {
    const visitor = await stage.visitorAs(alice, { ...options, colorScheme, locale });
    const { page } = visitor;
    const assertFine = async (name: string) => {
      await assertFits(t, visitor, name);
      await assertAccessible(t, visitor, name);
    };
    const word = page.getByText(texts.deactivated, { exact: true });
    await visitor.streamIsOpen();
    await page.locator('.chat').first().waitFor();
    t.equal(await word.count(), 0);
    await disable('1');
    await page.locator('.chat', { hasText: 'bob' }).locator(word).waitFor();
    await assertFine('disabled list');
    await visitor.go(`#${direct.replace('/api', '')}`);
    await page.locator('.pane .bar').locator(word).waitFor();
    await page.getByText(texts.partnerDeactivated(isolated('bob'))).waitFor();
    t.equal(await visitor.composer.count(), 0, 'nowhere to write');
    await assertFine('disabled direct');
    await visitor.go(`#${chat.replace('/api', '')}/members`);
    await page.locator('.people li', { hasText: 'bob' }).locator(word).waitFor();
    await assertFine('disabled members');
    await visitor.go(`#${chat.replace('/api', '')}`);
    await visitor.composer.pressSequentially('@');
    t.equal(await page.getByRole('option').count(), 0, 'nobody is offered');
    await disable('0');
    await page.getByRole('option', { name: '@bob' }).waitFor();
    t.equal(await word.count(), 0);
    await visitor.composer.fill('');
    await page.close();
  }
});

webTest('nothing moves under the reader while a chat is loading', async (t, stage) => {
  const { alice, chat } = await startHike(stage);
  for (const options of [desktop, phone]) {
    const visitor = await stage.visitorAs(alice, options);
    await visitor.go(`#${chat.replace('/api', '')}`);
    await visitor.page.reload();
    await visitor.message('Two hours').locator('.quote').getByText('Alice').waitFor();
    await visitor.streamIsOpen();
    const shift = await visitor.page.evaluate(layoutShift);
    t.ok(shift < 0.1, `cumulative layout shift ${shift.toFixed(3)}, good is under 0.1`);
  }
});

/** The layout shift since the page was opened: https://web.dev/articles/cls. */
function layoutShift(): Promise<number> {
  return new Promise((resolve) => {
    new PerformanceObserver((list) => {
      const shifts = list.getEntries() as (PerformanceEntry & { value: number })[];
      resolve(shifts.reduce((sum, { value }) => sum + value, 0));
    }).observe({ type: 'layout-shift', buffered: true });
    // Without any shift the observer is not called.
    setTimeout(() => resolve(0), 100);
  });
}

/** The rules of axe-core for each scheme: all, or those that depend on the scheme. */
const rulesOf = { light: undefined, dark: ['color-contrast'] };

/** Asserts that axe-core finds nothing. */
async function assertAccessible(
  t: Test,
  { page }: Visitor,
  name: string,
  rules?: string[],
): Promise<void> {
  const { violations } = await new AxeBuilder({ page })
    .setLegacyMode()
    .options({ resultTypes: ['violations'], ...(rules && { runOnly: rules }) })
    .analyze();
  const found = violations.map(({ id, nodes }) => `${id}: ${nodes[0]?.html}`);
  t.strictSame(found, [], name);
}

/** Asserts that nothing sticks out to the side. */
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
  t.strictSame(wide, [], `${name} fits its window`);
}
