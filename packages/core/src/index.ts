export type {
  AlertDelivery,
  AlertOperations,
  AlertReport,
  CheckAlertsOptions,
  TestAlertsOptions,
} from './api/alerts.js'
export type {
  BackupOptions,
  BackupResult,
  DestinationOutcome,
  Included,
  ListedBackup,
  ListResult,
  NotIncluded,
  ShownBackup,
  Unreadable,
} from './api/backups.js'
export type { CopyOptions, CopyResult } from './api/copying.js'
export type { DestinationPolicy, DoctorCheck, DoctorOptions, PolicyOptions } from './api/doctor.js'
export type {
  GivenKey,
  KeyOperations,
  KeyProof,
  ProveObjectsOptions,
  ProveOptions,
  RotatedSnapshot,
  RotateObjectsOptions,
  RotateOptions,
  RotateResult,
  SetRotation,
} from './api/keys.js'
export type { Lifeboat } from './api/lifeboat-api.js'
export type {
  ArchivedObjects,
  CopyObjectsOptions,
  CopyObjectsResult,
  ListedSnapshot,
  ListSnapshotsOptions,
  MissedObject,
  ObjectCopy,
  ObjectHistoryOptions,
  ObjectOperations,
  ObjectRestorePlan,
  ObjectRestoreResult,
  ObjectsPruneResult,
  ObjectsRecord,
  ObjectsReport,
  PruneObjectsOptions,
  RestoreObjectsOptions,
  Snapshot,
  SnapshotList,
  VerifyObjectsOptions,
} from './api/objects.js'
export type { DisasterPlan } from './api/plan.js'
export type { ExportOptions, ExportResult, RehearsalOptions, RehearsalResult } from './api/provider.js'
export type {
  BackupContents,
  ContentsEntry,
  ContentsOptions,
  NeededEntry,
  RestoreOptions,
  RestorePart,
  RestorePlan,
  RestoreResult,
} from './api/restoring.js'
export type {
  FilesRestoreOperations,
  FilesRestoreOptions,
  FilesRestorePlan,
  FilesRestoreResult,
  ListedFile,
  PlannedFiles,
  RestoredFiles,
} from './api/restoring-files.js'
export type {
  PlannedRoleStatement,
  RolesRestoreOperations,
  RolesRestoreOptions,
  RolesRestorePlan,
  RolesRestoreResult,
} from './api/restoring-roles.js'
export type { PruneOptions, PruneResult, SweepResult } from './api/retention.js'
export type { BackupName, RunOptions, SelectOptions } from './api/run-options.js'
export type {
  DestinationStatus,
  LastProof,
  ObjectSetStatus,
  ObjectsDestinationStatus,
  ProductStatus,
  State,
  StatusFinding,
  StatusOptions,
  StatusReport,
} from './api/status.js'
export {
  type DrillOptions,
  type DrillReport,
  type Finding,
  type HistoryOptions,
  type SchemaDiff,
  type SchemaDifference,
  type VerificationLevel,
  type VerificationReport,
  type VerifyOptions,
  verificationLevels,
} from './api/verification.js'
export type { ArchiveEntry, ArchiveHeader, TableOfContents } from './archive/archive-header.js'
export {
  ArchiveScanner,
  type ArchiveSummary,
  type ArchiveVisitor,
  type ScannedTable,
} from './archive/archive-scanner.js'
export type {
  DestinationConfig,
  EncryptionConfig,
  LifeboatConfig,
  ProductConfig,
  ResolvedConfig,
  RetentionPolicy,
} from './config/config-schema.js'
export { defineConfig, resolveConfig } from './config/define-config.js'
export type { HookFacts, HookFunction, HookName } from './config/hooks-schema.js'
export { isSecret, type SecretReference, secret } from './config/secret.js'
export { parseDurationMs } from './config/units.js'
export { type Deps, nodeDeps } from './deps.js'
export {
  type DestinationInterval,
  type DestinationTurn,
  destinationTurn,
  isBehind,
  longestPeriodMs,
  rpoAt,
} from './destination/destination-schedule.js'
export { estimateRestore, type RestoreEstimate } from './drill/estimate-restore.js'
export { type DrillExpectations, judgeDrills } from './drill/judge-drills.js'
export { generateKeyPair } from './encryption/open-pgp.js'
export type { FallbackKeys } from './encryption/product-keys.js'
export { BackupError, type BackupErrorOptions, isBackupError } from './errors/backup-error.js'
export { type ErrorCode, errorCodes, retryable } from './errors/error-code.js'
export type { BackupEvent, EventListener, StageName } from './events/backup-event.js'
export { judgeKeys, type KeyExpectations } from './keys/judge-keys.js'
export type { KeyedBackup, KeyFinding, KeyListing, KeyProved, KeyState } from './keys/key-state.js'
export type { KeyProofRecord } from './keys/proof-record.js'
export { type KeyPlace, type KeyReading, readKeyStates } from './keys/read-key-states.js'
export { type KeyHolder, type KeyPairFiles, writeKeyPairs } from './keys/write-key-pair.js'
export { type OpenOptions, openLifeboat } from './lifeboat.js'
export {
  type Abandoned,
  type PauseOptions,
  type PauseResult,
  type PauseWork,
  pauseServices,
  resumeAbandoned,
  resumeServices,
  withServicesPaused,
} from './maintenance/pause-services.js'
export { outcomeOf, type RunFailure, type RunOutcome, type RunPart, type RunStart } from './notify/run-outcome.js'
export { contentArchived, describeArchived } from './objects/archived-summary.js'
export type { PgTools } from './postgres/find-pg-tools.js'
export type {
  BackupProvider,
  BackupSchedule,
  Checking,
  CheckObjective,
  Connecting,
  Creating,
  FollowOptions,
  FollowRecoveryOptions,
  Keeping,
  Maintenance,
  Opening,
  PointInTime,
  ProviderBackup,
  ProviderCallOptions,
  ProviderConnection,
  ProviderOperation,
  ProviderPromises,
  Recovered,
  RecoveredInstances,
  Recovering,
  RecoveryPlan,
  RecoveryWindow,
  Removing,
  RestorePoint,
  RestorePoints,
  Restoring,
  SourceAddress,
  WritingService,
} from './provider/backup-provider.js'
export { dumps } from './provider/dumps.js'
export type { KeptSecret } from './provider/keep-secret.js'
export {
  type JournalPurpose,
  type JournalRecord,
  type OperationJournal,
  storeJournal,
} from './provider/operation-journal.js'
export type { ProviderListing, RecoveryGoal } from './provider/recover-product.js'
export { endRehearsal, type RehearsalRun, rehearseRecovery } from './provider/rehearse-recovery.js'
export { type RecoveryRun, resumeRecovery, runRecovery } from './provider/run-recovery.js'
export { refusedCodes, wrapProviderError } from './provider/wrap-provider-error.js'
export { composeReport } from './report/compose-report.js'
export type {
  DestinationState,
  ObjectiveState,
  ProductReport,
  ReportedDrill,
  ReportFinding,
  ReportModel,
  TrendPoint,
} from './report/report-model.js'
export type { Artifact, Manifest, TableRecord } from './repository/manifest.js'
export type { Check, DrillRecord, DrillStep, ProofRecord, VerificationRecord } from './repository/record-schema.js'
export type { DefaultPrivilege, ProfileFacts } from './restore/inspect-for-profile.js'
export type { ProfileStatement, RestoreProfile } from './restore/restore-profile.js'
export type { EntryRule, Omission } from './restore/select-entries.js'
export { setDefaultPrivilegesAside } from './restore/set-default-privileges-aside.js'
export type { Kept, PruneCandidate, PrunePlan } from './retention/plan-prune.js'
export { planPrune } from './retention/plan-prune.js'
export type { Retrieval } from './retrieval/retrieve-backup.js'
export { defaultRetryPolicy, nextDelayMs, type RetryHistory, type RetryPolicy } from './retry/retry-policy.js'
export { type RetryingOptions, retrying } from './retry/retrying.js'
export { assertKey } from './store/assert-key.js'
export { compareKeys } from './store/compare-keys.js'
export { directory } from './store/directory-store.js'
export { memoryStore } from './store/memory-store.js'
export type { ObjectMetadata } from './store/object-metadata.js'
export type {
  ArchiveState,
  GetOptions,
  ObjectStore,
  PutLock,
  PutOptions,
  Removal,
  RetrievalAsked,
  RetrieveOptions,
  StoreCallOptions,
  StoreCapabilities,
  StoredObject,
  StoreRetry,
  UnfinishedPut,
} from './store/object-store.js'
export { type PolicyNeeds, type StorePolicy, type StoreRole, storeRoles } from './store/store-policy.js'
export type { LifecycleRule, StorePosture } from './store/store-posture.js'
export type { ByteSource } from './streams/byte-source.js'
export { untilAborted } from './streams/until-aborted.js'
export { planTimeline } from './timeline/plan-timeline.js'
export {
  type LossAnswer,
  type LossName,
  lossNames,
  type StoredInstant,
  type Timeline,
  type TimelineDestination,
  type TimelineInput,
  type TimelineProvider,
  type Way,
} from './timeline/timeline.js'
export { toolName, toolVersion } from './tool-version.js'
export { verificationLogMigration } from './verification-log/migration.js'
