import type { Lifeboat } from './api/lifeboat-api.js'
import type { LifeboatConfig } from './config/config-schema.js'
import { alertOperations } from './operations/alerts.js'
import { backupOperations } from './operations/backups.js'
import { copyOperations } from './operations/copying.js'
import { doctorOperations } from './operations/doctor.js'
import { keyOperations } from './operations/keys.js'
import { withCopyHooks } from './operations/object-hooks.js'
import { objectOperations } from './operations/objects.js'
import { type OpenOptions, openContext } from './operations/open-context.js'
import { planOperations } from './operations/plan.js'
import { providerOperations } from './operations/provider.js'
import { restoreOperations } from './operations/restoring.js'
import { filesRestoreOperations } from './operations/restoring-files.js'
import { rolesRestoreOperations } from './operations/restoring-roles.js'
import { retentionOperations } from './operations/retention.js'
import { scheduleOperations } from './operations/schedule.js'
import { statusOperations } from './operations/status.js'
import { verificationOperations } from './operations/verification.js'

export type { OpenOptions } from './operations/open-context.js'

/**
 * Opens the toolkit on a configuration; without one, only addresses can be named. Checks the configuration; opens no
 * connection and reads no secret yet.
 * @throws BackupError `config-invalid`
 */
export async function openLifeboat(config: LifeboatConfig | undefined, options: OpenOptions = {}): Promise<Lifeboat> {
  const context = openContext(config, options)
  const destinations = (product: string) => Object.keys(context.productOf(product).destinations)
  const backups = backupOperations(context)
  const verification = verificationOperations(context)
  const retention = retentionOperations(context)
  const objects = withCopyHooks(context, objectOperations(context))
  const keys = keyOperations(context)
  const status = statusOperations(context, keys)
  return {
    products: context.products,
    destinations,
    ...backups,
    ...copyOperations(context),
    ...verification,
    ...restoreOperations(context),
    ...filesRestoreOperations(context),
    ...rolesRestoreOperations(context),
    ...retention,
    ...scheduleOperations(context, { ...backups, ...verification, ...retention, ...objects, destinations }),
    ...providerOperations(context),
    ...objects,
    ...doctorOperations(context),
    ...keys,
    ...planOperations(context, { ...verification, ...keys }),
    ...status,
    ...alertOperations(context, (products, signal) => status.status({ products, signal, keys: true })),
  }
}
