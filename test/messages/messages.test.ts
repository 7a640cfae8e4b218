import t from 'tap';
import { runMaintenance } from '../../src/jobs/maintenance.ts';
import { done, refused } from '../helpers/answers.ts';
import { randomNumbers, seedOf } from '../helpers/random.ts';
import { allRows, query } from '../helpers/rows.ts';
import { type Answer, type Person, startCast } from '../helpers/world.ts';

const badContent = 'The content must have 1 to 4000 characters and must not be blank.';
const noChat = 'There is no such chat.';
const noMessage = 'There is no such message in this chat.';
const notMember = 'You are not a member of this chat. Ask one of its members to add you.';
const badId = 'The message id must be a whole number of at least 1, in plain digits.';

interface WireMessage {
  content: string;
  id: number;
}

const messagesIn = (answer: Answer): WireMessage[] => answer.body.messages;
const contentsIn = (answer: Answer) => messagesIn(answer).map(({ content }) => content);
const idsIn = (answer: Answer) => messagesIn(answer).map(({ id }) => id);

/** The address in a page's Link header for a direction. */
function link({ headers }: Answer, rel: 'prev' | 'next'): string | undefined {
  const links = String(headers.link ?? '').split(', ');
  return links.map((one) => /^<(.+)>; rel="(.+)"$/.exec(one)).find((one) => one?.[2] === rel)?.[1];
}

/** Sends messages with rising numbers as content; returns their ids. */
async function sendMany(person: Person, chat: string, count: number, from = 1): Promise<number[]> {
  const numbers = Array.from({ length: count }, (_, i) => from + i);
  return Promise.all(numbers.map((number) => person.send(chat, String(number))));
}

const numbers = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, i) => String(from + i));

t.test('messages are read oldest first, byte for byte', async (t) => {
  const { alice, bob, chat, clock } = await startCast(t);
  const answer = await alice.post(chat, { content: 'Nine?' });
  done(t, answer, 201);
  const first = Number(/\/messages\/(\d+)$/.exec(String(answer.headers.location))?.[1]);
  t.equal(answer.headers.location, `${chat}/messages/${first}`);
  clock.now += 1;
  const second = await bob.send(chat, 'Ten!');
  const page = await bob.get(chat);
  t.equal(page.status, 200);
  t.equal(page.headers['content-type'], 'application/json');
  t.equal(
    page.text,
    '{"messages":[' +
      `{"content":"Nine?","id":${first},"sender_id":${alice.id},"time":"2026-11-22T08:35:52.123Z"},` +
      `{"content":"Ten!","id":${second},"sender_id":${bob.id},"time":"2026-11-22T08:35:52.124Z"}]}`,
  );
  t.notOk(page.headers.link, 'no more on either side');
});

t.test('content is stored byte for byte', async (t) => {
  const { alice, chat, file } = await startCast(t);
  const contents = [
    'x',
    '  spaces\tand\nlines\r\n ',
    '\ufeffwith a mark',
    '\u202eturned',
    '👩‍👩‍👧‍👦 🏳️‍🌈',
    'e\u0301 é ﬁ',
    `z${'\u0301'.repeat(1000)}`,
    "' \" ` ;-- ') OR 1=1-- % _ \\ {{7*7}} $(id) ../",
    '<script>alert(1)</script>',
    '\u2028\u2029 data: x',
    '%ED%A0%80 %zz + &',
    'null',
    '\u0001\u001b[31m',
  ];
  for (const content of contents) {
    const id = await alice.send(chat, content);
    t.equal(query(file, 'select content from messages where id = ?', id)[0]?.content, content);
    const json = await alice.request({ method: 'POST', url: chat, payload: { content } });
    done(t, json, 201);
  }
  t.strictSame(
    contentsIn(await alice.get(chat)),
    contents.flatMap((content) => [content, content]),
  );
});

