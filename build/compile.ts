/** Is loaded before the program is: keeps beside each script of dist/ what was compiled of it; see build/build.ts. */
import { writeFileSync } from 'node:fs';
import vm, { type ScriptOptions } from 'node:vm';

/** A script, of whichever thread, whose compiled code is kept when that thread ends. */
class KeptScript extends vm.Script {
  constructor(source: string, options: ScriptOptions & { filename: string }) {
    super(source, options);
    process.on('exit', () => {
      writeFileSync(options.filename.replace(/js$/, 'cache'), this.createCachedData());
    });
  }
}

Object.assign(vm, { Script: KeptScript });
