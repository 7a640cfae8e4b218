import type { Store } from '../db/store.ts';
import { isoTime } from '../http/schema.ts';
import { listUsers } from '../users/queries.ts';
import { readArguments, type Subcommand } from './command.ts';
import { withDatabase } from './database.ts';
import { printJson, printTable } from './print.ts';

type User = Awaited<ReturnType<typeof listUsers>>[number];

/** How many users are read at a time. */
const pageSize = 1_000;

export const userList: Subcommand = {
  usage: 'user list [--json]',
  summary: 'List the users.',
  async run(args) {
    const { values } = readArguments(userList.usage, args, { json: { type: 'boolean' } });
    const users = await withDatabase(readUsers);
    if (values.json) printJson(users.map(toJson));
    else printTable(['ID', 'ROLE', 'CREATED', 'DISABLED', 'E-MAIL', 'NAME'], users.map(toRow));
  },
};

async function readUsers(db: Store): Promise<User[]> {
  const users: User[] = [];
  for (;;) {
    const page = await db.read(listUsers, { after: users.at(-1)?.id ?? 0, limit: pageSize });
    users.push(...page);
    if (page.length < pageSize) return users;
  }
}

function toJson({ createdAt, disabledAt, ...user }: User) {
  const disabled = disabledAt === null ? null : isoTime(disabledAt);
  return { ...user, created: isoTime(createdAt), disabled };
}

/** The name comes last, because it may contain characters of any width. */
function toRow({ id, role, createdAt, disabledAt, email, name }: User): string[] {
  return [
    String(id),
    role,
    day(createdAt),
    disabledAt === null ? '-' : day(disabledAt),
    email,
    name,
  ];
}

const day = (ms: number) => isoTime(ms).slice(0, 10);