t.test('a page has the same JSON of a message as its own address, byte for byte', async (t) => {
  const { alice, bob, chat, clock } = await startCast(t);
  const controls = Array.from({ length: 31 }, (_, i) => String.fromCharCode(i + 1)).join('');
  const beginning = '},{"content":"","id":7,';
  const odd = [`${controls}\x7f\x80"\\/`, beginning, '\u2028 😀 é', '%s %d ?1 :a', 'last'];
  await alice.get(chat);
  const ids: number[] = [];
  for (const content of odd) {
    clock.now += 86_399_987;
    ids.push(await alice.send(chat, content));
  }
  const at = (index: number) => `${chat}/messages/${ids[index]}`;
  done(t, await bob.post(chat, { content: 'To that', reply_to: String(ids[1]) }), 201);
  const grown = await bob.get(chat);
  const whole = async () => {
    const found = await bob.get(`${chat}?limit=51`);
    const each = idsIn(found).map((id) => bob.get(`${chat}/messages/${id}`));
    const texts = (await Promise.all(each)).map(({ text }) => text.slice('{"message":'.length, -1));
    t.equal(found.text, `{"messages":[${texts.join()}]}`);
    return found.text;
  };
  t.equal(grown.text, await whole());
  done(t, await alice.put(at(1), { content: `${beginning}${controls}` }));
  for (const emoji of ['👍', '❤️', '👩‍👩‍👧‍👦']) {
    for (const person of [bob, alice]) {
      await person.put(`${at(2)}/reactions/${encodeURIComponent(emoji)}`, {});
    }
  }
  await bob.put(`${at(0)}/reactions/${encodeURIComponent('🎉')}`, {});
  const changed = await whole();
  t.equal((await bob.get(chat)).text, changed);
  for (const field of ['edited', 'reply_to']) t.ok(changed.includes(`,"${field}":`));
  t.equal(changed.match(/"user_ids":\[\d+,\d+\]/g)?.length, 3);
  for (let i = 0; i < 49; i++) await alice.send(chat, `${beginning}${i}`);
  const newest = await bob.get(chat);
  t.equal(newest.text, (await bob.get(`${chat}?before=999999999999999`)).text);
  t.equal(messagesIn(newest).length, 50);
  t.ok(newest.text.includes('To that'), 'cut where a message starts');
});

t.test('content has up to 4000 code points, and is not blank', async (t) => {
  const { alice, chat, file } = await startCast(t);
  for (const content of ['x'.repeat(3999), 'x'.repeat(4000), '🦆'.repeat(4000)]) {
    t.ok(await alice.send(chat, content));
  }
  const escaped = `{"content":"${'\\ud83e\\udd86'.repeat(4000)}"}`;
  const headers = { 'content-type': 'application/json' };
  done(t, await alice.request({ method: 'POST', url: chat, headers, payload: escaped }), 201);
  const bad = ['', ' ', '\n\t', '\u200b', '\u2800', '\u3164', 'nul\u0000', 'x'.repeat(4001)];
  for (const content of [...bad, '🦆'.repeat(4001), `${' '.repeat(4000)}x`]) {
    refused(t, await alice.post(chat, { content }), 400, badContent);
  }
  for (const half of ['\\ud800', '\\udc00x', '\\udc00\\ud800']) {
    const payload = `{"content":"a${half}"}`;
    const answer = await alice.request({ method: 'POST', url: chat, headers, payload });
    refused(t, answer, 400, badContent, half);
  }
  t.equal(query(file, 'select * from messages').length, 4);
});

t.test('only a member reads and sends', async (t) => {
  const { alice, carol, chat, nobody } = await startCast(t);
  await alice.send(chat, 'for us');
  const before = (await alice.get(chat)).text;
  refused(t, await carol.get(chat), 403, notMember);
  refused(t, await carol.post(chat, { content: 'hi' }), 403, notMember);
  refused(t, await carol.get('/api/chats/999999'), 404, noChat);
  refused(t, await carol.post('/api/chats/999999', { content: 'hi' }), 404, noChat);
  refused(t, await nobody().get(chat), 403, 'You are not signed in. Sign in first.');
  t.equal((await alice.get(chat)).text, before);
});

