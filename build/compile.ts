/**
 * Loaded before the program: stores the compiled code next to each script of dist/; see
 * build/build.ts.
 */
import { writeFileSync } from 'node:fs';
import vm, { type ScriptOptions } from 'node:vm';

/** A script in any thread whose compiled code is stored when that thread ends. */
class CachedScript extends vm.Script {
  constructor(source: string, options: ScriptOptions & { filename: string }) {
    super(source, options);
    process.on('exit', () => {
      writeFileSync(options.filename.replace(/js$/, 'cache'), this.createCachedData());
    });
  }
}

Object.assign(vm, { Script: CachedScript });
