import { createHash } from 'node:crypto'
import { canonicalJson } from '../seal/canonical-json.js'
import type { Manifest } from './manifest.js'

/** SHA-256 of a manifest as canonical JSON, its seal included; lower-case hex. */
export function hashManifest(manifest: Manifest): string {
  return createHash('sha256').update(canonicalJson(manifest)).digest('hex')
}