t.test('users delete only their own messages', async (t) => {
  const { alice, bob, carol, chat, file } = await startCast(t);
  const own = await bob.send(chat, 'mine');
  const hers = await alice.send(chat, 'hers');
  const elsewhere = await bob.createChat('elsewhere');
  const there = await bob.send(elsewhere, 'there');
  const remove = (person: Person, id: number, from = chat) => person.delete(`${from}?id=${id}`);
  const other = 'You can edit and delete only your own messages.';
  const before = query(file, 'select * from messages');
  refused(t, await remove(bob, hers), 403, other);
  refused(t, await remove(alice, own), 403, other);
  refused(t, await remove(carol, own), 403, notMember);
  refused(t, await remove(carol, 999_999), 403, notMember);
  refused(t, await remove(bob, there), 404, noMessage);
  refused(t, await remove(bob, own, elsewhere), 404, noMessage);
  refused(t, await remove(bob, 999_999), 404, noMessage);
  refused(t, await remove(bob, own, '/api/chats/999999'), 404, noChat);
  t.strictSame(query(file, 'select * from messages'), before);
  done(t, await remove(bob, own));
  refused(t, await remove(bob, own), 404, noMessage);
  t.strictSame(contentsIn(await alice.get(chat)), ['hers']);
});

t.test('deleting requires the exact id of the message', async (t) => {
  const { alice, chat, file } = await startCast(t);
  const id = await alice.send(chat, 'stays');
  const queries = ['', '?id=', `?id=${id}&id=${id}`, `?id[]=${id}`, `?id[0]=${id}`, `?ID=${id}`];
  for (const query of [...queries, `?id=${id};id=${id}`, '?id=*', `?id=${id}%20OR%201=1`]) {
    refused(t, await alice.delete(`${chat}${query}`), 400, badId, query);
  }
  refused(t, await alice.form('DELETE', chat, { id: String(id) }), 400, badId);
  t.equal(query(file, 'select * from messages').length, 1);
  done(t, await alice.delete(`${chat}?id=${id}&x=y`));
});

t.test('unknown fields change nothing in a message', async (t) => {
  const { alice, bob, chat, file } = await startCast(t);
  const other = await bob.createChat('other');
  const extras = { id: '1', chat_id: other.split('/').at(-1) ?? '', sender_id: String(bob.id) };
  done(t, await alice.post(chat, { content: 'x', ...extras, time: '1970', user_id: '2' }), 201);
  const [row] = query(file, 'select * from messages');
  t.match(row, { chat_id: Number(chat.split('/').at(-1)), sender_id: alice.id });
  t.strictSame((await bob.get(other)).body, { messages: [] });
});

t.test('a page has the newest 50, or the ones that before, after and limit select', async (t) => {
  const { alice, chat } = await startCast(t);
  const ids = await sendMany(alice, chat, 60);
  const page = async (query: string) => contentsIn(await alice.get(`${chat}${query}`));
  t.strictSame(await page(''), numbers(11, 60));
  t.strictSame(await page('?limit=1'), ['60']);
  t.strictSame(await page('?limit=200'), numbers(1, 60));
  t.strictSame(await page(`?before=${ids[10]}&limit=3`), ['8', '9', '10']);
  t.strictSame(await page(`?after=${ids[9]}&limit=3`), ['11', '12', '13']);
  t.strictSame(await page(`?before=${ids[0]}`), []);
  t.strictSame(await page(`?after=${ids[59]}`), []);
  t.strictSame(await page(`?after=${(ids[0] ?? 0) - 1}`), numbers(1, 50));
  t.strictSame(await page('?before=999999999999999&limit=2'), ['59', '60']);
  t.strictSame(await page('?after=999999999999999'), []);
  t.strictSame(await page('?order=desc&sort=id&offset=5&limit=2'), ['59', '60']);
  const badLimit = 'The limit must be a whole number from 1 to 200.';
  for (const limit of [
    '0',
    '-1',
    '201',
    '1e1',
    '050',
    'abc',
    '',
    '1000000000',
    '1.5',
    '1&limit=2',
  ]) {
    refused(t, await alice.get(`${chat}?limit=${limit}`), 400, badLimit, limit);
  }
});

