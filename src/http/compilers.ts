/**
 * Fastify's own compilers of schemas, put off: what a route takes and gives is compiled when it is
 * first asked for. All at once, that was a third of the time that the server takes to start.
 */
import { AjvCompiler, type BuildCompilerFromPool } from '@fastify/ajv-compiler';
import { SerializerSelector } from '@fastify/fast-json-stringify-compiler';

/** What Ajv makes of a schema: the errors of a call stand beside it until the next one. */
interface Validate {
  (data: unknown): boolean;
  errors?: unknown;
}

type Compile<Compiled> = (route: unknown) => Compiled;

const buildValidator: BuildCompilerFromPool = (schemas, options) => {
  const compile = AjvCompiler()(schemas, options) as unknown as Compile<Validate>;
  const compileLater: Compile<Validate> = (route) => {
    let compiled: Validate | undefined;
    const validate: Validate = (data) => {
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
  const compile = SerializerSelector()(schemas, options);
  return (route) => {
    let compiled: ReturnType<typeof compile> | undefined;
    return (data: unknown) => {
      compiled ??= compile(route);
      return compiled(data);
    };
  };
};

export const compilersFactory = { buildValidator, buildSerializer };
