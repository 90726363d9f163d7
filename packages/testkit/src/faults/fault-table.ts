/** What must catch a fault: a level of verification, or the command itself. */
export type FaultLevel =
  /** The backup refuses: no manifest, no object that looks whole, an error. */
  | 'backup'
  | 'listed'
  | 'stored'
  | 'content'
  /** A restore into a scratch database, compared with the backup. */
  | 'restored'
  /** A look at the stores and the clock, with nobody having run. */
  | 'status'
  /** The second run is refused and told who holds the lock. */
  | 'lock'
  /** The other destinations are whole; exit status 3. */
  | 'partial'
  /** A prune, its plan and what it does. */
  | 'prune'
  /** The plan of a restore, before anything is changed. */
  | 'plan'
  /** The restore itself. */
  | 'restore'
  /** Refused when it starts; exit status 2. */
  | 'start'

/** A fault, and every level at which a test run must have seen it caught. */
export interface Fault {
  readonly number: number
  readonly words: string
  readonly caughtAt: readonly FaultLevel[]
  /** Why nothing catches it yet. It is an error when something does, so that this goes away then. */
  readonly open?: string
}

const listed = ['listed', 'stored', 'content'] as const
const stored = ['stored', 'content'] as const

/** Every fault that must be caught. A row here without a test fails the test command, and so does a lost test. */
export const faultTable: readonly Fault[] = [
  { number: 1, words: 'pg_dump is killed half-way', caughtAt: ['backup'] },
  { number: 2, words: 'pg_dump fails after it wrote everything, or may not read a table', caughtAt: ['backup'] },
  { number: 3, words: 'the connection to the server is cut during COPY', caughtAt: ['backup'] },
  { number: 4, words: 'pg_dump ends well but its output is cut short or wrong', caughtAt: ['backup'] },
  { number: 5, words: 'an empty dump, or one of an empty database', caughtAt: ['backup', ...listed, 'restored'] },
  { number: 6, words: 'a stored object is cut short', caughtAt: [...listed, 'restored'] },
  { number: 7, words: 'a stored object is missing or replaced', caughtAt: [...listed, 'restored'] },
  { number: 8, words: 'a bit of a stored object flips', caughtAt: [...stored, 'restored'] },
  { number: 9, words: 'artifacts are swapped, or an old one is played again', caughtAt: ['content', 'restored'] },
  { number: 10, words: 'the manifest is edited', caughtAt: ['content', 'restored'] },
  { number: 11, words: 'whole gzip of a dump that was cut before', caughtAt: ['content', 'restored'] },
  { number: 12, words: 'the key is wrong or missing', caughtAt: ['content', 'restored'] },
  { number: 13, words: 'a critical table is missing, empty, or lost rows', caughtAt: [...listed, 'restored'] },
  { number: 14, words: 'the newest backup is older than the RPO', caughtAt: [...listed, 'restored', 'status'] },
  { number: 15, words: 'the size is unusual, or out of range', caughtAt: [...listed, 'restored'] },
  { number: 16, words: 'the store errs, throttles, resets, stalls or refuses', caughtAt: ['backup'] },
  { number: 17, words: 'the process is killed at any point', caughtAt: ['backup', 'prune'] },
  { number: 18, words: 'the disk of a folder store is full', caughtAt: ['backup'] },
  { number: 19, words: 'two runs of one product at once', caughtAt: ['lock'] },
  { number: 20, words: 'one of several destinations is down', caughtAt: ['partial'] },
  { number: 21, words: 'retention under attack', caughtAt: ['prune'] },
  { number: 22, words: 'a target that is not fit for the restore', caughtAt: ['plan'] },
  { number: 23, words: 'the restore is cut half-way', caughtAt: ['restore'] },
  {
    number: 24,
    words: 'a function, trigger, policy or sequence value is missing after a restore',
    caughtAt: ['restored'],
  },
  { number: 25, words: 'the configuration is wrong', caughtAt: ['start'] },
]
