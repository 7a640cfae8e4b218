/**
 * Every control of every screen, found on the page itself, is pressed offline and while the
 * server refuses: it does what needs no server, or a sentence says what failed.
 */
import type { Locator } from 'playwright-core';
import type { Test } from 'tap';
import { en } from '../../src/web/texts/en.ts';
import {
  post,
  refusal,
  type Stage,
  startChat,
  startTalk,
  type Visitor,
  webTest,
} from '../helpers/browser.ts';
import { RemotePerson } from '../helpers/server.ts';
import { password } from '../helpers/world.ts';

/** A screen: how to open it, and the part of the page with its own controls. */
interface Scene {
  readonly name: string;
  readonly within: string;
  readonly open: () => Promise<unknown>;
}

const controls =
  ':is(button:enabled, [role=button], [role=option], [role=menuitem], summary, a[href], input[type=checkbox]:enabled):visible';

const busy = 'The server is busy. Try again in a moment.';

/** A press has its effect within this many checks of the page, at least 20 ms apart. */
const maxChecks = 500;

/** A press that needs no effect is over after this many checks. */
const maxIdleChecks = 15;

type Server = 'well' | 'offline' | 'refusing';

/** Presses controls of the page, and records what the page has requested since. */
class Presser {
  readonly #t: Test;
  readonly #visitor: Visitor;
  readonly #problems: string[];
  readonly #pressed: Set<string>;
  /** The names of the controls of each screen. */
  readonly listed = new Map<string, readonly string[]>();
  #server: Server = 'well';
  /** The requests of the page since the last press, without its automatic reports. */
  #asked: string[] = [];
  /** The state of the page before the last press. */
  #before = '';

  /** @param done controls that need not be pressed, from `pressed` of another presser. */
  constructor(t: Test, { problems }: Stage, visitor: Visitor, done: readonly string[] = []) {
    this.#pressed = new Set(done);
    this.#t = t;
    this.#visitor = visitor;
    this.#problems = problems;
    visitor.page.on('request', (request) => {
      const { pathname } = new URL(request.url());
      const isOwn = !/^\/api\/(?!events)/.test(pathname) || /\/(read|typing)$/.test(pathname);
      if (!isOwn) this.#asked.push(`${request.method()} ${pathname}`);
    });
  }

  get pressed(): readonly string[] {
    return [...this.#pressed];
  }

  async start(): Promise<void> {
    await this.#visitor.page.context().route('**/api/**', (route) => {
      if (this.#server === 'offline') return route.abort('internetdisconnected');
      // Nothing is ever written, because the outbox retries once the server works again.
      const isRefused = this.#server === 'refusing' || route.request().method() !== 'GET';
      if (!isRefused) return route.continue();
      return route.fulfill({
        status: 503,
        headers: { 'error-code': 'busy' },
        json: { error: busy },
      });
    });
  }

  /** Presses each control of a screen, and of each dialog that one of them opens. */
  async pressAll(scene: Scene): Promise<void> {
    await scene.open();
    await this.#pressListed(scene);
  }

  async #pressListed(scene: Scene): Promise<void> {
    const names = await this.#names(scene);
    this.listed.set(scene.name, names);
    for (const name of names) {
      const title = `${name} at ${scene.name}`;
      if (name === '' || this.#pressed.has(title)) continue;
      this.#pressed.add(title);
      this.#t.comment(title);
      const outcome = await this.#press(scene, name, 'offline');
      if (outcome === 'asked') await this.#press(scene, name, 'refusing');
      if (outcome === 'window') await this.pressAll(this.#windowOf(scene, name));
    }
  }

  /** The same, and checks first that each control is where it can be pressed. */
  async reachAndPressAll(scene: Scene): Promise<void> {
    await scene.open();
    await this.#names(scene);
    const hidden = await this.#controls(scene).evaluateAll(outOfReach);
    this.#t.strictSame(hidden, [], `${scene.name}: each control can be reached`);
    await this.#pressListed(scene);
  }

  /** The dialog that a control opens. */
  #windowOf(scene: Scene, name: string): Scene {
    const open = async () => {
      await scene.open();
      await (await this.#find(scene, name)).click();
      await this.#visitor.page.locator('dialog').waitFor();
    };
    return { name: `${name} at ${scene.name}`, within: 'dialog', open };
  }

  /** The names of the controls, once all parts of a screen that load automatically are there. */
  async #names(scene: Scene): Promise<string[]> {
    for (let before = ''; ; ) {
      const names = await this.#controls(scene).evaluateAll(nameControls);
      if (names.join('\n') === before) return names;
      before = names.join('\n');
      await this.#visitor.page.waitForTimeout(150);
    }
  }

