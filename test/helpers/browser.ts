/** People at real browsers, with the real server. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import {
  type Browser,
  type BrowserContext,
  type BrowserContextOptions,
  chromium,
  type Locator,
  type Page,
} from 'playwright-core';
import tap, { type Test } from 'tap';
import { en } from '../../src/web/texts/en.ts';
import { RemotePerson, type ServerProcess, startServer } from './server.ts';
import { password, tempFolder } from './world.ts';

/** The first of these that exists. The shell is Chromium without windows: 0.6 of the CPU time. */
const executablePath = [
  process.env.CHROME_PATH,
  '/usr/bin/chromium-headless-shell',
  '/usr/bin/chromium',
].find((path) => path !== undefined && existsSync(path));

const args = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  // A name of a home network, which is not as trusted as localhost.
  '--host-resolver-rules=MAP pi.lan 127.0.0.1',
];

/** Longer than anything takes on a busy machine, in ms. */
const actionTimeout = 20_000;

/** The server, and the browsers that use it. */
export interface Stage {
  readonly server: ServerProcess;
  readonly file: string;
  /** Errors of pages or of the policy, and requests to other origins. */
  readonly problems: string[];
  /** Allows errors that belong to the test, such as that of a refused request. */
  expect(complaint: RegExp): void;
  /** Kills the server as a power cut would; it is gone when this resolves. */
  kill(): Promise<void>;
  /** Starts it again at the same address. */
  revive(): Promise<void>;
  /** A new browser: no cookies, no storage. */
  browser(options?: BrowserContextOptions): Promise<BrowserContext>;
  /** A page of the client in a new browser. */
  visitor(options?: BrowserContextOptions): Promise<Visitor>;
  /** Registers a user without the client, who can then act without a page too. */
  person(name: string): Promise<RemotePerson>;
  /** A page of a registered user, signed in. */
  visitorAs(person: RemotePerson, options?: BrowserContextOptions): Promise<Visitor>;
}

type Play = (t: Test, stage: Stage) => Promise<void>;

/** A test in a browser; it also fails if any page has an error or asks another origin. */
export function webTest(name: string, play: Play, env: Record<string, string> = {}): void {
  const skip = executablePath === undefined && 'there is no Chromium; name one in CHROME_PATH';
  tap.test(name, { skip }, async (t) => {
    const stage = await startStage(t, env);
    await play(t, stage);
    t.strictSame(stage.problems, [], 'no error, no request to another origin');
  });
}

let launched: Promise<Browser> | undefined;

/** One browser for a whole file: starting it takes longer than most tests. */
function launch(): Promise<Browser> {
  launched ??= chromium.launch({ executablePath: String(executablePath), args }).then((browser) => {
    tap.teardown(() => browser.close());
    return browser;
  });
  return launched;
}

async function startStage(t: Test, env: Record<string, string>): Promise<Stage> {
  const folder = await tempFolder(t);
  const browser = await launch();
  const file = join(folder, 'snug.db');
  const problems: string[] = [];
  const expected: RegExp[] = [];
  let server = await startServer(t, file, { env });
  const { url } = server;
  const complain = (text: string) => {
    if (!expected.some((pattern) => pattern.test(text))) problems.push(text);
  };

  const openBrowser = async (options: BrowserContextOptions = {}) => {
    const context = await browser.newContext({ locale: 'en-GB', ...options });
    context.setDefaultTimeout(actionTimeout);
    t.teardown(() => context.close());
    watch(context, url, complain);
    return context;
  };
  return {
    file,
    problems,
    get server() {
      return server;
    },
    expect: (complaint) => void expected.push(complaint),
    kill: async () => void (await server.end('SIGKILL')),
    revive: async () => {
      server = await startServer(t, file, { env: { ...env, PORT: new URL(url).port } });
    },
    browser: openBrowser,
    visitor: async (options) => Visitor.open(await openBrowser(options), url),
    person: (name) => new RemotePerson(url).register(name),
    visitorAs: async (person, options) => {
      const context = await openBrowser(options);
      await signIn(context, person, url);
      return Visitor.open(context, url);
    },
  };
}

/** Watches every page of a browser for errors and for requests to other origins. */
function watch(context: BrowserContext, url: string, complain: (text: string) => void): void {
  context.on('console', (message) => {
    if (message.type() === 'error') complain(message.text());
  });
  context.on('weberror', (error) => complain(String(error.error())));
  context.on('request', (request) => {
    if (new URL(request.url()).origin !== url) complain(`asked ${request.url()}`);
  });
}

/** Two people in one chat, and its address. */
export async function startTalk(stage: Stage, title = 'Sunday hike') {
  const [alice, bob] = [await stage.person('alice'), await stage.person('bob')];
  const chat = await startChat(alice, title, 'bob');
  return { alice, bob, chat };
}

/** Makes a chat with these members in it and returns its address. */
export async function startChat(
  owner: RemotePerson,
  title: string,
  ...names: string[]
): Promise<string> {
  const made = await owner.send('POST', '/api/chats', { title });
  const chat = String(made.headers.get('location'));
  for (const name of names) await owner.send('POST', `${chat}/members`, { name });
  return chat;
}

/** Opens the direct chat with somebody and returns its address. */
export async function startDirect(person: RemotePerson, name: string): Promise<string> {
  const opened = await person.send('POST', '/api/chats', { with: name });
  return String(opened.headers.get('location'));
}

/** Sends a message without the client and returns its id. */
export async function post(
  sender: RemotePerson,
  chat: string,
  content: string,
  more: Record<string, string> = {},
): Promise<number> {
  const answer = await sender.send('POST', chat, { content, ...more });
  return Number(answer.headers.get('location')?.split('/').at(-1));
}