t.test('ids of another chat or of a deleted message work as cursors', async (t) => {
  const { alice, chat } = await startCast(t);
  const [first = 0, second = 0] = await sendMany(alice, chat, 3);
  const between = await alice.send(await alice.createChat('other'), 'x');
  await sendMany(alice, chat, 2, 4);
  await alice.delete(`${chat}?id=${second}`);
  const page = async (query: string) => contentsIn(await alice.get(`${chat}?${query}`));
  t.strictSame(await page(`after=${between}`), ['4', '5']);
  t.strictSame(await page(`before=${between}`), ['1', '3']);
  t.strictSame(await page(`after=${second}`), ['3', '4', '5']);
  t.strictSame(await page(`before=${second}`), ['1']);
  t.strictSame(await page(`before=${first}`), []);
});

t.test('pages link on only where there may be more messages', async (t) => {
  const { alice, chat } = await startCast(t);
  const ids = await sendMany(alice, chat, 5);
  t.notOk((await alice.get(`${chat}?limit=5`)).headers.link);
  t.equal(
    (await alice.get(`${chat}?limit=4`)).headers.link,
    `<${chat}?before=${ids[1]}&limit=4>; rel="prev"`,
  );
  t.equal(
    (await alice.get(`${chat}?before=${ids[4]}&limit=2`)).headers.link,
    `<${chat}?before=${ids[2]}&limit=2>; rel="prev", <${chat}?after=${ids[3]}&limit=2>; rel="next"`,
  );
  t.equal(
    (await alice.get(`${chat}?after=${ids[2]}&limit=2`)).headers.link,
    `<${chat}?before=${ids[3]}&limit=2>; rel="prev"`,
  );
});

t.test('following the links shows every message once while others are posting', async (t) => {
  const { alice, bob, chat } = await startCast(t);
  const sent = await sendMany(alice, chat, 120);
  const posting = sendMany(bob, chat, 80, 121);
  const newest = await alice.get(`${chat}?limit=17`);
  const seen = [...idsIn(newest), ...(await follow(alice, newest, 'prev'))];
  const later = await posting;
  const newer = await alice.get(`${chat}?after=${Math.max(...seen)}&limit=17`);
  seen.push(...idsIn(newer), ...(await follow(alice, newer, 'next')));
  t.equal(new Set(seen).size, seen.length, 'none twice');
  t.strictSame(seen.sort(byNumber), [...sent, ...later].sort(byNumber), 'none skipped');

  const all = await alice.get(`${chat}?limit=200`);
  t.strictSame(idsIn(all), [...idsIn(all)].sort(byNumber), 'in the order of their ids');
  const first = await alice.get(`${chat}?after=1&limit=13`);
  const upwards = [...idsIn(first), ...(await follow(alice, first, 'next'))];
  t.strictSame(upwards, idsIn(all), 'from the oldest on as well');
});

/** Texts that are long in various ways: in bytes, or as JSON. */
const texts = [
  ...['𝕏'.repeat(4000), `x${'\u0001'.repeat(3999)}`, '"'.repeat(4000), 'ß'.repeat(4000)],
  ...[',{"content":"x","id":7,"sender_id":1}', 'short', `${'\\'.repeat(3990)}]}`],
];

