import type { z } from 'zod'
import { BackupError } from '../errors/backup-error.js'
import type { HttpAnswer, HttpApi, HttpCall } from './http-api.js'

/**
 * Calls, and reads the answer by a schema. Keep schemas as lenient as the use allows: only what is read, enums as open
 * strings, `nullish` where practice says so.
 * @throws BackupError `provider-answer-invalid` naming the path, never the value
 */
export async function callFor<T>(api: HttpApi, schema: z.ZodType<T>, call: HttpCall): Promise<T> {
  const { body } = await api.call(call)
  return readAnswer(api, schema, call, body)
}

/** Reads a body by a schema. */
export function readAnswer<T>(
  api: Pick<HttpApi, 'service' | 'redact'>,
  schema: z.ZodType<T>,
  call: Pick<HttpCall, 'method' | 'path'>,
  body: HttpAnswer['body'],
): T {
  const read = schema.safeParse(body)
  if (read.success) return read.data
  const issue = read.error.issues[0]
  const where = issue === undefined || issue.path.length === 0 ? 'the answer' : issue.path.join('.')
  throw new BackupError(
    'provider-answer-invalid',
    `${api.service} answers ${call.method} ${api.redact(call.path)} in a way that is not understood: ${where}: ${issue?.message ?? 'unexpected'}`,
    { hint: 'update lifeboat: the provider may have changed its API' },
  )
}