  /** A control by its name, which it keeps while others appear before it as the screen loads. */
  async #find(scene: Scene, name: string): Promise<Locator> {
    for (let i = 0; i < maxChecks; i++) {
      const names = await this.#controls(scene).evaluateAll(nameControls);
      const at = names.indexOf(name);
      if (at >= 0 && (await this.#controls(scene).evaluateAll(mark, { at, count: names.length }))) {
        return this.#visitor.page.locator(`[${marked}]`);
      }
      await this.#visitor.page.waitForTimeout(20);
    }
    throw new Error(`${name} is no longer at ${scene.name}`);
  }

  #controls({ within }: Scene): Locator {
    return this.#visitor.page.locator(within).locator(controls);
  }

  async #press(scene: Scene, name: string, server: Server) {
    const { page } = this.#visitor;
    const title = `${name} at ${scene.name}`;
    // What failed offline is tried again on the same page, as people do.
    const isOpen = server === 'refusing' && (await page.evaluate(pageState)) === this.#before;
    if (!isOpen) await scene.open();
    const control = await this.#find(scene, name);
    await fillIn(control.locator('xpath=ancestor::form'));
    // Shows a control that is visible only with the focus.
    await control.focus();
    const isIdle = await control.evaluate(isWhereItLeads);
    const windows = await page.locator('dialog').count();
    await this.become(server);
    const before = await page.evaluate(pageState);
    const sentence = page.getByRole('alert').or(page.locator('.draft')).filter({ visible: true });
    const said = await sentence.count();
    this.#asked = [];
    await control.click();
    const hasActed = async () =>
      (await page.evaluate(pageState)) !== before ||
      (await sentence.count()) !== said ||
      (await page.locator('dialog').count()) !== windows;
    for (let i = 0; this.#asked.length === 0 && !(await hasActed()); i++) {
      // A press that leads nowhere else may still send a request: the server must still fail then.
      if (isIdle && i === maxIdleChecks) break;
      if (i === maxChecks) throw new Error(`${title} does nothing, ${server}`);
      await page.waitForTimeout(20);
    }
    const isWrite = () => this.#asked.some((request) => /^(?!GET)|logout$/.test(request));
    if (isWrite() || (this.#asked.length > 0 && server === 'refusing')) {
      const of503 = page.getByRole('alert').filter({ hasText: busy }).or(page.locator('.draft'));
      await (server === 'refusing' ? of503 : sentence).first().waitFor();
      // The written message is shown as being sent.
      const isDraft = (await page.locator('.draft').count()) > 0;
      if (isWrite() && !isDraft) {
        this.#t.equal(await page.evaluate(pageState), before, `${title}: nothing done`);
      }
    }
    this.#t.strictSame(this.#problems, [], `${title}, ${server}`);
    const hasOpened = (await page.locator('dialog').count()) > windows;
    const outcome = this.#asked.length > 0 ? 'asked' : hasOpened ? 'window' : 'local';
    await this.become('well');
    return outcome;
  }

  async become(server: Server): Promise<void> {
    this.#server = server;
    await this.#visitor.page.context().setOffline(server === 'offline');
  }
}