t.test('a page has at most 256 KB, and its links still lead to every message once', async (t) => {
  const { alice, chat } = await startCast(t);
  const random = randomNumbers(seedOf(t));
  const sent: number[] = [];
  const expected = new Map<number, string>();
  const checkPage = (answer: Answer) => {
    const count = idsIn(answer).length;
    t.ok(Buffer.byteLength(answer.text) <= 256 * 1024, `${count} messages`);
    t.ok(count > 0);
    for (const { id, content } of messagesIn(answer)) {
      if (content !== expected.get(id)) t.fail(`${id} is not what was sent`);
    }
  };
  for (let i = 0; i < 130; i++) {
    const text = texts[Math.floor(random() * (i < 60 ? 3 : texts.length))] ?? '';
    const id = await alice.send(chat, text);
    sent.push(id);
    expected.set(id, text);
    // The newest page is cached and updated; it must equal a fresh read.
    const newest = await alice.get(chat);
    if (i % 5 > 0) continue;
    checkPage(newest);
    const read = await alice.get(`${chat}?before=999999999999999&limit=50`);
    t.equal(read.text, newest.text);
    t.equal(link(newest, 'prev'), link(read, 'prev'));
  }
  for (const limit of [200, 50, 3]) {
    for (const [from, rel] of [
      ['before=999999999999999', 'prev'],
      ['after=1', 'next'],
    ] as const) {
      const seen: number[] = [];
      let url: string | undefined = `${chat}?${from}&limit=${limit}`;
      while (url !== undefined) {
        const answer = await alice.get(url);
        checkPage(answer);
        t.ok(idsIn(answer).length <= limit);
        if (rel === 'prev') seen.unshift(...idsIn(answer));
        else seen.push(...idsIn(answer));
        url = link(answer, rel);
      }
      t.strictSame(seen, sent, `${limit} ${rel}`);
    }
  }
});

t.test('simultaneous posts are all stored, each under an id of its own', async (t) => {
  const { alice, bob, chat, file } = await startCast(t);
  const ids = (await Promise.all([sendMany(alice, chat, 50), sendMany(bob, chat, 50)])).flat();
  t.equal(new Set(ids).size, 100);
  t.strictSame(idsIn(await alice.get(`${chat}?limit=100`)), [...ids].sort(byNumber));
  t.equal(await lastShown(alice), contentsIn(await alice.get(`${chat}?limit=1`))[0]);
  t.equal(query(file, "select * from events where type = 'message'").length, 100);
});

t.test('deleting one message many times at once deletes it once', async (t) => {
  const { alice, chat, file } = await startCast(t);
  await alice.send(chat, 'before');
  const id = await alice.send(chat, 'gone');
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => alice.delete(`${chat}?id=${id}`)),
  );
  t.strictSame(answers.map(({ status }) => status).sort(), [200, 404, 404, 404, 404]);
  t.equal(await lastShown(alice), 'before');
  t.equal(query(file, "select * from events where type = 'message.deleted'").length, 1);
});

t.test('the text of a deleted message is in no row', async (t) => {
  const { alice, chat, file } = await startCast(t);
  const id = await alice.send(chat, 'a secret');
  await alice.delete(`${chat}?id=${id}`);
  for (const table of ['chats', 'messages', 'events']) {
    t.notMatch(JSON.stringify(query(file, `select * from ${table}`)), 'a secret');
  }
});

const byNumber = (one: number, other: number) => one - other;

const lastShown = async (person: Person) =>
  (await person.get('/api/chats')).body.chats[0].last_message;

/** The ids on all the pages that follow a page in one direction. */
async function follow(person: Person, page: Answer, rel: 'prev' | 'next'): Promise<number[]> {
  const ids: number[] = [];
  for (let url = link(page, rel); url !== undefined; ) {
    const next = await person.get(url);
    ids.push(...idsIn(next));
    url = link(next, rel);
  }
  return ids;
}

const otherSender = 'You can edit and delete only your own messages.';

