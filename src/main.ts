/** The command line: `snug [serve]`. */
import { StartError } from './errors.ts';
import { serve } from './serve.ts';

const commands: Record<string, () => Promise<void>> = { serve };

async function main(name = 'serve'): Promise<void> {
  const command = Object.hasOwn(commands, name) ? commands[name] : undefined;
  if (command === undefined) {
    throw new StartError(`There is no command "${name}". Use one of: ${Object.keys(commands)}.`);
  }
  await command();
}

try {
  await main(process.argv[2]);
} catch (error) {
  // A StartError is meant for the reader as it stands; anything else is a defect: show it whole.
  console.error(error instanceof StartError ? `snug: ${error.message}` : error);
  process.exit(1);
}
