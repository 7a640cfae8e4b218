/** `npm run bench [-- workload …]`: how near the server comes to one that does nothing. */
import { bundleServers } from './bundle.ts';
import { compare } from './compare.ts';
import { generateDatabase } from './generate.ts';
import { describeRun, formatTable, type Outcome, warnings } from './report.ts';
import { readSettings } from './settings.ts';
import { list } from './workloads/list.ts';
import { mixed } from './workloads/mixed.ts';
import { newest } from './workloads/newest.ts';
import { post } from './workloads/post.ts';

const all = [post, newest, list, mixed];

const chosen = choose(process.argv.slice(2));
const settings = readSettings(process.env);
const bundles = await bundleServers();
const database = await generateDatabase(settings);

const outcomes: Outcome[] = [];
for (const workload of chosen) {
  console.error(`${workload.title} …`);
  outcomes.push(await compare(workload, { database, bundles, settings }));
}

console.log(`${describeRun(settings, outcomes)}\n\n${formatTable(outcomes)}`);
for (const warning of warnings(outcomes)) console.log(`\n**Doubtful:** ${warning}`);

function choose(names: string[]) {
  const unknown = names.find((name) => all.every((workload) => workload.name !== name));
  if (unknown !== undefined) {
    throw new Error(`There is no workload "${unknown}". Use some of: ${all.map((w) => w.name)}.`);
  }
  return names.length === 0 ? all : all.filter(({ name }) => names.includes(name));
}