t.test('a single message is read byte for byte', async (t) => {
  const { alice, bob, carol, chat } = await startCast(t);
  const id = await alice.send(chat, 'Nine?');
  const elsewhere = await alice.createChat('elsewhere');
  const message = `{"content":"Nine?","id":${id},"sender_id":${alice.id},"time":"2026-11-22T08:35:52.123Z"}`;
  const { status, text } = await bob.get(`${chat}/messages/${id}`);
  t.equal(status, 200);
  t.equal(text, `{"message":${message}}`);
  t.equal((await bob.get(chat)).text, `{"messages":[${message}]}`, 'the same as on a page');
  refused(t, await carol.get(`${chat}/messages/${id}`), 403, notMember);
  refused(t, await alice.get(`${elsewhere}/messages/${id}`), 404, noMessage);
  refused(t, await alice.get(`${chat}/messages/999999`), 404, noMessage);
  refused(t, await alice.get(`/api/chats/999999/messages/${id}`), 404, noChat);
});

t.test('users edit only their own messages, which are then marked as edited', async (t) => {
  const { alice, bob, carol, chat, clock, file } = await startCast(t);
  const elsewhere = await alice.createChat('elsewhere');
  const id = await alice.send(chat, 'Nine?');
  const last = await bob.send(chat, 'Yes');
  const url = `${chat}/messages/${id}`;
  const before = allRows(file);
  refused(t, await bob.put(url, { content: 'Ten?' }), 403, otherSender);
  refused(t, await alice.put(`${elsewhere}/messages/${id}`, { content: 'x' }), 404, noMessage);
  refused(t, await carol.put(url, { content: 'Ten?' }), 403, notMember);
  refused(t, await alice.put(`${chat}/messages/999999`, { content: 'Ten?' }), 404, noMessage);
  refused(t, await alice.put(`${chat}/messages/${last}`, { content: 'No' }), 403, otherSender);
  for (const content of ['', ' ', 'x'.repeat(4001), 'nul\u0000']) {
    refused(t, await alice.put(url, { content }), 400, badContent);
  }
  t.strictSame(allRows(file), before);

  clock.now += 1000;
  const extras = {
    ...{ chat_id: elsewhere.split('/').at(-1) ?? '', id: String(last), reply_to: String(last) },
    ...{ sender_id: String(bob.id), user_id: String(bob.id), time: '1970', created_at: '1' },
  };
  done(t, await alice.put(url, { content: 'Ten? 🦆', ...extras }));
  t.strictSame((await alice.get(elsewhere)).body, { messages: [] }, 'it is not moved');
  t.equal(
    (await bob.get(url)).text,
    `{"message":{"content":"Ten? 🦆","id":${id},"sender_id":${alice.id},"time":"2026-11-22T08:35:52.123Z","edited":"2026-11-22T08:35:53.123Z"}}`,
  );
  t.match((await bob.get(chat)).body.messages, [{ edited: /53\.123Z$/ }, { content: 'Yes' }]);
  t.equal((await bob.get(chat)).body.messages[1].edited, undefined);
  t.equal(await lastShown(alice), 'Yes', 'the list shows only the last message');
  clock.now += 1000;
  done(t, await bob.put(`${chat}/messages/${last}`, { content: 'Ten it is' }));
  t.match((await bob.get('/api/chats')).body.chats[0], {
    last_message: 'Ten it is',
    last_message_time: '2026-11-22T08:35:52.123Z',
    sender_id: bob.id,
  });
  t.notMatch(JSON.stringify(allRows(file)), 'Nine?', 'the previous text is gone');
});

