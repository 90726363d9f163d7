export {
  type MemoryProviderLog,
  type MemoryProviderOptions,
  memoryProvider,
} from '../provider/memory-provider.js'
export { type ObjectStoreSubject, objectStoreSuite, type SuiteRunner } from './object-store-suite.js'
export { backupProviderSuite, type ProviderSubject } from './provider-suite.js'
