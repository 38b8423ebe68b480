import type { Log } from '@titan/service'
import { AccountGateways, type AccountGatewaysOptions } from '../gateways/account-gateways.ts'
import { CredentialStore, type Seal } from '../store/accounts/credentials.ts'
import type { Database } from '../store/database.ts'

interface ProgramOptions extends Pick<AccountGatewaysOptions, 'gateways' | 'create'> {
  readonly sql: Database
  readonly seal: Seal
  readonly log: Log
}

/** The gateways of a program and of its accounts. */
export function accountGatewaysOf({ gateways, create, sql, seal, log }: ProgramOptions): AccountGateways {
  return new AccountGateways({
    gateways,
    credentials: new CredentialStore(sql, seal),
    create,
    onError: (error) => log.error('credentials.unreadable', 'credentials of account unusable', { error }),
    onRestored: (gateway) =>
      log.info('credentials.restored', 'credentials of account usable again', { gateway }),
  })
}