t.test(
  'going through all ids reveals only the caller’s chats, with one answer for the rest',
  async (t) => {
    const { alice, carol, chat } = await startCast(t);
    const own = await carol.createChat('Carol’s');
    const mine: number[] = [];
    for (let i = 0; i < 5; i++) {
      await alice.send(chat, `among us ${i}`);
      mine.push(await carol.send(own, `mine ${i}`));
    }
    const gone = mine.pop();
    await carol.delete(`${own}?id=${gone}`);
    const ids = Array.from({ length: 30 }, (_, i) => i + 1);
    const found: number[] = [];
    const elsewhere = new Set<string>();
    for (const id of ids) {
      const answer = await carol.get(`${own}/messages/${id}`);
      if (answer.status === 200) found.push(answer.body.message.id);
      else refused(t, answer, 404, noMessage, `${id}`);
      const { status, headers, text } = await carol.get(`${chat}/messages/${id}`);
      elsewhere.add(JSON.stringify([status, { ...headers, date: '' }, text]));
    }
    t.strictSame(found, mine);
    t.equal(elsewhere.size, 1, 'existing or not, it looks the same to a stranger');
  },
);

t.test('an edit after leaving the chat is refused, and allowed again after a return', async (t) => {
  const { alice, bob, chat } = await startCast(t);
  const id = await bob.send(chat, 'Nine?');
  const edit = () => bob.put(`${chat}/messages/${id}`, { content: 'Ten?' });
  await bob.delete(`/api/chats?chat_id=${chat.split('/').at(-1)}`);
  refused(t, await edit(), 403, notMember);
  await alice.post(`${chat}/members`, { name: 'bob' });
  done(t, await edit());
});

t.test('an owner deletes any message, but not by the documented route', async (t) => {
  const { alice, bob, carol, chat, file } = await startCast(t);
  const [own, ofBob] = [await alice.send(chat, 'mine'), await bob.send(chat, 'his')];
  const remove = (person: Person, id: number) => person.delete(`${chat}/messages/${id}`);
  const before = allRows(file);
  refused(t, await alice.delete(`${chat}?id=${ofBob}`), 403, otherSender);
  refused(t, await bob.delete(`${chat}?id=${own}`), 403, otherSender);
  refused(t, await remove(bob, own), 403, otherSender);
  refused(t, await remove(carol, own), 403, notMember);
  refused(t, await remove(alice, 999_999), 404, noMessage);
  t.strictSame(allRows(file), before);
  done(t, await remove(alice, ofBob));
  refused(t, await bob.get(`${chat}/messages/${ofBob}`), 404, noMessage);
  t.equal(await lastShown(bob), 'mine');
  done(t, await remove(bob, await bob.send(chat, 'again')));
  done(t, await remove(alice, own));
  t.strictSame((await bob.get(chat)).body, { messages: [] });
  t.equal(await lastShown(bob), null);
});

t.test('a reply names the message it answers, even a deleted one', async (t) => {
  const { alice, bob, chat, file } = await startCast(t);
  const id = await alice.send(chat, 'Nine?');
  const elsewhere = await bob.createChat('elsewhere');
  const there = await bob.send(elsewhere, 'there');
  const reply = (to: number | string, content = 'Yes') =>
    bob.post(chat, { content, reply_to: String(to) });
  const before = allRows(file);
  refused(t, await reply(there), 404, noMessage);
  refused(t, await reply(999_999), 404, noMessage);
  const bad = 'The message id in reply_to must be a whole number of at least 1, in plain digits.';
  for (const to of ['', '0', '-1', '01', '1.5', 'x']) refused(t, await reply(to), 400, bad, to);
  t.strictSame(allRows(file), before);

  done(t, await reply(id), 201);
  const [question, answer] = (await alice.get(chat)).body.messages;
  t.strictSame(Object.keys(question), ['content', 'id', 'sender_id', 'time']);
  t.strictSame(Object.keys(answer), ['content', 'id', 'sender_id', 'time', 'reply_to']);
  t.equal(answer.reply_to, id);
  done(t, await alice.delete(`${chat}/messages/${id}`));
  t.strictSame((await alice.get(chat)).body.messages, [answer], 'the answer is unchanged');
  refused(t, await reply(id, 'again'), 404, noMessage);
});

const day = 24 * 3_600_000;

