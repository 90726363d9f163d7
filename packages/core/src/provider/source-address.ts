import type { ProductConfig } from '../config/config-schema.js'
import { BackupError } from '../errors/backup-error.js'
import { wrapProviderError } from './wrap-provider-error.js'

/**
 * The address of a product's database: the configured one, or one that the provider gives for a short time.
 * @throws BackupError `secret-missing`, and what the provider throws
 */
export async function sourceAddress(
  config: Pick<ProductConfig, 'source' | 'provider'>,
  options: { readonly signal?: AbortSignal | undefined; readonly readOnly?: boolean | undefined },
): Promise<string> {
  const { source, provider } = config
  if (source.url !== 'provider') return source.url.read()
  if (provider?.connecting === undefined)
    throw new BackupError('config-invalid', "source.url is 'provider', and the product's provider gives no connection")
  try {
    return (await provider.connecting.connect(options)).url.read()
  } catch (error) {
    throw wrapProviderError(error, { provider, doing: 'get a connection', signal: options.signal })
  }
}
