/**
 * Caches the shell of the client (the page and its files, but nothing of anybody's chats), so that
 * it opens at once, even while the server is away. The build defines `shell`; its version changes
 * with every file, which makes the browser install the new worker.
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

/** An open page of this server. */
interface Page {
  readonly url: string;
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
  event.waitUntil(cacheShell().then(() => worker.skipWaiting()));
});

worker.addEventListener('activate', (event) => {
  event.waitUntil(deleteOldCaches().then(() => worker.clients.claim()));
});

worker.addEventListener('fetch', (event) => {
  const { pathname, origin } = new URL(event.request.url);
  const isShell = origin === location.origin && shell.files.includes(pathname);
  if (event.request.method !== 'GET' || !isShell) return;
  event.respondWith(pathname === '/' ? networkFirst(event.request) : cacheFirst(event.request));
});

/** Caches all files or none: a file that is not the server's would stay until the next version. */
async function cacheShell(): Promise<void> {
  const files = await Promise.all(shell.files.map(fetchFile));
  const cache = await caches.open(cacheName);
  await Promise.all(files.map((file, index) => cache.put(shell.files[index] ?? '', file)));
}

/** Fetches a file of the shell; throws if something else answers, such as a login page. */
async function fetchFile(path: string): Promise<Response> {
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

/** Whether a page is of this version: then it names the script of this version. */
async function isOwnPage(response: Response): Promise<boolean> {
  const script = shell.files.find((file) => file.startsWith('/assets/app-')) ?? '';
  return (await response.text()).includes(script.slice(1));
}

worker.addEventListener('notificationclick', (event) => {
  event.notification.close();
  event.waitUntil(openPage(String(event.notification.data?.open ?? '')));
});

/** Shows a path of the client in the page of it that was used last, or in a new one. */
async function openPage(path: string): Promise<void> {
  const pages = await worker.clients.matchAll({ type: 'window', includeUncontrolled: true });
  // The documentation of the API is a page too.
  const page = pages.find(({ url }) => new URL(url).pathname === '/');
  if (page === undefined) return void (await worker.clients.openWindow(`/${path}`));
  page.postMessage({ open: path });
  await page.focus();
}

async function deleteOldCaches(): Promise<void> {
  const names = (await caches.keys()).filter((name) => name !== cacheName);
  await Promise.all(names.map((name) => caches.delete(name)));
}

/** How long the server may take for the page before the cached one is shown, in ms. */
const networkTimeout = 3_000;

/**
 * Prefers the server's page, because it names the newest files. A proxy whose server is away
 * answers 502 to 504, or takes a long time.
 */
async function networkFirst(request: Request): Promise<Response> {
  const fresh = fetch(request);
  const cached = await caches.match('/');
  if (cached === undefined) return fresh;
  const good = fresh.then(
    (response) => (response.status < 500 ? response : cached),
    () => cached,
  );
  const late = new Promise<Response>((resolve) => setTimeout(resolve, networkTimeout, cached));
  return Promise.race([good, late]);
}

/** The names of the other files contain a hash of their content, so a cached one is current. */
async function cacheFirst(request: Request): Promise<Response> {
  return (await caches.match(request)) ?? fetch(request);
}
