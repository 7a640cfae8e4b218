/** Another site's page can do nothing to a signed-in user. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page, Response } from 'playwright-core';
import type { Test } from 'tap';
import { post, type Stage, startTalk, webTest } from '../helpers/browser.ts';
import type { RemotePerson } from '../helpers/server.ts';
import { password } from '../helpers/world.ts';

/** Serves one page on another site: localhost is not 127.0.0.1. */
async function serveEvil(t: Test): Promise<{ url: string; show(html: string): void }> {
  let page = '';
  const server = createServer((_, response) => {
    response.setHeader('content-type', 'text/html').end(`<!doctype html><body>${page}`);
  });
  server.listen(0, 'localhost');
  await once(server, 'listening');
  t.teardown(() => server.close());
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://localhost:${port}/`,
    show(html) {
      page = html;
    },
  };
}

/** A signed-in victim in one tab, and the attacker's page in another tab of the same browser. */
async function lure(t: Test, stage: Stage) {
  // The attacker's page is of another origin, and the browser logs what it refuses.
  stage.expect(
    /^asked http:\/\/localhost|Failed to load resource|Refused to|CORS|blocked|violates/,
  );
  const { alice, bob, chat } = await startTalk(stage);
  await post(bob, chat, 'our secret');
  const victim = await stage.visitorAs(alice);
  await victim.openChat('Sunday hike');
  const evil = await serveEvil(t);
  const trap = await victim.page.context().newPage();
  const attack = async (html: string): Promise<Page> => {
    evil.show(html);
    await trap.goto(evil.url);
    return trap;
  };
  return { alice, bob, chat, victim, attack, evil };
}

/** A form that submits itself. */
const form = (action: string, fields: Record<string, string>, type: string) => `
  <form method="post" action="${action}" enctype="${type}">
    ${Object.entries(fields).map(([name, value]) => `<input name="${name}" value="${value}">`)}
  </form><script>document.forms[0].submit()</script>`;

const types = ['application/x-www-form-urlencoded', 'multipart/form-data', 'text/plain'];

webTest('another site can neither write nor sign out', async (t, stage) => {
  const { alice, chat, victim, attack } = await lure(t, stage);
  const before = await stateOf(alice, chat);
  const { url } = stage.server;

  await t.test('C1, C2, C7: forms of every kind', async (t) => {
    const targets: Record<string, Record<string, string>> = {
      '/api/chats': { title: 'Owned' },
      [chat]: { content: 'Owned', _method: 'DELETE' },
      [`${chat}/members`]: { name: 'bob' },
      [`${chat}/invites`]: { max_uses: '1' },
      [`${chat}/typing`]: {},
      // C7: signed in as another user, the victim would write into the attacker's account.
      '/api/login': { name: 'bob', password },
    };
    for (const [path, fields] of Object.entries(targets)) {
      for (const type of types) {
        const answered = victim.page.context().waitForEvent('response', isToForm(url + path));
        const page = await attack(form(url + path, fields, type));
        t.equal((await answered).status(), 403, `${type} to ${path}`);
        await page.waitForURL(url + path);
      }
    }
  });

  await t.test('C3: headers that only our page may add are never sent', async (t) => {
    const page = await attack('');
    const sent = await page.evaluate(async (address) => {
      const headers = { 'x-requested-with': 'Snug' };
      const body = new URLSearchParams({ title: 'Owned' });
      const init = { method: 'POST', headers, body, credentials: 'include' } as const;
      return fetch(address, init).then(({ type }) => type, String);
    }, `${url}/api/chats`);
    t.match(sent, /Failed to fetch/, 'the preflight gets no permission');
    await stage.server.wrote(/"method":"OPTIONS"/);
  });

  await t.test('C6: pictures, links and prefetching do not sign out', async (t) => {
    const out = `${url}/api/logout`;
    const ways = [
      `<img src="${out}">`,
      `<link rel="prefetch" href="${out}">`,
      `<iframe src="${out}"></iframe>`,
      `<a href="${out}">x</a><script>document.links[0].click()</script>`,
      `<script>fetch('${out}', { credentials: 'include', mode: 'no-cors' }).catch(() => 0)</script>`,
    ];
    for (const [index, html] of ways.entries()) {
      await attack(html);
      await stage.server.wrote(new RegExp(`("route":"/api/logout"[^]*){${index + 1}}`));
    }
    t.notMatch(stage.server.output(), /"route":"\/api\/logout"[^\n]*"status":200/);
    t.equal((await alice.get('/api/session')).status, 200);
  });

  await t.test('C9, C10: nothing can be read, by fetch or by stream', async (t) => {
    const page = await attack('');
    const read = await page.evaluate(async (base) => {
      const tries = ['/api/chats', '/api/session', '/api/events'].map((path) =>
        fetch(base + path, { credentials: 'include' }).then(
          (response) => response.text(),
          () => 'refused',
        ),
      );
      const stream = new Promise((resolve) => {
        const source = new EventSource(`${base}/api/events`, { withCredentials: true });
        source.onopen = () => resolve('opened');
        source.onerror = () => resolve('refused');
      });
      return Promise.all([...tries, stream]);
    }, url);
    t.strictSame(read, ['refused', 'refused', 'refused', 'refused']);
  });

  t.strictSame(await stateOf(alice, chat), before, 'nothing has changed');
  await victim.say('I am still here');
  await victim.message('I am still here').waitFor();
});

