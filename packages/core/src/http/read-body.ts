/** No answer of a management API comes near; one that does is an accident or an attack. */
const maxBodyBytes = 32 * 2 ** 20

/**
 * The body of an answer: undefined where there is none, parsed where it is JSON (whatever its type says), else text.
 * @throws Error past the limit
 */
export async function readBody(response: Response): Promise<unknown> {
  if (response.body === null) return undefined
  const chunks: Uint8Array[] = []
  let total = 0
  for await (const chunk of response.body) {
    total += chunk.byteLength
    if (total > maxBodyBytes) throw new Error(`the answer is longer than ${maxBodyBytes} bytes`)
    chunks.push(chunk)
  }
  const text = Buffer.concat(chunks).toString('utf8')
  if (text.trim() === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    // A proxy's page, or plain words: the caller shows or refuses them.
    return text
  }
}
