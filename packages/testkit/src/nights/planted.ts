import type { ErrorCode } from '../../../core/src/errors/error-code.js'

/** Something that goes wrong between two hours of the simulation. */
export type Planted = {
  readonly product: string
  /** In hours from the start. */
  readonly from: number
  readonly until: number
} & (
  | { readonly kind: 'backup-fails'; readonly code: ErrorCode }
  | { readonly kind: 'store-full'; readonly destination: string }
  | { readonly kind: 'store-down'; readonly destination: string }
  | { readonly kind: 'damage'; readonly destination: string }
  | { readonly kind: 'key-missing' }
  | { readonly kind: 'rows-differ-live' }
  | { readonly kind: 'drill-fails' }
  | { readonly kind: 'prune-fails' }
  | { readonly kind: 'scheduler-stopped' }
  | { readonly kind: 'copy-fails'; readonly set: string; readonly code: ErrorCode }
)

/** What may be told because of it; the first must be, once it shows. A subject is left out where any will do. */
export function consequencesOf(planted: Planted): readonly string[] {
  switch (planted.kind) {
    case 'backup-fails':
      return [`backup-failed ${planted.code}`, 'backup-too-old', 'schedule-missed backup']
    case 'store-full':
      return [`backup-partial ${planted.destination}`]
    case 'store-down': {
      const { destination } = planted
      const runs = ['backup', 'verify', 'drill', 'prune'].map(job => `${job}-failed ${destination} store-unreachable`)
      const late = [
        'backup-too-old',
        'schedule-missed backup',
        'schedule-missed verify',
        `never-verified ${destination}`,
      ]
      const alone = ['backup-failed destinations-failed', 'drill-failed store-unreachable']
      const objects = [
        'objects-behind',
        'objects-verify-failed',
        'objects-copy-failed',
        'schedule-missed verify:storage',
      ]
      return [
        `store-unreachable ${destination}`,
        `backup-partial ${destination}`,
        ...runs,
        ...late,
        ...alone,
        ...objects,
      ]
    }
    case 'damage':
      return [`verification-failed ${planted.destination}`]
    case 'key-missing':
      return ['key-missing', 'schedule-missed verify', 'never-verified']
    case 'rows-differ-live':
      return ['rows-out-of-tolerance']
    case 'drill-fails':
      return ['drill-failed']
    case 'prune-fails':
      return ['prune-failed']
    case 'scheduler-stopped':
      return [
        'schedule-missed backup',
        'schedule-missed verify',
        'schedule-missed drill',
        'drill-overdue',
        'backup-too-old',
        'never-verified',
        ...['copy:uploads', 'copy:recordings', 'verify:uploads', 'verify:recordings'].map(
          job => `schedule-missed ${job}`,
        ),
        'objects-too-old',
      ]
    case 'copy-fails':
      return [
        `objects-copy-failed ${planted.set} ${planted.code}`,
        `schedule-missed copy:${planted.set}`,
        'objects-too-old',
      ]
  }
}
