/** Real proxies, each a process in front of the server. */
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect as connectSecurely } from 'node:tls';
import type { Test } from 'tap';
import { tempFolder } from './world.ts';

export type ProxyName = 'caddy' | 'nginx' | 'haproxy' | 'apache2';

/** The configuration of a proxy: that of docs/operating.md, or a common one. */
interface Given {
  /** Its site, to which the parts are added that a distribution has in other files. */
  readonly configuration: string;
  /** The address of the server, as in `127.0.0.1:4000`. */
  readonly backend: string;
}

interface Setting extends Given {
  readonly folder: string;
  readonly port: number;
  readonly isSecure: boolean;
}

const isRoot = process.getuid?.() === 0;

const apacheModules = [
  ...['mpm_event', 'authz_core', 'ssl', 'headers', 'http2', 'proxy', 'proxy_http'],
  ...['filter', 'deflate'],
];

/** The configuration file of each proxy, and the arguments that start it. */
const proxies: Record<ProxyName, { file(setting: Setting): string; args(path: string): string[] }> =
  {
    caddy: {
      file: ({ folder, port, isSecure, configuration }) => `{
	admin off
	local_certs
	skip_install_trust
	auto_https disable_redirects
	${isSecure ? 'https_port' : 'http_port'} ${port}
	storage file_system ${folder}
}
${configuration}`,
      args: (path) => ['run', '--adapter', 'caddyfile', '--config', path],
    },
    nginx: {
      file: ({ folder, configuration }) => `
daemon off;
pid ${folder}/pid;
error_log stderr;
${isRoot ? 'user root;' : ''}
events {}
http {
	access_log off;
	${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`).join('\n\t')}
${configuration}
}`,
      args: (path) => ['-c', path],
    },
    haproxy: { file: ({ configuration }) => configuration, args: (path) => ['-db', '-f', path] },
    apache2: {
      file: ({ folder, port, configuration }) => `
DefaultRuntimeDir ${folder}
PidFile ${folder}/pid
ErrorLog ${folder}/error.log
ServerName localhost
Listen 127.0.0.1:${port}
${apacheModules.map((name) => `LoadModule ${name}_module /usr/lib/apache2/modules/mod_${name}.so`).join('\n')}
${isRoot ? 'User www-data\nGroup www-data' : ''}
${configuration}`,
      args: (path) => ['-D', 'FOREGROUND', '-f', path],
    },
  };

/** The same with this machine's ports and files instead of a server's. */
function localised(given: Given, folder: string, port: number): Setting {
  const configuration = given.configuration
    .replaceAll('127.0.0.1:3000', given.backend)
    .replaceAll(/\/etc\/(ssl|haproxy)\//g, `${folder}/`)
    .replace(/listen (443|80)\b/, `listen 127.0.0.1:${port}`)
    .replace(/bind :(443|80)\b/, `bind 127.0.0.1:${port}`)
    .replace(/<VirtualHost \*:(443|80)>/, `<VirtualHost *:${port}>`)
    .replace(/^:80 /m, `:${port} `);
  return { ...given, configuration, folder, port, isSecure: isSecure(given) };
}

/** Whether a configuration is for https. */
const isSecure = ({ configuration }: Given) => /\b443\b|^chat\.example\.org/m.test(configuration);

/** Starts a proxy and resolves with its port on 127.0.0.1, once it listens. */
export async function startProxy(t: Test, name: ProxyName, given: Given): Promise<number> {
  const folder = await tempFolder(t);
  const port = await freePort();
  await makeCertificate(folder);
  const path = join(folder, 'proxy.conf');
  const { file, args } = proxies[name];
  await writeFile(path, file(localised(given, folder, port)));
  const child = spawn(name, args(path), {
    env: { PATH: process.env.PATH, HOME: folder, XDG_CONFIG_HOME: folder },
    stdio: ['ignore', 'ignore', 'pipe'],
    detached: true,
  });
  let said = '';
  child.stderr.on('data', (data: Buffer) => {
    said += data;
  });
  const exited = once(child, 'exit');
  t.teardown(async () => {
    // With its workers, which would wait for open streams.
    process.kill(-Number(child.pid), 'SIGKILL');
    await exited;
  });
  while (!(await isListening(port, isSecure(given)))) {
    if (child.exitCode !== null) throw new Error(`${name} does not start: ${said}`);
    await sleep(20);
  }
  return port;
}

/** A certificate for chat.example.org, with its key in the same file and in a separate one. */
async function makeCertificate(folder: string): Promise<void> {
  const [pem, key] = ['pem', 'key'].map((end) => join(folder, `chat.example.org.${end}`));
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'];
  const where = ['-subj', '/CN=chat.example.org', '-keyout', `${key}`, '-out', `${pem}`];
  execFileSync('openssl', ['req', '-x509', ...kind, ...where], { stdio: 'ignore' });
  execFileSync('sh', ['-c', 'cat "$0" >> "$1"', `${key}`, `${pem}`]);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
}

/** Caddy listens before it has made its certificate. */
async function isListening(port: number, isSecure: boolean): Promise<boolean> {
  const where = { port, host: '127.0.0.1' };
  const socket = isSecure
    ? connectSecurely({ ...where, servername: 'chat.example.org', rejectUnauthorized: false })
    : connect(where);
  try {
    await once(socket, isSecure ? 'secureConnect' : 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}
