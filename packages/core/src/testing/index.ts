export { type ObjectStoreSubject, objectStoreSuite, type SuiteRunner } from './object-store-suite.js'
