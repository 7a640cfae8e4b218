/**
 * Keeps the shell of the client (the page and its files, nothing of anybody's chats), so that it
 * opens at once and while the server is away. `shell` is put in by the build; its first word changes
 * with every file, which makes the browser take the new one.
 */
declare const shell: { readonly version: string; readonly files: readonly string[] };

interface WorkerScope {
  addEventListener(
    type: 'install' | 'activate' | 'fetch' | 'notificationclick',
    listener: (event: WorkerEvent) => void,
  ): void;
  skipWaiting(): Promise<void>;
  readonly clients: {
    claim(): Promise<void>;
    matchAll(options: object): Promise<readonly Page[]>;
    openWindow(path: string): Promise<unknown>;
  };
}

/** An open page of the client. */
interface Page {
  focus(): Promise<unknown>;
  postMessage(message: object): void;
}

interface WorkerEvent {
  readonly notification: Notification;
  readonly request: Request;
  waitUntil(work: Promise<unknown>): void;
  respondWith(answer: Promise<Response>): void;
}

const worker = self as unknown as WorkerScope;
const cacheName = `snug-${shell.version}`;

worker.addEventListener('install', (event) => {
  event.waitUntil(keepShell().then(() => worker.skipWaiting()));
});

worker.addEventListener('activate', (event) => {
  event.waitUntil(dropOthers().then(() => worker.clients.claim()));
});

worker.addEventListener('fetch', (event) => {
  const { pathname, origin } = new URL(event.request.url);
  const isShell = origin === location.origin && shell.files.includes(pathname);
  if (event.request.method !== 'GET' || !isShell) return;
  event.respondWith(pathname === '/' ? freshOrKept(event.request) : keptOrFresh(event.request));
});

/** All of it or nothing: a part that is not the server's would stay until the next version. */
async function keepShell(): Promise<void> {
  const parts = await Promise.all(shell.files.map(fetchPart));
  const cache = await caches.open(cacheName);
  await Promise.all(parts.map((part, index) => cache.put(shell.files[index] ?? '', part)));
}

/** Fetches a file of the shell; throws if something else answers, as a login page does. */
async function fetchPart(path: string): Promise<Response> {
  const response = await fetch(path, { cache: 'no-cache', redirect: 'error' });
  const type = response.headers.get('content-type') ?? '';
  const isOurs = response.ok && type.startsWith(typeOf(path));
  if (!isOurs || (path === '/' && !(await isOwnPage(response.clone())))) throw new Error(path);
  return response;
}

function typeOf(path: string): string {
  const ending = path.slice(path.lastIndexOf('.') + 1);
  return (
    { css: 'text/css', js: 'text/javascript', svg: 'image/svg', '/': 'text/html' }[ending] ?? ''
  );
}

/** The page of this version names the script of this version. */
async function isOwnPage(response: Response): Promise<boolean> {
  const script = shell.files.find((file) => file.startsWith('/assets/app-')) ?? '';
  return (await response.text()).includes(script.slice(1));
}

worker.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(openPage(String(event.notification.data?.open ?? '')));
});

/** Shows a place in the client: in a page that is open, or in a new one. */
async function openPage(path: string): Promise<void> {
  const [page] = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
  if (page === undefined) return void (await worker.clients.openWindow(`/${path}`));
  page.postMessage({ open: path });
  await page.focus();
}

async function dropOthers(): Promise<void> {
  const names = (await caches.keys()).filter((name) => name !== cacheName);
  await Promise.all(names.map((name) => caches.delete(name)));
}

/** The server has this long for the page before the kept one is shown, in ms. */
const patience = 3_000;

/**
 * The page names its files, so the newest one is wanted, if it can be had. A proxy whose server is
 * away answers 502 to 504, or nothing for a long time.
 */
async function freshOrKept(request: Request): Promise<Response> {
  const fresh = fetch(request);
  const kept = await caches.match('/');
  if (kept === undefined) return fresh;
  const good = fresh.then(
    (response) => (response.status < 500 ? response : kept),
    () => kept,
  );
  const late = new Promise<Response>((resolve) => setTimeout(resolve, patience, kept));
  return Promise.race([good, late]);
}

/** The other files have their contents in their names. */
async function keptOrFresh(request: Request): Promise<Response> {
  return (await caches.match(request)) ?? fetch(request);
}
