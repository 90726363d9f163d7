import { setFlagsFromString } from 'node:v8'

/**
 * Node 24 and 25 begin a full garbage collection for every 25 MB of buffers or so, however small the heap is: some 70 in
 * a backup of 700 MB, a fifth of its processor time. Counted together with the heap, buffers have the room that the heap
 * has (docs/decisions/0014-collector-of-node-24.md). Older versions do not know the flag, and do not need it.
 */
export function collectLessOften(nodeVersion: string): void {
  if (/^v?2[45]\./.test(nodeVersion)) setFlagsFromString('--external-memory-accounted-in-global-limit')
}
