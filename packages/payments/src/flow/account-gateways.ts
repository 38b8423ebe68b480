import type { Environment, Log } from '@titan/service'
import { AccountGateways, type AccountGatewaysOptions } from '../gateways/account-gateways.ts'
import type { Gateway } from '../gateways/gateway.ts'
import { CredentialStore, type Seal } from '../store/accounts/credentials.ts'
import type { Database } from '../store/database.ts'

interface ProgramOptions extends Pick<AccountGatewaysOptions, 'gateways'> {
  /** Creates the gateway of that name from an environment. */
  readonly create: (name: string, environment: Environment) => Promise<Gateway>
  readonly sql: Database
  readonly seal: Seal
  readonly log: Log
}

/** The gateways of a program and of its accounts, whose variables lie over the environment of the program. */
export function accountGatewaysOf({ gateways, create, sql, seal, log }: ProgramOptions): AccountGateways {
  return new AccountGateways({
    gateways,
    credentials: new CredentialStore(sql, seal),
    create: (name, variables) => create(name, { ...process.env, ...variables }),
    onError: (error) => log.error('credentials.unreadable', 'credentials of account unusable', { error }),
    onRestored: (gateway) =>
      log.info('credentials.restored', 'credentials of account usable again', { gateway }),
  })
}