/** Marks the control that is pressed. */
const marked = 'data-pressed';

/** Runs in the page: marks a control, unless the number of controls has changed. */
function mark(
  found: (Element | SVGElement)[],
  { at, count }: { at: number; count: number },
): boolean {
  for (const before of document.querySelectorAll('[data-pressed]')) {
    before.removeAttribute('data-pressed');
  }
  if (found.length === count) found[at]?.setAttribute('data-pressed', '');
  return found.length === count;
}

/** Runs in the page: the names of controls; empty for those that need not be pressed. */
function nameControls(found: (Element | SVGElement)[]): string[] {
  return found.map((control) => {
    const isElsewhere =
      control instanceof HTMLAnchorElement && control.origin !== window.location.origin;
    const grid = control.closest('.emoji-grid');
    const isOneOfMany = grid !== null && [...grid.children].indexOf(control) > 0;
    if (isElsewhere || isOneOfMany) return '';
    const group = control.closest('fieldset')?.querySelector('legend')?.textContent;
    const text = control.textContent || control.closest('label')?.textContent;
    const name = control.getAttribute('aria-label') || text || control.outerHTML;
    return group ? `${group}: ${name}` : name;
  });
}

/** Runs in the page: the controls that are beyond the side or under something else. */
function outOfReach(found: (Element | SVGElement)[]): string[] {
  return found.flatMap((control) => {
    // Shows a control that is visible only with the focus.
    if (control instanceof HTMLElement) control.focus();
    control.scrollIntoView({ block: 'center', behavior: 'instant' });
    const { x = 0, y = 0, width = 0, height = 0 } = control.getClientRects()[0] ?? {};
    const hit = document.elementFromPoint(x + width / 2, y + height / 2);
    const isHit = (control.closest('label') ?? control).contains(hit);
    return isHit && !hasMovedAside(control) ? [] : [control.outerHTML];
  });

  function hasMovedAside({ parentElement: box }: Element): boolean {
    return box !== null && (box.scrollLeft !== 0 || hasMovedAside(box));
  }
}