webTest('the server refuses requests in any form that it does not use itself', async (t, stage) => {
  const { alice, chat } = await startTalk(stage);
  const { url } = stage.server;
  const send = (path: string, init: RequestInit & { headers?: Record<string, string> }) =>
    fetch(url + path, { ...init, headers: { cookie: alice.cookie, ...init.headers } });

  await t.test('C2: bodies that a form of another site can send', async (t) => {
    for (const type of ['text/plain', 'multipart/form-data; boundary=x']) {
      const answer = await send(chat, {
        method: 'POST',
        headers: { 'content-type': type },
        body: 'content=Owned',
      });
      t.equal(answer.status, 400, type);
    }
  });

  await t.test('C5: a client without a browser’s headers is served', async (t) => {
    t.equal((await alice.send('POST', chat, { content: 'by curl' })).status, 201);
  });

  await t.test('C6: HEAD signs nobody out', async (t) => {
    t.equal((await send('/api/logout', { method: 'HEAD' })).status, 404);
    t.equal((await alice.get('/api/session')).status, 200);
  });

  await t.test('C8: a method cannot be overridden', async (t) => {
    const answer = await send(chat, {
      method: 'POST',
      headers: { 'x-http-method-override': 'DELETE', 'content-type': types[0] ?? '' },
      body: '_method=DELETE&content=still+a+message',
    });
    t.equal(answer.status, 201);
    t.match(await stateOf(alice, chat), { messages: ['by curl', 'still a message'] });
  });

  await t.test('C9: no origin is allowed anything', async (t) => {
    for (const method of ['GET', 'OPTIONS']) {
      const answer = await send('/api/chats', {
        method,
        headers: { origin: 'https://example.org', 'access-control-request-method': 'PUT' },
      });
      t.equal(answer.status, method === 'GET' ? 200 : 404);
      const allowed = [...answer.headers.keys()].filter((name) =>
        name.startsWith('access-control'),
      );
      t.strictSame(allowed, []);
    }
  });
});

webTest('the page is isolated from other sites', async (t, stage) => {
  const { bob, chat, victim, attack, evil } = await lure(t, stage);
  const { url } = stage.server;

  await t.test('C17: the policy forbids what an injected text would need', async (t) => {
    const { headers } = await fetch(url);
    const policy = headers.get('content-security-policy') ?? '';
    t.match(policy, /^default-src 'none';/);
    t.notMatch(policy, /unsafe|\*|data:|https?:/);
    for (const rule of ["base-uri 'none'", "frame-ancestors 'none'", "form-action 'none'"]) {
      t.match(policy, rule);
    }
    const ran = await victim.page.evaluate(() => {
      const script = document.createElement('script');
      script.textContent = 'document.title = "owned"';
      document.body.append(script);
      document.body.insertAdjacentHTML('beforeend', '<p id="styled" style="color: red">x</p>');
      const styled = document.getElementById('styled') as HTMLElement;
      return [document.title, getComputedStyle(styled).color];
    });
    t.not(ran[0], 'owned');
    t.not(ran[1], 'rgb(255, 0, 0)');
  });

  await t.test('C18: an answer of the API does not act as a page', async (t) => {
    const page = await victim.page.context().newPage();
    const answer = await page.goto(`${url}/api/chats`);
    t.equal(answer?.headers()['content-type'], 'application/json');
    await page.close();
  });

  await t.test(
    'C19: it cannot be framed or reached through a window, and sends no referrer',
    async (t) => {
      const page = await attack(`<iframe src="${url}/"></iframe>`);
      await page.waitForLoadState('networkidle');
      t.equal(await page.frames()[1]?.locator('#app').count(), 0, 'not framed');
      const reach = await page.evaluate(async (address) => {
        const other = window.open(address);
        for (let i = 0; i < 100 && other?.closed === false; i++) {
          await new Promise((resolve) => setTimeout(resolve, 20));
        }
        return other?.closed ?? true;
      }, url);
      t.equal(reach, true, 'the opener has no access');
      await post(bob, chat, `look: ${evil.url}`);
      const opened = victim.page.context().waitForEvent('page');
      await victim.message('look:').locator('a').click();
      const outside = await opened;
      await outside.waitForLoadState();
      t.strictSame(await outside.evaluate(() => [document.referrer, window.opener]), ['', null]);
    },
  );
});

/** The answer to a form: the victim's own page may read the same address meanwhile. */
const isToForm = (address: string) => (response: Response) =>
  response.url() === address && response.request().method() === 'POST';

/** The state that an attack would have changed. */
async function stateOf(person: RemotePerson, chat: string) {
  const read = async (path: string) => (await (await person.get(path)).json()) as Listed;
  const { messages = [] } = await read(chat);
  const { chats = [] } = await read('/api/chats');
  const { members = [] } = await read(`${chat}/members`);
  const { invites = [] } = await read(`${chat}/invites`);
  return {
    messages: messages.map((message) => message.content),
    chats: chats.map((each) => each.title),
    members: members.map((member) => member.name),
    invites: invites.length,
  };
}

interface Listed {
  readonly messages?: { content: string }[];
  readonly chats?: { title: string }[];
  readonly members?: { name: string }[];
  readonly invites?: unknown[];
}
