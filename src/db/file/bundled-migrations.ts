/** The build replaces the call by its result: see `inlineConstants` in build/bundling.ts. */
import { migrationsFolder, readMigrations } from './migrations.ts';

/** The migrations that come with the program. */
export const bundledMigrations = readMigrations(migrationsFolder);
