import type { Finding } from '../lifeboat-api.js'

/** A finding that makes a verification fail. */
export function critical(code: string, message: string, hint: string | null): Finding {
  return { severity: 'critical', code, message, hint }
}
