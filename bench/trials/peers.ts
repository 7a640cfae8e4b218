/** Other servers at the same work: the same sessions, chats, messages and requests. */
import { execFileSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type Contestant, compare, roundsLast } from '../compare.ts';
import { tokenOf } from '../fill.ts';
import type { Lab } from '../lab.ts';
import type { Workload } from '../requests.ts';
import type { Comparison, Trial } from '../trial.ts';
import { newest } from '../workloads/newest.ts';
import { post } from '../workloads/post.ts';

const folder = fileURLToPath(new URL('../peers/', import.meta.url));

const programs = ['express', 'express-prepared', 'feathers', 'koa'];

/** As durable as Snug, and the driver's default, which is a rollback journal. */
const durabilities = ['full', 'default'];

const workloads = [post, newest];

export const peers: Trial = {
  name: 'peers',
  few: true,
  lasts: (settings) =>
    workloads.length * roundsLast(settings, 2 + programs.length * durabilities.length) + 60,
  run: async (lab) => {
    // Exactly the packages in the lock, without scripts: the driver comes ready to use.
    execFileSync('npm', ['ci', '--ignore-scripts', '--no-audit', '--no-fund'], { cwd: folder });
    const comparisons: Record<string, Comparison> = {};
    for (const workload of workloads) {
      comparisons[`peers-${workload.name}`] = await measure(lab, workload);
      await lab.clear();
    }
    return { comparisons };
  },
};

async function measure(lab: Lab, workload: Workload): Promise<Comparison> {
  const file = await lab.copy();
  const pool = lab.pool(workload, file);
  const template = exportTables(lab, file);
  const snug = await lab.snug(file);
  const contestants: Record<string, Contestant> = {
    floor: { server: await lab.floor(snug, pool) },
    snug: { server: snug },
  };
  for (const program of programs) {
    for (const durability of durabilities) {
      const database = lab.newFile('peer.db');
      copyFileSync(template, database);
      const env = { DATABASE: database, DURABILITY: durability };
      const server = await lab.start([`${folder}${program}.js`], { env });
      contestants[`${program}, ${durability}`] = { server };
    }
  }
  return compare(lab, { title: `${workload.title}, with the peers` }, pool, contestants);
}

/** The tables in their usual form. */
function exportTables(lab: Lab, file: string): string {
  const template = lab.newFile('peers.db');
  lab.change(template, (sqlite) => {
    sqlite.function('token_of', tokenOf as (userId: unknown) => string);
    sqlite.exec(`
      attach '${file}' as snug;
      create table sessions (id integer primary key, user_id integer not null, token text unique);
      create table memberships (chat_id integer, user_id integer, primary key (chat_id, user_id));
      create table messages (id integer primary key autoincrement, chat_id integer not null,
        sender_id integer not null, content text not null, time text not null);
      insert into sessions select id, user_id, token_of(user_id) from snug.sessions;
      insert into memberships select chat_id, user_id from snug.memberships;
      insert into messages
        select id, chat_id, sender_id, content,
          strftime('%Y-%m-%dT%H:%M:%fZ', created_at / 1000.0, 'unixepoch')
        from snug.messages order by id;
      create index messages_chat on messages (chat_id);
      detach snug`);
  });
  return template;
}
