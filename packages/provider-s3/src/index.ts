export { parseS3Url, type S3Location } from './parse-s3-url.js'
export type { S3Credentials, S3Options, SecretSource } from './s3-options.js'
export { s3 } from './s3-store.js'
