import type { AlertOperations } from './alerts.js'
import type { BackupOperations } from './backups.js'
import type { CopyOperations } from './copying.js'
import type { DoctorOperations } from './doctor.js'
import type { KeyOperations } from './keys.js'
import type { ObjectOperations } from './objects.js'
import type { PlanOperations } from './plan.js'
import type { ProviderOperations } from './provider.js'
import type { RestoreOperations } from './restoring.js'
import type { FilesRestoreOperations } from './restoring-files.js'
import type { RolesRestoreOperations } from './restoring-roles.js'
import type { RetentionOperations } from './retention.js'
import type { ScheduleOperations } from './schedule.js'
import type { StatusOperations } from './status.js'
import type { VerificationOperations } from './verification.js'

/** The toolkit, opened on one configuration. */
export interface Lifeboat
  extends BackupOperations,
    CopyOperations,
    VerificationOperations,
    RestoreOperations,
    FilesRestoreOperations,
    RolesRestoreOperations,
    RetentionOperations,
    ScheduleOperations,
    ProviderOperations,
    ObjectOperations,
    DoctorOperations,
    KeyOperations,
    PlanOperations,
    StatusOperations,
    AlertOperations {
  readonly products: readonly string[]
  /** The names of a product's destinations, in configured order. */
  destinations(product: string): readonly string[]
}