/** Posts with an Idempotency-Key. */
const postOnce = (person: Person, chat: string, key: string, content = 'once') =>
  person.request({
    method: 'POST',
    url: chat,
    payload: { content },
    headers: { 'idempotency-key': key },
  });

t.test('the same key gives the first answer again and posts nothing', async (t) => {
  const { alice, bob, chat, file } = await startCast(t);
  const first = await postOnce(alice, chat, 'k');
  done(t, first, 201);
  const before = allRows(file);
  for (const content of ['once', 'something else']) {
    const again = await postOnce(alice, chat, 'k', content);
    done(t, again, 201);
    t.equal(again.headers.location, first.headers.location);
  }
  const elsewhere = await alice.createChat('elsewhere');
  const there = await postOnce(alice, elsewhere, 'k');
  t.equal(there.headers.location, first.headers.location, 'wherever it is used again');
  t.strictSame((await alice.get(elsewhere)).body, { messages: [] });
  t.strictSame(query(file, 'select * from messages'), before.messages);
  t.not((await postOnce(alice, chat, 'K')).headers.location, first.headers.location);
  t.not((await postOnce(bob, chat, 'k')).headers.location, first.headers.location);
  t.equal((await alice.get(chat)).body.messages.length, 3);
});

t.test('a key bypasses no right, and a refused post does not use it up', async (t) => {
  const { alice, bob, carol, chat } = await startCast(t);
  refused(t, await postOnce(alice, chat, 'k', ' '), 400, badContent);
  done(t, await postOnce(alice, chat, 'k'), 201);
  refused(t, await postOnce(carol, chat, 'k'), 403, notMember);
  done(t, await postOnce(bob, chat, 'k'), 201);
  await bob.delete(`/api/chats?chat_id=${chat.split('/').at(-1)}`);
  refused(t, await postOnce(bob, chat, 'k'), 403, notMember);
  t.equal((await alice.get(chat)).body.messages.length, 2);
});

t.test('a key is remembered for 24 hours, to the millisecond', async (t) => {
  const { alice, chat, clock, db, file } = await startCast(t);
  const first = await postOnce(alice, chat, 'k');
  clock.now += day - 1;
  await runMaintenance(db);
  const inTime = await postOnce(alice, chat, 'k');
  t.equal(inTime.headers.location, first.headers.location);
  clock.now += 1;
  const late = await postOnce(alice, chat, 'k');
  done(t, late, 201);
  t.not(late.headers.location, first.headers.location);
  const again = await postOnce(alice, chat, 'k');
  t.equal(again.headers.location, late.headers.location, 'and for another 24 hours');
  t.equal((await alice.get(chat)).body.messages.length, 2);
  clock.now += day;
  await runMaintenance(db);
  t.strictSame(query(file, 'select * from idempotency_keys'), [], 'then it is cleared');
});

t.test('a key has 1 to 64 characters', async (t) => {
  const { alice, chat, file } = await startCast(t);
  const bad = 'The Idempotency-Key must have 1 to 64 characters.';
  for (const key of ['', 'k'.repeat(65)]) refused(t, await postOnce(alice, chat, key), 400, bad);
  t.strictSame(query(file, 'select * from messages'), []);
  for (const key of ['k'.repeat(64), '"a b"', "';--"]) {
    done(t, await postOnce(alice, chat, key), 201);
  }
});

t.test('of 20 simultaneous posts with one key, one is stored', async (t) => {
  const { alice, chat, file } = await startCast(t);
  const answers = await Promise.all(
    Array.from({ length: 20 }, (_, i) => postOnce(alice, chat, 'k', `try ${i}`)),
  );
  for (const answer of answers) done(t, answer, 201);
  t.equal(new Set(answers.map(({ headers }) => headers.location)).size, 1);
  t.equal(query(file, 'select * from messages').length, 1);
  t.equal(query(file, "select * from events where type = 'message'").length, 1);
});
