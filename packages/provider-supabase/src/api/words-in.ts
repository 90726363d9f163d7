/** The words of an error body, of the first version of the API (`message`) and of the second (`error.message`). */
export function wordsIn(body: unknown): string {
  if (typeof body === 'string') return body
  if (typeof body !== 'object' || body === null) return ''
  const { message, error } = body as { message?: unknown; error?: unknown }
  if (typeof message === 'string') return message
  return wordsIn(error)
}
