/** The start of the client. */
import { render } from 'preact';
import { App } from './app.tsx';
import { loadAccount } from './state/account.ts';
import { connection } from './state/connection.ts';
import { openFailures } from './state/failures.ts';
import { chooseLanguage } from './texts/index.ts';

const root = document.getElementById('app');
await chooseLanguage();
openFailures();
if (root !== null) render(<App />, root);
const slow = setTimeout(() => (connection.value = 'broken'), 3_000);
// The server may be starting: the page retries, so that nobody has to reload it.
while (!(await isAccountLoaded())) await delay(2_000);
clearTimeout(slow);
if (window.isSecureContext) navigator.serviceWorker?.register('sw.js').catch(noWorker);

/** Without the cached shell the client only fails to open while the server is away. */
function noWorker(): void {}

async function isAccountLoaded(): Promise<boolean> {
  try {
    await loadAccount();
    return true;
  } catch {
    connection.value = 'broken';
    return false;
  }
}

function delay(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