/** Gives a browser a user's cookies, for one address of the server. */
export async function signIn(
  context: BrowserContext,
  { cookie }: RemotePerson,
  url: string,
): Promise<void> {
  const cookies = cookie.split('; ').map((pair) => {
    const [name = '', value = ''] = pair.split('=');
    return { name, value, url, sameSite: 'Strict' as const, httpOnly: name === 'token' };
  });
  await context.addCookies(cookies);
}

/** A person at a page, who sees its contents and uses it by its labels. */
export class Visitor {
  readonly page: Page;
  readonly url: string;
  /** The paths that the page has requested, in order. */
  readonly asked: string[] = [];

  constructor(page: Page, url: string) {
    this.page = page;
    this.url = url;
    page.on('request', (request) => void this.asked.push(new URL(request.url()).pathname));
  }

  /** Opens a page of the client, at an address within it. */
  static async open(context: BrowserContext, url: string, path = ''): Promise<Visitor> {
    const visitor = new Visitor(await context.newPage(), url);
    await visitor.go(path);
    return visitor;
  }

  get composer(): Locator {
    return this.page.locator('.composer textarea');
  }

  /** The messages in the timeline that are on the server. */
  get messages(): Locator {
    return this.page.locator('.timeline [data-id] > .message');
  }

  /** The messages shown at once but not yet known to be on the server. */
  get drafts(): Locator {
    return this.page.locator('.timeline .draft');
  }

  /** The message with this text in it. */
  message(text: string): Locator {
    return this.messages.filter({ hasText: text });
  }

  button(name: string): Locator {
    return this.page.getByRole('button', { name, exact: true });
  }

  /** The input whose label starts with this; a hint may follow. */
  field(label: string): Locator {
    return this.page.getByLabel(new RegExp(`^${label}`));
  }

  /** Another tab of the same browser. */
  otherTab(path = ''): Promise<Visitor> {
    return Visitor.open(this.page.context(), this.url, path);
  }

  /** Waits until the stream of events is open. */
  async streamIsOpen(): Promise<void> {
    await this.page.locator('.line[hidden]').waitFor({ state: 'attached' });
  }

  /** Goes to an address within the client. */
  async go(path: string): Promise<void> {
    await this.page.goto(this.url + path);
  }

  /** Fills the fields of the visible form and sends it. */
  async fill(fields: Record<string, string>, submit: string): Promise<void> {
    for (const [label, value] of Object.entries(fields)) {
      await this.field(label).fill(value);
    }
    await this.button(submit).click();
  }

  async register(name: string): Promise<void> {
    const register = this.button(en.register);
    await register.or(this.button(en.newHere)).first().waitFor();
    if (!(await register.isVisible())) await this.button(en.newHere).click();
    await this.fill(
      { [en.name]: name, [en.email]: `${name}@example.org`, [en.password]: password },
      en.register,
    );
    await this.page.getByRole('navigation', { name: en.chats }).waitFor();
  }

  /** Opens a chat from the list. */
  async openChat(title: string): Promise<void> {
    await this.page.locator('.chat', { hasText: title }).click();
    await this.composer.waitFor();
  }

  /** Writes a message and sends it with Enter; it need not have arrived. */
  async say(text: string): Promise<void> {
    await this.composer.fill(text);
    await this.composer.press('Enter');
  }

  /** Points at a message and uses one of its tools. */
  async use(tool: string, message: string): Promise<void> {
    await this.message(message).hover();
    await this.message(message).getByRole('button', { name: tool, exact: true }).click();
  }

  /** Answers the open question with one of its buttons. */
  async answer(button: string): Promise<void> {
    const dialog = this.page.getByRole('dialog');
    await dialog.getByRole('button', { name: button, exact: true }).click();
    await dialog.waitFor({ state: 'detached' });
  }

  /** Waits until the message with this text is visible on the screen. */
  async untilInSight(text: string): Promise<void> {
    await this.message(text).waitFor();
    for (const end = Date.now() + actionTimeout; !(await this.#isInSight(text)); ) {
      if (Date.now() > end) throw new Error(`"${text}" is not in sight`);
      await this.page.waitForTimeout(20);
    }
  }

  async #isInSight(text: string): Promise<boolean> {
    const frame = await this.page.locator('.timeline').boundingBox();
    const box = await this.message(text).boundingBox();
    if (frame === null || box === null) return false;
    return box.y >= frame.y - 1 && box.y + box.height <= frame.y + frame.height + 1;
  }
}

/** The message of a page while its server is gone. */
export const noServer =
  /ERR_CONNECTION_REFUSED|ERR_INTERNET_DISCONNECTED|ERR_INCOMPLETE_CHUNKED|ERR_EMPTY_RESPONSE|ERR_CONNECTION_RESET|ERR_SOCKET/;

/** A refusal of the server for a fulfilled route, with its code. */
export const refusal = (error: string) => ({
  status: 403,
  headers: { 'error-code': 'not_member' },
  json: { error },
});

/** The texts of a chat, as the server has them. */
export async function messagesOf(person: RemotePerson, chat: string): Promise<string[]> {
  const answer = await person.get(`${chat}?limit=200`);
  const { messages } = (await answer.json()) as { messages: { content: string }[] };
  return messages.map((message) => message.content);
}

/** The texts of the open chat, as the page shows them. */
export const shownIn = ({ page }: Visitor) =>
  page.locator('.timeline .message .text').allInnerTexts();
