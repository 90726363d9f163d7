import type { ProviderOperations } from '../api/provider.js'
import type { RunOptions } from '../api/run-options.js'
import { readLock } from '../encryption/product-keys.js'
import { pauseServices, resumeServices } from '../maintenance/pause-services.js'
import { runExport } from '../mirror/run-export.js'
import { keepSecret, putSecretBack } from '../provider/keep-secret.js'
import {
  findRestorePoint,
  forgetProductRecovery,
  listProvider,
  makeRestorePoint,
  type ProviderJob,
  planProductRecovery,
  readWindow,
  recoverProduct,
  resumeProductRecovery,
} from '../provider/recover-product.js'
import { runRehearsal } from '../provider/run-rehearsal.js'
import type { OpenContext } from './open-context.js'
import { pauseWorkOf } from './pause-work.js'

export function providerOperations(context: OpenContext): ProviderOperations {
  const { deps, folder, productOf, productFor, unlockFor } = context
  const providerJobOf = (product: string, run: RunOptions): ProviderJob => {
    const { provider, destinations } = productFor(product, run)
    return { product, provider, stores: Object.values(destinations).map(one => one.store), now: deps.now }
  }

  return {
    export: async (product, run = {}) => runExport({ product, config: productFor(product, run), folder, deps }, run),
    rehearse: async (product, run = {}) => runRehearsal({ product, config: productFor(product, run), deps }, run),
    pause: async (product, run = {}) => pauseServices(pauseWorkOf(context, product, run), run),
    resume: async (product, run = {}) => resumeServices(pauseWorkOf(context, product, run), run),
    providerBackups: async (product, run = {}) => listProvider(providerJobOf(product, run), run),
    recoveryWindow: async (product, run = {}) => readWindow(providerJobOf(product, run), run),
    planRecovery: async (product, goal, run = {}) => planProductRecovery(providerJobOf(product, run), goal, run),
    recover: async (product, plan, run = {}) => recoverProduct(providerJobOf(product, run), plan, run),
    resumeRecovery: async (product, run = {}) => resumeProductRecovery(providerJobOf(product, run), run),
    forgetRecovery: async (product, run = {}) => forgetProductRecovery(providerJobOf(product, run), run),
    makeRestorePoint: async (product, name, run = {}) => makeRestorePoint(providerJobOf(product, run), name, run),
    restorePoint: async (product, run = {}) => findRestorePoint(providerJobOf(product, run), run.name, run),
    keepSecret: async (product, run = {}) =>
      keepSecret(providerJobOf(product, run), await readLock(productOf(product).encryption, folder), run),
    putSecretBack: async (product, run = {}) =>
      putSecretBack(providerJobOf(product, run), await unlockFor(product)(), run),
  }
}
