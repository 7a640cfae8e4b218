/**
 * Fastify's own schema compilers, made lazy: a route's schema is compiled when the route is first
 * used. Compiling all of them at once took a third of the server's start.
 */
import { AjvCompiler, type BuildCompilerFromPool } from '@fastify/ajv-compiler';
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler';

/** A validator made by Ajv: its `errors` are those of the latest call. */
interface Validate {
  (data: unknown): boolean;
  errors?: unknown;
}

type Compile<Compiled> = (route: unknown) => Compiled;

const buildValidator: BuildCompilerFromPool = (schemas, options) => {
  let compile: Compile<Validate> | undefined;
  const compileLater: Compile<Validate> = (route) => {
    let compiled: Validate | undefined;
    const validate: Validate = (data) => {
      compile ??= AjvCompiler()(schemas, options) as unknown as Compile<Validate>;
      compiled ??= compile(route);
      const isValid = compiled(data);
      validate.errors = compiled.errors;
      return isValid;
    };
    return validate;
  };
  return compileLater as unknown as ReturnType<BuildCompilerFromPool>;
};

const buildSerializer: ReturnType<typeof SerializerSelector> = (schemas, options) => {
  type Build = ReturnType<typeof buildSerializer>;
  let compile: Build | undefined;
  return (route) => {
    let compiled: ReturnType<Build> | undefined;
    return (data: unknown) => {
      compile ??= SerializerSelector()(schemas, options);
      compiled ??= compile(route);
      return compiled(data);
    };
  };
};

export const compilersFactory = { buildValidator, buildSerializer };
