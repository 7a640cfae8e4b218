/**
 * Fastify's own schema compilers, made lazy: a route's schema is compiled when the route is first
 * used. Compiling all of them at once took a third of the server's start.
 */
import { AjvCompiler, type BuildCompilerFromPool } from '@fastify/ajv-compiler';
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler';
import { once } from './generated-files.ts';

/** A validator made by Ajv: its `errors` are those of the latest call. */
interface Validate {
  (data: unknown): boolean;
  errors?: unknown;
}

const buildValidator: BuildCompilerFromPool = (schemas, options) => {
  const compile = once(
    () => AjvCompiler()(schemas, options) as unknown as (route: unknown) => Validate,
  );
  const compileLater = (route: unknown): Validate => {
    const compiled = once(() => compile()(route));
    const validate: Validate = (data) => {
      const isValid = compiled()(data);
      validate.errors = compiled().errors;
      return isValid;
    };
    return validate;
  };
  return compileLater as unknown as ReturnType<BuildCompilerFromPool>;
};

const buildSerializer: ReturnType<typeof SerializerSelector> = (schemas, options) => {
  const compile = once(() => SerializerSelector()(schemas, options));
  return (route) => {
    const compiled = once(() => compile()(route));
    return (data: unknown) => compiled()(data);
  };
};

export const compilersFactory = { buildValidator, buildSerializer };
