/**
 * The tools that a test needs of the system. If one is missing, the test is skipped. If one is
 * installed but does not work, the test fails: a skip would hide what is broken.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import type { Test } from 'tap';
import { tempFolder } from './world.ts';

/** Why a test that needs these tools is skipped, or false if all of them are installed. */
export function without(...tools: readonly string[]): string | false {
  const missing = tools.filter((tool) => !isInstalled(tool));
  return missing.length > 0 && `${missing.join(' and ')}: not installed`;
}

function isInstalled(tool: string): boolean {
  const folders = (process.env.PATH ?? '').split(delimiter);
  return folders.some((folder) => existsSync(join(folder, tool)));
}

/** The bit of `CapEff` in /proc/self/status: see capabilities(7). */
const mayAdminister = 21n;

/** Why nothing can be mounted here, or false: root in a container often may not. */
export const mountless = !hasCapability(mayAdminister) && 'nothing may be mounted here';

function hasCapability(bit: bigint): boolean {
  if (!existsSync('/proc/self/status')) return false;
  const [, set = '0'] =
    /^CapEff:\s*([\da-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8')) ?? [];
  return ((BigInt(`0x${set}`) >> bit) & 1n) === 1n;
}

/** A disk of this size in bytes, until the test ends. */
export async function smallDisk(t: Test, size: number): Promise<string> {
  const folder = await tempFolder(t);
  execFileSync('mount', ['-t', 'tmpfs', '-o', `size=${size}`, 'tmpfs', folder]);
  t.teardown(() => execFileSync('umount', ['--lazy', folder]));
  return folder;
}