/** Runs in the page: whether a press changes nothing, because it leads to the current state. */
function isWhereItLeads(control: Element | SVGElement): boolean {
  const isHere =
    control instanceof HTMLAnchorElement && control.href === window.location.href.replace(/#$/, '');
  const isSelf =
    control.hasAttribute('aria-pressed') && control.getAttribute('aria-pressed') === 'true';
  return isHere || isSelf;
}

/** Runs in the page: everything that a press could change, except the error messages. */
function pageState(): string {
  const copy = document.body.cloneNode(true) as HTMLElement;
  for (const said of copy.querySelectorAll('[role=alert], .line, .draft, .tools, .typing')) {
    said.remove();
  }
  const inputs = [...document.querySelectorAll<HTMLInputElement>('input:not(.emoji *), textarea')];
  return JSON.stringify([
    location.hash,
    document.activeElement?.id === 'main',
    copy.textContent,
    ...['aria-pressed', 'aria-expanded', 'data-target'].map((name) =>
      [...copy.querySelectorAll(`[${name}]`)].map((element) => element.getAttribute(name)),
    ),
    inputs.map(({ type, checked, value }) => (type === 'checkbox' ? checked : value)),
  ]);
}

/** Fills each required field. */
async function fillIn(form: Locator): Promise<void> {
  for (const input of await form.locator('input[required]').all()) {
    if ((await input.inputValue()) === '') await input.fill('long.enough@password');
  }
}

/** Controls that are pressed again on a narrow page, where they are closer to others. */
const pressedOnBoth = [
  ...[`${en.more} at the directory`, `${en.more} at the search`],
  ...[`${en.makeOwner} at the members`, `${en.removeMember} at the members`],
];

webTest('every button does what it can, or says what failed', async (t, stage) => {
  stage.expect(/ERR_INTERNET_DISCONNECTED|ERR_FAILED|status of (503|403)/);
  const { alice, bob, chat } = await startTalk(stage);
  await post(alice, chat, 'higher than the window\n'.repeat(60));
  const own = await post(alice, chat, 'a message\n```\nwith code\n```');
  await post(bob, chat, 'of bob', { reply_to: String(own) });
  await post(alice, chat, 'the last');
  await alice.send('PUT', `${chat}/messages/${own}/reactions/%F0%9F%91%8D`, {});
  await bob.send('PUT', `${chat}/messages/${own}/reactions/%F0%9F%8E%89`, {});
  await bob.send('POST', '/api/chats', { title: 'Open house', open: '1' });
  await startChat(alice, 'Elsewhere');
  const invited = await bob.send('POST', '/api/chats', { title: 'By invitation' });
  const invite = await bob.send('POST', `${invited.headers.get('location')}/invites`, {});
  const code = String(invite.headers.get('location')).split('/').at(-1) ?? '';
  await alice.send('POST', `${chat}/invites`, {});
  // On a second device, which she can sign out.
  await new RemotePerson(alice.url).send('POST', '/api/login', { name: 'alice', password });
  const paths = ['/api/chats', chat, `${chat}/members`, `${chat}/invites`, '/api/sessions'];
  const onServer = () => Promise.all(paths.map(async (path) => (await alice.get(path)).text()));
  const visitor = await stage.visitorAs(alice, { serviceWorkers: 'block' });
  const before = (await onServer()).slice(0, 4);

  const presser = new Presser(t, stage, visitor);
  await presser.start();
  for (const scene of scenes(visitor, presser, chat, code)) await presser.pressAll(scene);
  const viewport = { width: 390, height: 780 };
  const onPhone = await stage.visitorAs(alice, { viewport, serviceWorkers: 'block' });
  const done = presser.pressed.filter((title) => !pressedOnBoth.includes(title));
  const phone = new Presser(t, stage, onPhone, done);
  await phone.start();
  for (const scene of scenes(onPhone, phone, chat, code)) {
    await phone.reachAndPressAll(scene);
    const [narrow, wide] = [phone, presser].map(({ listed }) =>
      listed.get(scene.name)?.filter((name) => name !== '' && name !== en.back),
    );
    t.strictSame(narrow, wide, `${scene.name}: a narrow page has the same controls, and Back`);
  }
  for (const title of [`${en.back} at a chat`, ...pressedOnBoth]) {
    t.ok(phone.pressed.includes(title), `${title}, on a narrow page`);
  }
  t.strictSame((await onServer()).slice(0, 4), before, 'the data on the server is unchanged');
  const ofMessages = [en.react, en.reply, en.edit, en.delete, en.copy, en.jumpToNewest];
  const ofMembers = [en.removeMember, en.makeOwner, en.revoke, en.leave, en.rename, en.add];
  const levels = [en.notifyAll, en.notifyMentions, en.notifyNothing];
  const ofAccount = [en.signOut, en.deleteAccount, en.endSession, en.endOthers, en.changePassword];
  for (const name of [
    ...[en.newChat, en.join, `${en.more} at the directory`, `${en.more} at the search`],
    ...[...ofMessages, ...ofMembers, ...ofAccount],
    ...levels.map((level) => `${en.notifications}: ${level}`),
  ]) {
    t.ok(
      presser.pressed.some((title) =>
        `${title} `.startsWith(name.includes(' at ') ? name : `${name} at `),
      ),
      `${name} is among the ${presser.pressed.length}`,
    );
  }
});

/** Every screen of a signed-in user. */
function scenes(visitor: Visitor, presser: Presser, chat: string, code: string): Scene[] {
  const { page } = visitor;
  const place = chat.replace('/api', '');
  const at = (hash: string, ready: string) => async () => {
    await page.evaluate((hash) => {
      localStorage.clear();
      history.replaceState(null, '', hash);
    }, `#${hash}`);
    await page.reload();
    await page.locator(ready).first().waitFor();
    await page.locator('.chat').first().waitFor({ state: 'attached' });
    await visitor.streamIsOpen();
  };
  /** The same, for screens whose list has a second page. */
  const longer = (hash: string, ready: string, list: RegExp, next: string) => async () => {
    await page.route(list, async (route) => {
      const response = await route.fetch();
      const headers = { ...response.headers(), link: `<${next}>; rel="next"` };
      await route.fulfill({ response, headers });
    });
    await at(hash, ready)();
    await page.unroute(list);
  };
  const scrolledUp = async () => {
    await inChat();
    await page.locator('.timeline').evaluate((box) => box.scrollTo(0, 0));
    await page.locator('.to-newest').waitFor();
  };
  const inChat = async () => {
    await at(place, '.quote a')();
    await visitor.composer.fill('something to send');
    await visitor.message('the last').hover();
  };
  const editing = async () => {
    await inChat();
    await visitor.use(en.edit, 'the last');
    await visitor.composer.fill('changed');
  };
  const refused = async () => {
    await inChat();
    await page.route(`**${chat}`, (route) => route.fulfill(refusal('You are not in this chat.')));
    await visitor.say('not taken');
    await page.getByText(en.discard).waitFor();
    await page.unroute(`**${chat}`);
  };
  const failed = async () => {
    await at('/settings', '.people li')();
    await presser.become('refusing');
    await visitor.button(en.signOut).click();
    await page.locator('.failure').waitFor();
    await presser.become('well');
  };
  const switching = async () => {
    await at('/', '.chat')();
    await page.keyboard.press('Control+k');
    await page.locator('dialog').waitFor();
  };
  const reacting = async () => {
    await inChat();
    await visitor.use(en.react, 'the last');
    await page.locator('.emoji-grid button').first().waitFor();
  };
  const theirs = async () => {
    await inChat();
    await visitor.message('of bob').hover();
  };
  return [
    { name: 'the start', within: '.home', open: at('/', '.chat') },
    { name: 'a chat', within: 'main', open: inChat },
    { name: 'a chat scrolled up', within: '.to-newest', open: scrolledUp },
    { name: 'a message of another', within: '.message:has-text("of bob")', open: theirs },
    { name: 'the emoji', within: 'dialog', open: reacting },
    { name: 'an edit', within: '.composer', open: editing },
    { name: 'a refused draft', within: '.draft', open: refused },
    { name: 'the members', within: 'main', open: at(`${place}/members`, '.invites li') },
    { name: 'the settings', within: 'main', open: at('/settings', '.people li') },
    {
      name: 'the directory',
      within: 'main',
      open: longer('/directory', '.people li', /directory$/, '/api/directory?before=9'),
    },
    {
      name: 'the search',
      within: 'main',
      open: longer('/search/message', '.hit', /q=message$/, '/api/search?q=message&before=9'),
    },
    { name: 'an invite', within: 'main', open: at(`/invite/${code}`, 'main form') },
    { name: 'a failure', within: '.failure', open: failed },
    { name: 'the switcher', within: 'dialog', open: switching },
  ];
}

webTest('before signing in every button works too, or says what failed', async (t, stage) => {
  stage.expect(/ERR_INTERNET_DISCONNECTED|ERR_FAILED|status of 503/);
  await stage.person('alice');
  const visitor = await stage.visitor({ serviceWorkers: 'block' });
  const presser = new Presser(t, stage, visitor);
  await presser.start();
  const openSignIn = async () => {
    await visitor.page.reload();
    await visitor.button(en.signIn).waitFor();
  };
  const fresh = async () => {
    await openSignIn();
    await visitor.button(en.newHere).click();
    await visitor.button(en.register).waitFor();
  };
  await presser.pressAll({ name: 'signing in', within: 'main', open: openSignIn });
  await presser.pressAll({ name: 'registering', within: 'main', open: fresh });
  t.equal(presser.pressed.length, 4);
});
