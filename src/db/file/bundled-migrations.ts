/** The build puts in its place what it finds out: see `inlineConstants` in build/build.ts. */
import { migrationsFolder, readMigrations } from './migrations.ts';

/** The migrations that come with the program. */
export const bundledMigrations = readMigrations(migrationsFolder);
