/** What the build leaves in dist/ besides the client. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cp, readdir, readFile, symlink, writeFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { tempFolder } from '../helpers/world.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

/** The environment without the modules that tap loads into every Node. */
const env = { PATH: process.env.PATH };

/** Prints for which scripts V8 accepts the compiled code. */
const listAccepted = `
  const { readFileSync } = require('node:fs');
  const { Script } = require('node:vm');
  const isTaken = (name) => {
    const cachedData = readFileSync('dist/' + name + '.cache');
    const source = readFileSync('dist/' + name + '.js', 'latin1');
    return !new Script(source, { cachedData }).cachedDataRejected;
  };
  console.log(['program', 'writer', 'compilers'].filter(isTaken).join());
`;

/** The files of dist/ that any command needs. */
const started = [
  'dist/compilers.js',
  'dist/load.mjs',
  'dist/program.js',
  'dist/snug.mjs',
  'dist/writer.js',
  'dist/writer.mjs',
];

/** Copies the program into a folder of its own. */
async function install(t: Test): Promise<string> {
  const folder = await tempFolder(t);
  for (const path of ['package.json', ...started]) {
    await cp(join(root, path), join(folder, path));
  }
  for (const path of ['node_modules', 'drizzle'])
    await symlink(join(root, path), join(folder, path));
  return folder;
}

t.test('the program is compiled at build time', async (t) => {
  const accepted = execFileSync(process.execPath, ['-e', listAccepted], {
    cwd: root,
    env,
    encoding: 'utf8',
  });
  t.equal(accepted.trim(), 'program,writer,compilers');
});

t.test('the program runs without its compiled code, and writes none', async (t) => {
  const folder = await install(t);
  const help = () => spawnSync(process.execPath, ['dist/snug.mjs', 'help'], { cwd: folder, env });
  t.equal(help().status, 0);
  const there = await readdir(join(folder, 'dist'));
  t.strictSame(
    there.sort(),
    started.map((path) => basename(path)),
  );
});

t.test('compiled code of another Node does no harm', async (t) => {
  const folder = await install(t);
  const compiled = join(folder, 'dist/program.cache');
  const whole = await readFile(join(root, 'dist/program.cache'));
  const others = Buffer.from(whole);
  // The second word is the version of V8.
  others.writeUInt32LE(others.readUInt32LE(4) + 1, 4);
  for (const data of [others, whole.subarray(0, 1000), Buffer.alloc(0)]) {
    await writeFile(compiled, data);
    const { status, stdout } = spawnSync(process.execPath, ['dist/snug.mjs', 'help'], {
      cwd: folder,
      env,
    });
    t.equal(status, 0);
    t.match(stdout.toString(), /^snug serve/);
    t.strictSame(await readFile(compiled), data);
  }
});
